"""Recipe for ZFNet on Fashion-MNIST, which converges within 250 steps.

    python -m zoo.train --recipe=zfnet

Paper:     Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks", arXiv:1311.2901.
Data:      Fashion-MNIST, shipped with the project: 8,000 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/zfnet.cpu.jsonl.

Deviations from the paper: He initialization instead of a Gaussian with standard deviation 0.01, with which training
stalls as AlexNet's does (recipes/alexnet.py); and images of 67 pixels instead of 224, with which a step takes a sixth
of the time.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("zfnet", options={"dropout": 0.5}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(Resize(67), HorizontalFlip(), Normalize()), eval=(Resize(67), Normalize())),
    initialization=Initialization(kernel=HeNormal(), bias=Constant(0.0), exceptions={"fc8/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.01, warmup=0.1),
    regularization=Regularization(weight_decay=5e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=250, evaluate_every=0.25, interim_examples=500),
    target=Target(0.73, within_steps=250),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "Zeiler & Fergus 2014, figure 3",
        "model.options.dropout": "Zeiler & Fergus 2014, section 3: 0.5 in layers 6 and 7",
        "initialization": "He et al. 2015, section 2.2",
        "optimizer": "Zeiler & Fergus 2014, section 3: momentum 0.9",
        "schedule.peak": "Zeiler & Fergus 2014, section 3: 0.01",
        "regularization": "Krizhevsky et al. 2012, section 5; this paper does not say",
        "loss": "Zeiler & Fergus 2014, section 2: cross-entropy",
    },
)
