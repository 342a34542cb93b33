"""ResNet-18 on Fashion-MNIST: converges within 200 steps.

    python -m zoo.train --recipe=resnet18

Paper:     He, Zhang, Ren, Sun 2016, "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
Data:      Fashion-MNIST, which the project carries; 6,400 of its 60,000 training images are seen, each at most once.
Hardware:  two CPU cores.
Expected:  the table in README.md, from the runs in verification/ledger/resnet18.cpu.jsonl.

What in it is ours, and why: images of 64 pixels, of which 2x2 places are left at the end, and an eighth of the paper's
learning rate for an eighth of its batch: with half of its rate the loss rose to 4 to 8 after the warm-up, and five runs
came to 0.76 to 0.79.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("resnet18"),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(64), HorizontalFlip(), Normalize()),
        eval=(Resize(64), Normalize()),
    ),
    initialization=Initialization(exceptions={"fc/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.0125, warmup=0.1),
    regularization=Regularization(weight_decay=1e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=200, evaluate_every=0.25, interim_examples=500),
    precision=Precision(cpu="float32", gpu="bfloat16", tpu="bfloat16"),
    target=Target(0.8, within_steps=200),
    provenance={
        "model": "He et al. 2016, table 1",
        "data": "ours: real images that are small enough to carry along (Xiao et al. 2017)",
        "normalization": "ours: mean 0 and deviation 1, which initialization takes for granted",
        "augmentation": "ours: 28 pixels become 64",
        "augmentation.train.1": "ours: a shoe is a shoe from either side",
        "initialization": "He et al. 2015, by fan-out, as in torchvision",
        "initialization.exceptions": "ours: a small last layer makes the first predictions even, and the loss before training ln 10",
        "optimizer": "He et al. 2016, section 3.4: momentum 0.9",
        "schedule": "ours: a short run has to end with a small rate, and a cosine needs no choice of when it falls",
        "regularization": "He et al. 2016, section 3.4: 0.0001",
        "loss": "He et al. 2016, table 1: softmax",
        "budget": "ours: 6,400 images are what two CPU cores train on in a minute or two",
        "precision": "ours: bfloat16 where the hardware has units for it",
        "target": "ours: below the band of the reference runs in verification/ledger/",
    },
)
