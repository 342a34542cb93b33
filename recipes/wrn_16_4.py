"""Recipe for WRN-16-4 on Fashion-MNIST, which converges within 120 steps.

    python -m zoo.train --recipe=wrn_16_4

Paper:     Zagoruyko & Komodakis 2016, "Wide Residual Networks", arXiv:1605.07146.
Data:      Fashion-MNIST, shipped with the project: 3,840 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/wrn_16_4.cpu.jsonl.

Deviations from the paper: 120 steps instead of 200 epochs, for which there is recipes/wrn_16_4_cifar10.py.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("wrn_16_4", options={"dropout": 0.0}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(HorizontalFlip(), Normalize()), eval=(Normalize(),)),
    initialization=Initialization(exceptions={"fc/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9, nesterov=True),
    schedule=Cosine(peak=0.05, warmup=0.1),
    regularization=Regularization(weight_decay=5e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=120, evaluate_every=0.25, interim_examples=500),
    target=Target(0.69, within_steps=120),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "Zagoruyko & Komodakis 2016, table 1",
        "initialization": "the network's own, He et al. 2015 in the authors' code",
        "optimizer": "Zagoruyko & Komodakis 2016, section 3: Nesterov momentum of 0.9",
        "regularization": "Zagoruyko & Komodakis 2016, section 3: 0.0005",
        "loss": "Zagoruyko & Komodakis 2016, section 3: cross-entropy",
    },
)
