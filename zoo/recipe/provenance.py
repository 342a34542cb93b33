"""The provenance of choices that the recipes for one data set share, by dotted path.

A recipe starts with them, `provenance={**FASHION_MNIST_CHOICES, ...}`, and continues with what is its own. What it says
of the same path replaces the shared statement.
"""

from collections.abc import Mapping

FASHION_MNIST_CHOICES: Mapping[str, str] = {
    "data": "ours: real images, small enough to ship with the project (Xiao et al. 2017)",
    "normalization": "ours: mean 0 and standard deviation 1, which the initialization assumes",
    "augmentation": "ours: images are resized to fit the network; horizontal flips preserve the label",
    "initialization.exceptions": "ours: small weights in the last layer make the first predictions uniform",
    "schedule": "ours: a short run has to end with a small learning rate, and cosine needs no decay milestones",
    "budget": "ours: a few minutes of training on two CPU cores",
    "target": "ours: below the band of the reference runs in verification/ledger/",
}

# Each recipe states where its own augmentation comes from.
CIFAR10_CHOICES: Mapping[str, str] = {
    "data": "Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
    "augmentation.train.0": "ours: leaves CIFAR's images unchanged, and resizes others to 32 pixels",
    "augmentation.train.1": "ours: leaves CIFAR's images unchanged, and crops others to 32 pixels",
    "augmentation.eval": "ours: as in training, without its random transforms",
    "budget.evaluate_every": "ours: 50 to 100 evaluations over the run",
}

# The data set has 9,469 training and 3,925 validation images.
IMAGENETTE_CHOICES: Mapping[str, str] = {
    "data": "github.com/fastai/imagenette: ten classes of ImageNet that are easy to tell apart",
    "normalization": "ours: the mean and standard deviation of all training images",
    "augmentation": "Szegedy et al. 2014, section 6; ours: the central crop in evaluation, as in most later work",
    "schedule": "ours: cosine needs no decay milestones",
    "budget.evaluate_every": "ours: 20 to 60 evaluations over the run",
}

IMAGENET_CHOICES: Mapping[str, str] = {
    "data.corrupt_limit": "ours: a handful of the 1.28 million files make decoders complain",
    "budget.evaluate_every": "ours: every epoch, in the longest runs every third or fifth",
}
