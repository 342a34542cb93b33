"""GoogLeNet with batch normalization on Fashion-MNIST: converges within 200 steps.

    python -m zoo.train --recipe=googlenet_bn

Paper:     Szegedy et al. 2015, arXiv:1409.4842; Ioffe & Szegedy 2015, "Batch Normalization", arXiv:1502.03167. The
           network is torchvision's, which calls it googlenet.
Data:      Fashion-MNIST, which the project carries; 6,400 of its 60,000 training images are seen, each at most once.
Hardware:  two CPU cores.
Expected:  the table in README.md, from the runs in verification/ledger/googlenet_bn.cpu.jsonl.

What in it is ours, and why: images of 64 pixels, without the further classifiers, and the last layer starts small. With a
rate of 0.02 the loss rose to 4.4 after the warm-up, and eight runs came to 0.710 on average, with a deviation of 0.015.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("googlenet_bn", options={"dropout": 0.2}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(64), HorizontalFlip(), Normalize()),
        eval=(Resize(64), Normalize()),
    ),
    initialization=Initialization(exceptions={"fc/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.01, warmup=0.1),
    regularization=Regularization(weight_decay=1e-5, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=200, evaluate_every=0.25, interim_examples=500),
    precision=Precision(cpu="float32", gpu="bfloat16", tpu="bfloat16"),
    target=Target(0.71, within_steps=200),
    provenance={
        "model": "torchvision/models/googlenet.py",
        "data": "ours: real images that are small enough to carry along (Xiao et al. 2017)",
        "normalization": "ours: mean 0 and deviation 1, which initialization takes for granted",
        "augmentation": "ours: 28 pixels become 64",
        "augmentation.train.1": "ours: a shoe is a shoe from either side",
        "initialization": "the network's own, torchvision's",
        "initialization.exceptions": "ours: a small last layer makes the first predictions even, and the loss before training ln 10",
        "optimizer": "Szegedy et al. 2015, section 6: momentum 0.9",
        "schedule": "ours: a short run has to end with a small rate, and a cosine needs no choice of when it falls",
        "schedule.peak": "ours: for batches of 32",
        "regularization": "Ioffe & Szegedy 2015, section 4.2.1: a fifth of what it was",
        "loss": "Szegedy et al. 2015, section 5: softmax",
        "budget": "ours: 6,400 images are what two CPU cores train on in a minute or two",
        "precision": "ours: bfloat16 where the hardware has units for it",
        "target": "ours: below the band of the reference runs in verification/ledger/",
    },
)
