"""A recipe that trains in a second: the AlexNet recipe with LeNet-5 and images of 32 pixels.

Tests for which the network does not matter use it, also by its path: `--recipe=tests/tiny.py`.
"""

from zoo.catalog import load_recipe
from zoo.recipe import *

RECIPE = load_recipe("alexnet").override(
    {
        "model": Model("lenet5"),
        "augmentation.train.0.size": 32,
        "augmentation.eval.0.size": 32,
        "initialization.exceptions": {"output/kernel": Normal(0.01)},
        "budget.batch_size": 16,
        "budget.steps": 12,
        "budget.evaluate_every": 0.25,
        "budget.interim_examples": 64,
        "target": None,
    }
)
