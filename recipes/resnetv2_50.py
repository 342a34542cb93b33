"""Recipe for ResNet-50, version 2, on Fashion-MNIST, which converges within 150 steps.

    python -m zoo.train --recipe=resnetv2_50

Paper:     He, Zhang, Ren, Sun 2016, "Identity Mappings in Deep Residual Networks", arXiv:1603.05027.
Data:      Fashion-MNIST, shipped with the project: 4,800 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/resnetv2_50.cpu.jsonl.

Deviations from the paper: images of 48 pixels, which leave 2x2 positions at the end of the network.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("resnetv2_50"),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(Resize(48), HorizontalFlip(), Normalize()), eval=(Resize(48), Normalize())),
    initialization=Initialization(exceptions={"fc/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.02, warmup=0.1),
    regularization=Regularization(weight_decay=1e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=150, evaluate_every=0.25, interim_examples=500),
    target=Target(0.75, within_steps=150),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "He et al. 2016, figure 1b, in the table of the first ResNet paper",
        "initialization": "He et al. 2015: the network's own",
        "optimizer": "He et al. 2016, appendix: as in the first ResNet paper",
        "regularization": "He et al. 2016, appendix: 0.0001",
        "loss": "He et al. 2016: softmax",
    },
)
