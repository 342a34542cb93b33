"""Recipe for All-CNN-C on Fashion-MNIST, which converges within 200 steps.

    python -m zoo.train --recipe=all_cnn_c

Paper:     Springenberg, Dosovitskiy, Brox, Riedmiller 2015, "Striving for Simplicity: The All Convolutional Net",
           arXiv:1412.6806.
Data:      Fashion-MNIST, shipped with the project: 6,400 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/all_cnn_c.cpu.jsonl.

Deviations from the paper, for the reasons given in recipes/nin_cifar.py: the last biases are 1, because a ReLU
follows the logits; Adam replaces SGD; there is no dropout.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("all_cnn_c", options={"dropout": 0.0, "input_dropout": 0.0}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(HorizontalFlip(), Normalize()), eval=(Normalize(),)),
    initialization=Initialization(
        kernel=HeNormal(), bias=Constant(0.0), exceptions={"conv9/kernel": Normal(0.05), "conv9/bias": Constant(1.0)}
    ),
    optimizer=Adam(),
    schedule=Cosine(peak=5e-4, warmup=0.1),
    regularization=Regularization(),
    budget=Budget(batch_size=32, steps=200, evaluate_every=0.25, interim_examples=500),
    target=Target(0.7, within_steps=200),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "Springenberg et al. 2015, table 1",
        "model.options": "ours, see above; the paper drops 0.2 of the input and 0.5 after strided convolutions",
        "initialization": "He et al. 2015, section 2.2",
        "initialization.exceptions": "ours, see above",
        "optimizer": "ours: Kingma & Ba 2015; the paper has SGD with momentum 0.9",
        "regularization": "ours: a run this short does not overfit; the paper has a weight decay of 0.001",
        "loss": "Springenberg et al. 2015, section 3: softmax",
    },
)
