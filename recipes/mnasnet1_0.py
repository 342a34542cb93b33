"""MnasNet-B1 on Fashion-MNIST: converges within 300 steps.

    python -m zoo.train --recipe=mnasnet1_0

Paper:     Tan et al. 2019, "MnasNet: Platform-Aware Neural Architecture Search for Mobile", arXiv:1807.11626.
Data:      Fashion-MNIST, which the project carries; 9,600 of its 60,000 training images are seen, each at most once.
Hardware:  two CPU cores.
Expected:  the table in README.md, from the runs in verification/ledger/mnasnet1_0.cpu.jsonl.

What in it is ours, and why: images of 64 pixels, SGD for the paper's RMSprop, and a momentum of 0.9 for batch
normalization's statistics, of which recipes/mobilenet_v3_small.py says why. torchvision's last layer begins so large
that the first loss was 10 in one run, where a network that knows nothing has ln 10; here it begins small. With a rate
of 0.05 the loss rose to 7 to 15 after the warm-up, and five runs came to 0.68 to 0.76.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("mnasnet1_0", options={"dropout": 0.2, "momentum": 0.9}),
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
    budget=Budget(batch_size=32, steps=300, evaluate_every=0.25, interim_examples=500),
    target=Target(0.75, within_steps=300),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "Tan et al. 2019, figure 7",
        "model.options.dropout": "Tan et al. 2019, section 5: 0.2",
        "model.options.momentum": "ours, see above",
        "initialization": "the network's own, torchvision's",
        "optimizer": "ours: momentum 0.9; the paper has RMSprop",
        "regularization": "Tan et al. 2019, section 5: 1e-5",
        "loss": "cross-entropy, as in torchvision",
    },
)
