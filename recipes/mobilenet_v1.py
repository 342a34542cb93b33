"""Recipe for MobileNet on Fashion-MNIST, which converges within 250 steps.

    python -m zoo.train --recipe=mobilenet_v1

Paper:     Howard et al. 2017, "MobileNets", arXiv:1704.04861.
Data:      Fashion-MNIST, shipped with the project: 8,000 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/mobilenet_v1.cpu.jsonl.

Deviations from the paper: images of 64 pixels, SGD instead of RMSprop, and a momentum of 0.9 for the running
statistics of batch normalization. With Keras's 0.99 they still contain their initial values after a few hundred
steps, and evaluation is as bad as training is good (recipes/mobilenet_v3_small.py has the numbers). With a rate of
0.05 the loss rose to as much as 7 after the warm-up, and eight runs reached 0.69 to 0.78.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("mobilenet_v1", options={"momentum": 0.9}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(Resize(64), HorizontalFlip(), Normalize()), eval=(Resize(64), Normalize())),
    initialization=Initialization(),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.02, warmup=0.1),
    regularization=Regularization(weight_decay=4e-5, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=250, evaluate_every=0.25, interim_examples=500),
    target=Target(0.7, within_steps=250),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "Howard et al. 2017, table 1",
        "model.options.momentum": "ours, see above",
        "initialization": "the network's own: He et al. 2015 by fan-out; last layer: standard deviation 0.01",
        "optimizer": "ours: momentum 0.9; the paper has RMSprop",
        "regularization": "TF-Slim's configuration; the paper says that depthwise kernels should have little or none",
        "loss": "Howard et al. 2017, table 1: softmax",
    },
)
