"""Recipe for a convolution with batch normalization on Fashion-MNIST, which converges within 600 steps, in seconds.

    python -m zoo.train --recipe=bn_cnn

Article:   "What causes TensorFlow CNN training errors?" (2025): the network of example 3, trained as in example 2.
Data:      Fashion-MNIST, shipped with the project: 19,200 of its images, each seen once, and 5,000 others held out.
Hardware:  two CPU cores, about ten seconds of training.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/bn_cnn.cpu.jsonl.

Deviations from the article: it names no data; its network is for 28 x 28 grey pixels and ten classes, like these
images. With Keras's initialization the first loss is 2.9, above the ln 10 = 2.3 of uniform predictions, because batch
normalization gives the last layer 5,408 inputs of unit variance. Here that layer starts with small weights.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("bn_cnn"),
    data=Data("fashion_mnist", validation=1 / 12),
    normalization=UnitRange(),
    augmentation=Augmentation(train=(Normalize(),), eval=(Normalize(),)),
    initialization=Initialization(kernel=GlorotUniform(), bias=Constant(0.0), exceptions={"fc2/kernel": Normal(0.01)}),
    optimizer=Adam(),
    schedule=ReduceOnPlateau(peak=0.001, metric="loss", factor=0.1, patience=5),
    regularization=Regularization(),
    budget=Budget(batch_size=32, steps=600, evaluate_every=0.05, interim_examples=1000),
    precision=Precision(cpu="float32", gpu="float32", tpu="float32"),
    target=Target(0.78, within_steps=600),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "the article's example 3",
        "data.validation": "ours: 5,000 of 60,000 images, for the article's val_loss",
        "normalization": "the article's section 1: pixel values between 0 and 1",
        "augmentation": "the article's examples have none",
        "initialization": "Keras's defaults, as in the article; Glorot & Bengio 2010, equation 16",
        "initialization.exceptions": "ours, see above",
        "optimizer": "the article's example 2: Adam with Keras's defaults",
        "optimizer.epsilon": "ours: from the paper, Kingma & Ba 2015; Keras has 1e-7",
        "schedule": "the article's example 2: ReduceLROnPlateau of val_loss, factor 0.1, patience 5",
        "schedule.minimum_change": "ours: no minimum; Keras's default is 0.0001",
        "regularization": "the article's examples have none",
        "loss": "the article's example 2: categorical cross-entropy",
        "budget": "ours: seconds on two CPU cores; the article trains for 100 epochs",
        "budget.batch_size": "Keras's default, as in the article's example",
        "precision": "ours: a network this small gains nothing from bfloat16",
    },
)
