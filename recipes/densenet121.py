"""Recipe for DenseNet-121 on Fashion-MNIST, which converges within 120 steps.

    python -m zoo.train --recipe=densenet121

Paper:     Huang, Liu, van der Maaten, Weinberger 2017, "Densely Connected Convolutional Networks", arXiv:1608.06993.
Data:      Fashion-MNIST, shipped with the project: 3,840 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/densenet121.cpu.jsonl.

Deviations from the paper: images of 48 pixels, which leave 2x2 positions at the end of the network, and a fifth of
the learning rate for an eighth of the batch. With half of the paper's rate the loss rose to 4.0 after the warm-up,
and five runs reached 0.762 on average, with a standard deviation of 0.009.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("densenet121"),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(Resize(48), HorizontalFlip(), Normalize()), eval=(Resize(48), Normalize())),
    initialization=Initialization(exceptions={"classifier/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9, nesterov=True),
    schedule=Cosine(peak=0.02, warmup=0.1),
    regularization=Regularization(weight_decay=1e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=120, evaluate_every=0.25, interim_examples=500),
    target=Target(0.74, within_steps=120),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "Huang et al. 2017, table 1",
        "initialization": "Huang et al. 2017, section 4.2, after He et al. 2015: the network's own",
        "optimizer": "Huang et al. 2017, section 4.2: Nesterov momentum of 0.9",
        "regularization": "Huang et al. 2017, section 4.2: 1e-4",
        "loss": "Huang et al. 2017, table 1: softmax",
    },
)
