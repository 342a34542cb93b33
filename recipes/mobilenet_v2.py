"""Recipe for MobileNetV2 on Fashion-MNIST, which converges within 250 steps.

    python -m zoo.train --recipe=mobilenet_v2

Paper:     Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", arXiv:1801.04381.
Data:      Fashion-MNIST, shipped with the project: 8,000 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/mobilenet_v2.cpu.jsonl.

Deviations from the paper: images of 64 pixels, and a cosine schedule instead of a learning rate that decays by 2 %
each epoch.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("mobilenet_v2", options={"dropout": 0.2}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(Resize(64), HorizontalFlip(), Normalize()), eval=(Resize(64), Normalize())),
    initialization=Initialization(),
    optimizer=RMSprop(
        decay=0.9, momentum=0.9, epsilon=1.0, epsilon_in_root=True, initial_average=1.0, rate_in_momentum=True
    ),
    schedule=Cosine(peak=0.045, warmup=0.1),
    regularization=Regularization(weight_decay=4e-5, decayed=("*kernel",), label_smoothing=0.1),
    budget=Budget(batch_size=32, steps=250, evaluate_every=0.25, interim_examples=500),
    target=Target(0.69, within_steps=250),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "Sandler et al. 2018, table 2",
        "model.options.dropout": "torchvision/models/mobilenetv2.py",
        "initialization": "the network's own, torchvision's",
        "optimizer": "Sandler et al. 2018, section 6.1: RMSprop, decay and momentum 0.9",
        "optimizer.epsilon": "TF-Slim's train_image_classifier.py: 1.0",
        "schedule.peak": "Sandler et al. 2018, section 6.1: 0.045",
        "regularization": "Sandler et al. 2018, section 6.1: 0.00004",
        "regularization.label_smoothing": "TF-Slim's configuration: 0.1",
        "loss": "cross-entropy, as in TF-Slim",
    },
)
