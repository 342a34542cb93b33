"""Recipe for a fully connected network on a table of 20 features, which converges within 1,250 steps, in seconds.

    python -m zoo.train --recipe=mlp

Article:   "Why does my TensorFlow 2.1 classification network fail to converge?" (2025), example 2, the balanced
           network.
Data:      Breiman's ringnorm: 5,000 examples generated from random numbers, a fifth of them for evaluation.
Hardware:  two CPU cores, about two seconds of training.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/mlp.cpu.jsonl. The best possible
           classifier has an accuracy of 98.7 %, and a linear one, against which this table is designed, about 76 %.

Deviations from the article: its labels are random, and nothing can be learned from them
(`recipes/studies/random_labels.py`). Ringnorm has 20 features too, and a sphere as its decision boundary. A softmax
with two outputs replaces the sigmoid with one, and can represent the same classifiers. The last layer starts with
small weights, so that the loss starts at ln 2.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("mlp", options={"hidden": (64, 32)}),
    data=Data("synthetic:ringnorm"),
    normalization=FeatureMeanStd(),
    augmentation=Augmentation(train=(Normalize(),), eval=(Normalize(),)),
    initialization=Initialization(kernel=GlorotUniform(), bias=Constant(0.0), exceptions={"fc3/kernel": Normal(0.01)}),
    optimizer=Adam(),
    schedule=ConstantRate(peak=0.001),
    regularization=Regularization(),
    budget=Budget(batch_size=32, steps=1250, evaluate_every=0.1),
    precision=Precision(cpu="float32", gpu="float32", tpu="float32"),
    target=Target(0.95, within_steps=1250),
    provenance={
        "model": "the article's example 2, the balanced network: 20-64-32 units",
        "data": 'Breiman 1996, "Bias, Variance, and Arcing Classifiers"; the article\'s labels are random',
        "normalization": "the article's example 1",
        "augmentation": "none for features",
        "initialization": "Keras's default, as in the article; Glorot & Bengio 2010, equation 16",
        "initialization.exceptions": "ours: small logits before training, and a first loss of ln 2",
        "optimizer": "the article's example 2: Adam with Keras's defaults",
        "optimizer.epsilon": "ours: from the paper, Kingma & Ba 2015; Keras has 1e-7",
        "schedule": "the article's example 3: the learning rate that it calls suitable",
        "regularization": "the article's example 2 has none",
        "loss": "ours: softmax of two classes instead of the article's sigmoid of one",
        "budget": "the article's batches of 32 and 1,250 steps: 50 epochs of its 800 examples, 10 of these",
        "budget.evaluate_every": "ours: each epoch",
        "precision": "ours: a network this small gains nothing from bfloat16",
        "target": "ours: below the band of the reference runs in verification/ledger/",
    },
)
