"""Recipe for Xception on Fashion-MNIST, which converges within 120 steps.

    python -m zoo.train --recipe=xception

Paper:     Chollet 2017, "Xception: Deep Learning with Depthwise Separable Convolutions", arXiv:1610.02357.
Data:      Fashion-MNIST, shipped with the project: 3,840 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/xception.cpu.jsonl.

Deviations from the paper: images of 48 pixels instead of 299.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("xception", options={"dropout": 0.5}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(Resize(48), HorizontalFlip(), Normalize()), eval=(Resize(48), Normalize())),
    initialization=Initialization(exceptions={"fc/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.01, warmup=0.1),
    regularization=Regularization(weight_decay=1e-5, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=120, evaluate_every=0.25, interim_examples=500),
    target=Target(0.73, within_steps=120),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "Chollet 2017, figure 5",
        "model.options.dropout": "Chollet 2017, section 4.3: 0.5",
        "initialization": "the network's own",
        "optimizer": "Chollet 2017, section 4.2: momentum 0.9",
        "schedule.peak": "ours: with the paper's 0.045 running statistics lagged, and evaluation losses exceeded 1,000",
        "regularization": "Chollet 2017, section 4.3: 1e-5",
        "loss": "Chollet 2017: softmax",
    },
)
