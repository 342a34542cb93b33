"""Recipe for LeNet-5 on Fashion-MNIST, which converges within 300 steps, in seconds.

    python -m zoo.train --recipe=lenet5

Paper:     LeCun, Bottou, Bengio, Haffner 1998, "Gradient-Based Learning Applied to Document Recognition", section
           II.B.
Data:      Fashion-MNIST, shipped with the project: 19,200 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores, about ten seconds of training.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/lenet5.cpu.jsonl.

Deviations from the paper: it trained on digits for 20 epochs with second-order step sizes for each weight. This
recipe uses momentum and a cosine schedule with the best learning rate of the study of learning rates
(`recipes/studies/learning_rate.py`). Glorot initialization is derived for units like this network's tanh; the paper's
own has a smaller variance in wide layers.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("lenet5"),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(Resize(32), Normalize()), eval=(Resize(32), Normalize())),
    initialization=Initialization(kernel=GlorotUniform(), bias=Constant(0.0)),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.05, warmup=0.1),
    regularization=Regularization(),
    budget=Budget(batch_size=64, steps=300, evaluate_every=0.25, interim_examples=1000),
    precision=Precision(cpu="float32", gpu="float32", tpu="float32"),
    target=Target(0.78, within_steps=300),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "LeCun et al. 1998, section II.B and figure 2",
        "normalization": "LeCun et al. 1998, section II.B: inputs have mean 0 and variance about 1",
        "augmentation": "ours: resized from 28 pixels to the paper's 32, where the paper pads",
        "initialization": "Glorot & Bengio 2010, equation 16; the paper draws from within 2.4 / fan-in",
        "optimizer": "ours: momentum instead of the paper's diagonal Levenberg-Marquardt",
        "schedule": "ours: a short run has to end with a small rate; peak from recipes/studies/learning_rate.py",
        "regularization": "LeCun et al. 1998 has none",
        "loss": "ours: softmax; the paper's last layer measures distances to prototypes of the digits",
        "budget": "ours: seconds on two CPU cores",
        "precision": "ours: a network this small gains nothing from bfloat16",
    },
)
