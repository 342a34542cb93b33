"""Recipe for ResNet-20 on Fashion-MNIST, which converges within 600 steps.

    python -m zoo.train --recipe=resnet20

Paper:     He, Zhang, Ren, Sun 2016, "Deep Residual Learning for Image Recognition", arXiv:1512.03385, section 4.2.
Data:      Fashion-MNIST, shipped with the project: 19,200 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/resnet20.cpu.jsonl.

Deviations from the paper: 600 steps of 32 images instead of 64,000 of 128, for which there is
recipes/resnet20_cifar10.py, and a learning rate for this batch. With the paper's 0.1, the accuracies of four runs had a
standard deviation of 1.3 points, and of 1.7 after 300 steps.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("resnet20"),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(HorizontalFlip(), Normalize()), eval=(Normalize(),)),
    initialization=Initialization(kernel=HeNormal(), bias=Constant(0.0), exceptions={"fc/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.025, warmup=0.1),
    regularization=Regularization(weight_decay=1e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=600, evaluate_every=0.25, interim_examples=500),
    target=Target(0.78, within_steps=600),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "He et al. 2016, section 4.2",
        "initialization": "He et al. 2016, section 4.2, after He et al. 2015",
        "optimizer": "He et al. 2016, section 3.4: momentum 0.9",
        "schedule.peak": "He et al. 2016, section 4.2: 0.1 for 128 images; scaled as in Goyal et al. 2017, section 2.1",
        "regularization": "He et al. 2016, section 4.2: 0.0001",
        "loss": "He et al. 2016, section 4.2: softmax",
    },
)
