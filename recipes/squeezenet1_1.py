"""Recipe for SqueezeNet 1.1 on Fashion-MNIST, which converges within 800 steps.

    python -m zoo.train --recipe=squeezenet1_1

Paper:     Iandola et al. 2016, "SqueezeNet", arXiv:1602.07360; version 1.1 is from the authors' repository.
Data:      Fashion-MNIST, shipped with the project: 25,600 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/squeezenet1_1.cpu.jsonl.

Deviations from the paper: the last biases are 1, because the logits pass a ReLU before they are averaged over the
image, as in recipes/nin_cifar.py. With biases of 0, one run with SGD ended with every logit at 0, where there is no
gradient; the authors' repository warns that some runs never begin to learn. Adam replaces SGD, and there is no
dropout. Images have 64 pixels.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("squeezenet1_1", options={"dropout": 0.0}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(Resize(64), HorizontalFlip(), Normalize()), eval=(Resize(64), Normalize())),
    initialization=Initialization(
        kernel=HeNormal(), bias=Constant(0.0), exceptions={"conv10/kernel": Normal(0.01), "conv10/bias": Constant(1.0)}
    ),
    optimizer=Adam(),
    schedule=Polynomial(peak=1e-3, warmup=0.1),
    regularization=Regularization(weight_decay=2e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=800, evaluate_every=0.25, interim_examples=500),
    target=Target(0.77, within_steps=800),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "the authors' repository, SqueezeNet_v1.1",
        "model.options.dropout": "ours, see above; the paper has 0.5",
        "initialization": "He et al. 2015, section 2.2",
        "initialization.exceptions": "the authors' configuration: Gaussian, standard deviation 0.01; ours: the bias",
        "optimizer": "ours: Kingma & Ba 2015; the authors have SGD with momentum 0.9",
        "schedule": "the authors' configuration: linear decay",
        "schedule.peak": "ours: Adam's usual rate",
        "schedule.warmup": "ours: the first steps are the least stable",
        "regularization": "the authors' configuration: 0.0002",
        "loss": "the authors' configuration: softmax",
    },
)
