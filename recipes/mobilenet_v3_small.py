"""Recipe for MobileNetV3-Small on Fashion-MNIST, which converges within 300 steps.

    python -m zoo.train --recipe=mobilenet_v3_small

Paper:     Howard et al. 2019, "Searching for MobileNetV3", arXiv:1905.02244.
Data:      Fashion-MNIST, shipped with the project: 9,600 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/mobilenet_v3_small.cpu.jsonl.

Deviations from the paper: images of 64 pixels, SGD instead of RMSprop, and a momentum of 0.9 for the running
statistics of batch normalization. With the paper's 0.99 the training loss of one run fell to 0.9 in 300 steps, but
the evaluation accuracy was 0.17: the running statistics still contained their initial values, in 34 layers one after
the other.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("mobilenet_v3_small", options={"dropout": 0.2, "momentum": 0.9}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(Resize(64), HorizontalFlip(), Normalize()), eval=(Resize(64), Normalize())),
    initialization=Initialization(),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.05, warmup=0.1),
    regularization=Regularization(weight_decay=1e-5, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=300, evaluate_every=0.25, interim_examples=500),
    target=Target(0.7, within_steps=300),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "Howard et al. 2019, table 2",
        "model.options.dropout": "torchvision/models/mobilenetv3.py; the paper has 0.8, the fraction that is kept",
        "model.options.momentum": "ours, see above",
        "initialization": "the network's own, torchvision's",
        "optimizer": "ours: momentum 0.9; the paper has RMSprop",
        "regularization": "Howard et al. 2019, section 6.1.1: 1e-5",
        "loss": "cross-entropy, as in TF-Slim",
    },
)
