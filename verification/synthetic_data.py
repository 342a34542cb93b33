"""Data sets of the right shape and length, with random pixels, for what can be checked of a recipe without its data."""

from dataclasses import dataclass

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.statistics import sample_size
from zoo.errors import ZooError
from zoo.recipe import Recipe

# Training and evaluation images, classes: Russakovsky et al. 2015, table 2, for ILSVRC 2012; TFDS's catalogue for others.
# Height and width are theirs for CIFAR-10; where images differ in size, small ones take less time to draw and to measure.
SIZES = {
    "tfds:imagenet2012": (1_281_167, 50_000, 1000, 72, 80),
    "tfds:imagenette": (9_469, 3_925, 10, 72, 80),
    "tfds:cifar10": (50_000, 10_000, 10, 32, 32),
}
MEASURED = 500


@dataclass(frozen=True)
class RandomPixels:
    """A split whose images are random, each its own."""

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


def with_stand_in(recipe: Recipe) -> tuple[Recipe, Dataset]:
    """Something like the data of a recipe, and the recipe, which measures few of its images: all are random alike.

    Raises:
      ZooError: nothing is known of it.
    """
    if recipe.data.source not in SIZES:
        raise ZooError(
            f"nothing is known of the size of {recipe.data.source}: say it in verification/synthetic_data.py"
        )
    train, evaluation, *shape = SIZES[recipe.data.source]
    names = tuple(f"class {number}" for number in range(shape[0]))
    splits = RandomPixels("random train", train, *shape), RandomPixels("random evaluation", evaluation, *shape)
    measured = min(MEASURED, sample_size(recipe.normalization))
    changed = recipe.override({"normalization.sample": measured} if hasattr(recipe.normalization, "sample") else {})
    return changed, Dataset(f"random pixels for {recipe.data.source}", *splits, names, channels=3)
