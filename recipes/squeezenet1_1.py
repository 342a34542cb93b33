"""SqueezeNet 1.1 on Fashion-MNIST: converges within 400 steps.

    python -m zoo.train --recipe=squeezenet1_1

Paper:     Iandola et al. 2016, "SqueezeNet", arXiv:1602.07360; version 1.1 is of the authors' repository.
Data:      Fashion-MNIST, which the project carries; 12,800 of its 60,000 training images are seen, each at most once.
Hardware:  two CPU cores.
Expected:  the table in README.md, from the runs in verification/ledger/squeezenet1_1.cpu.jsonl.

What in it is ours, and why: as in recipes/nin_cifar.py, the logits leave a ReLU before they are averaged over the
image, and the last biases are 1. With 0, one run with SGD ended with every logit at 0, where no gradient is left; the
authors' repository warns that some runs never begin to learn. Adam takes the place of SGD, and there is no dropout.
Images have 64 pixels.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("squeezenet1_1", options={"dropout": 0.0}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(64), HorizontalFlip(), Normalize()),
        eval=(Resize(64), Normalize()),
    ),
    initialization=Initialization(
        kernel=HeNormal(), bias=Constant(0.0), exceptions={"conv10/kernel": Normal(0.01), "conv10/bias": Constant(1.0)}
    ),
    optimizer=Adam(),
    schedule=Polynomial(peak=1e-3, warmup=0.1),
    regularization=Regularization(weight_decay=2e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=400, evaluate_every=0.25, interim_examples=500),
    target=Target(0.66, within_steps=400),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "the authors' repository, SqueezeNet_v1.1",
        "model.options.dropout": "ours, see above; the paper has 0.5",
        "initialization": "He et al. 2015, section 2.2",
        "initialization.exceptions": "the authors' configuration: conv10 is Gaussian with deviation 0.01; its bias is ours, see above",
        "optimizer": "ours: Kingma & Ba 2015; the authors have SGD with momentum 0.9",
        "schedule": "the authors' configuration: the rate falls linearly",
        "schedule.peak": "ours: the usual one for Adam",
        "schedule.warmup": "ours: the first steps are the most dangerous ones",
        "regularization": "the authors' configuration: 0.0002",
        "loss": "the authors' configuration: softmax",
    },
)
