"""A case: a training program that is healthy, or has faults that are known."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.sources import open_data
from zoo.data.split import ArraySplit
from zoo.doctor.adapters.recipe_program import RecipeProgram
from zoo.recipe import Recipe


@dataclass(frozen=True)
class Subject:
    """What is given to `zoo.diagnose`.

    Attributes:
      recipe, model, dataset, loss: its arguments of these names.
      program: makes the program to diagnose from that of the recipe, for faults that no recipe can have; None for none.
    """

    recipe: Recipe
    model: nn.Module | None = None
    dataset: Dataset | None = None
    loss: Callable | None = None
    program: type[RecipeProgram] | None = None

    def override(self, changes: Mapping[str, Any]) -> "Subject":
        """Returns the subject with other fields of the recipe."""
        return dataclasses.replace(self, recipe=self.recipe.override(changes))

    @property
    def data(self) -> Dataset:
        """The data set, opened."""
        return self.dataset or open_data(self.recipe.data)

    def with_arrays(self, change: Callable[[np.ndarray, np.ndarray], Any], *, evaluation: bool = False) -> "Subject":
        """Returns the subject with changed images and labels of the training split, or of the evaluation split."""
        data = self.data
        split = data.eval if evaluation else data.train
        images, labels = change(np.array(split.images), np.array(split.labels))
        changed = ArraySplit(images, labels.astype(np.int32), name="eval" if evaluation else "train")
        return dataclasses.replace(
            self, dataset=dataclasses.replace(data, **{"eval" if evaluation else "train": changed})
        )


@dataclass(frozen=True)
class Fault:
    """A mistake that is put into a healthy subject.

    Attributes:
      name: of the fault.
      causes: ids that are right answers, the most precise first.
      apply: puts the fault of a strength into a subject.
      strengths: the first one, and others whose index is even, are learned from; the rest is only scored.
      bases: names of the bases that it is put into; the first is learned from, the others are only scored.
      harmful: whether it keeps training from its result; else to find it present, and harmless, is right.
    """

    name: str
    causes: tuple[str, ...]
    apply: Callable[[Subject, Any], Subject]
    strengths: tuple[Any, ...] = (None,)
    bases: tuple[str, ...] = ("lenet5", "mlp")
    harmful: bool = True


@dataclass(frozen=True)
class Case:
    """A subject to diagnose.

    Attributes:
      name: unique, such as "rate too high (100) in lenet5".
      causes: ids that are right answers; empty for a healthy one.
      learned: whether likelihoods may be learned from it; else it is only scored.
      make: makes the subject.
      group: name of the fault, "healthy", or "pair" for two faults at once.
    """

    name: str
    causes: tuple[str, ...]
    learned: bool
    make: Callable[[], Subject]
    group: str
    seed: int = 0
