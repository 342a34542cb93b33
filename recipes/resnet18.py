"""Recipe for ResNet-18 on Fashion-MNIST, which converges within 200 steps.

    python -m zoo.train --recipe=resnet18

Paper:     He, Zhang, Ren, Sun 2016, "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
Data:      Fashion-MNIST, shipped with the project: 6,400 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/resnet18.cpu.jsonl.

Deviations from the paper: images of 64 pixels, which leave 2x2 positions at the end of the network, and an eighth of
the learning rate for an eighth of the batch. With half of the paper's rate the loss rose to between 4 and 8 after the
warm-up, and five runs reached 0.76 to 0.79.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("resnet18"),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(Resize(64), HorizontalFlip(), Normalize()), eval=(Resize(64), Normalize())),
    initialization=Initialization(exceptions={"fc/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.0125, warmup=0.1),
    regularization=Regularization(weight_decay=1e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=200, evaluate_every=0.25, interim_examples=500),
    target=Target(0.8, within_steps=200),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "He et al. 2016, table 1",
        "initialization": "He et al. 2015, by fan-out, as in torchvision",
        "optimizer": "He et al. 2016, section 3.4: momentum 0.9",
        "regularization": "He et al. 2016, section 3.4: 0.0001",
        "loss": "He et al. 2016, table 1: softmax",
    },
)
