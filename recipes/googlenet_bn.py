"""Recipe for GoogLeNet with batch normalization on Fashion-MNIST, which converges within 200 steps.

    python -m zoo.train --recipe=googlenet_bn

Paper:     Szegedy et al. 2015, arXiv:1409.4842; Ioffe & Szegedy 2015, "Batch Normalization", arXiv:1502.03167. The
           network is torchvision's, which calls it googlenet.
Data:      Fashion-MNIST, shipped with the project: 6,400 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/googlenet_bn.cpu.jsonl.

Deviations from the papers: images of 64 pixels, no auxiliary classifiers, and small initial weights in the last
layer. With a rate of 0.02 the loss rose to 4.4 after the warm-up, and eight runs reached 0.710 on average, with a
standard deviation of 0.015.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("googlenet_bn", options={"dropout": 0.2}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(Resize(64), HorizontalFlip(), Normalize()), eval=(Resize(64), Normalize())),
    initialization=Initialization(exceptions={"fc/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.01, warmup=0.1),
    regularization=Regularization(weight_decay=1e-5, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=200, evaluate_every=0.25, interim_examples=500),
    target=Target(0.71, within_steps=200),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "torchvision/models/googlenet.py",
        "initialization": "the network's own, torchvision's",
        "optimizer": "Szegedy et al. 2015, section 6: momentum 0.9",
        "schedule.peak": "ours: for batches of 32",
        "regularization": "Ioffe & Szegedy 2015, section 4.2.1: a fifth of GoogLeNet's",
        "loss": "Szegedy et al. 2015, section 5: softmax",
    },
)
