"""Synthetic data sets of random pixels, for checks of recipes whose data is not available."""

from dataclasses import dataclass

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.statistics import sample_size
from zoo.errors import ZooError
from zoo.recipe import Recipe

# (training images, evaluation images, classes, height, width). Counts are from Russakovsky et al. 2015, table 2, for
# ILSVRC 2012, and from the TFDS catalogue for others. If images differ in size, small ones are quicker to generate.
SIZES = {
    "tfds:imagenet2012": (1_281_167, 50_000, 1000, 72, 80),
    "tfds:imagenette": (9_469, 3_925, 10, 72, 80),
    "tfds:cifar10": (50_000, 10_000, 10, 32, 32),
}
MAX_NORMALIZATION_SAMPLE = 500  # images from which normalization statistics are estimated


@dataclass(frozen=True)
class RandomPixels:
    """A split of random images, generated when they are read."""

    name: str
    length: int
    classes: int
    height: int
    width: int
    images: None = None
    labels: None = None

    def __len__(self):
        return self.length

    def read(self, index):
        random = np.random.default_rng([index, len(self.name)])
        return random.integers(0, 256, (self.height, self.width, 3), np.uint8), index % self.classes

    def describe(self, index):
        return f"{self.name}[{index}]"


def with_synthetic_data(recipe: Recipe) -> tuple[Recipe, Dataset]:
    """Returns the recipe with a smaller normalization sample, and a synthetic data set of the size of its data set.

    Raises:
      ZooError: the size of the data set is not known.
    """
    if recipe.data.source not in SIZES:
        raise ZooError(f"unknown size of {recipe.data.source}: add it to SIZES in verification/synthetic_data.py")
    train, evaluation, *shape = SIZES[recipe.data.source]
    names = tuple(f"class {number}" for number in range(shape[0]))
    splits = RandomPixels("random train", train, *shape), RandomPixels("random evaluation", evaluation, *shape)
    sample = min(MAX_NORMALIZATION_SAMPLE, sample_size(recipe.normalization))
    changed = recipe.override({"normalization.sample": sample} if hasattr(recipe.normalization, "sample") else {})
    return changed, Dataset(f"random pixels for {recipe.data.source}", *splits, names, channels=3)
