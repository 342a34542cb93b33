"""What is done about classes of different frequencies. `zoo.data.imbalance` carries it out, on training examples alone.

Whatever is drawn is drawn from a seed of its own, so that runs with different seeds train on the same examples.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo.recipe.part import Part


class Imbalance(Part, abstract=True):
    """A remedy for classes of different frequencies."""


@dataclass(frozen=True)
class ClassWeights(Imbalance):
    """Multiplies the loss of each training example by the weight of its class.

    The sum is still divided by the number of examples, as Keras does it; PyTorch divides by the sum of the weights. The
    balanced weights have the mean 1 over the training examples. A mixed example has the mean of its two classes' weights,
    each by its part.

    Attributes:
      weights: by the class' name; classes that are not named have weight 1. Empty for balanced ones: n / (K n_c), for n
        examples in K classes, n_c of them in class c (scikit-learn's "balanced", after King & Zeng 2001).
    """

    weights: Mapping[str, float] = field(default_factory=dict)

    def validate(self) -> None:
        self.require(all(weight >= 0 for weight in self.weights.values()), "weights", "at least 0")


@dataclass(frozen=True)
class OverSampling(Imbalance):
    """Repeats examples, drawn with replacement, until every class has as many as the most frequent one."""


@dataclass(frozen=True)
class UnderSampling(Imbalance):
    """Leaves examples out, drawn without replacement, until every class has as few as the rarest one."""


@dataclass(frozen=True)
class SMOTE(Imbalance):
    """Makes examples up until every class has as many as the most frequent one (Chawla et al. 2002, JAIR 16, section 4.2).

    Each lies at a uniformly random place between an example and one of its nearest neighbours of the same class. For
    feature vectors only; which neighbours are near is decided after normalization.

    Attributes:
      neighbors: from how many one is chosen.
    """

    neighbors: int = 5

    def validate(self) -> None:
        self.require(self.neighbors > 0, "neighbors", "positive")
