"""Remedies for class imbalance, implemented in `zoo.data.imbalance` and applied to training examples only.

Resampling uses a fixed seed, so that runs with different seeds train on the same examples.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo.recipe.part import Part


class Imbalance(Part, abstract=True):
    """A remedy for class imbalance."""


@dataclass(frozen=True)
class ClassWeights(Imbalance):
    """Multiplies the loss of each training example by the weight of its class.

    The weighted sum is divided by the number of examples, as in Keras; PyTorch divides by the sum of the weights.
    Balanced weights have mean 1 over the training examples. An example mixed from two has the mean of the weights of
    their classes, weighted by lambda.

    Attributes:
      weights: weight of each class by name; classes that are not named have weight 1. Empty for balanced weights:
        n / (K n_c), for n examples in K classes, n_c of them in class c (scikit-learn's "balanced", King & Zeng 2001).
    """

    weights: Mapping[str, float] = field(default_factory=dict)

    def validate(self) -> None:
        self.require(all(weight >= 0 for weight in self.weights.values()), "weights", "at least 0")


@dataclass(frozen=True)
class OverSampling(Imbalance):
    """Samples examples with replacement until every class has as many as the most frequent one."""


@dataclass(frozen=True)
class UnderSampling(Imbalance):
    """Samples examples without replacement, so that every class has as many as the rarest one."""


@dataclass(frozen=True)
class SMOTE(Imbalance):
    """Synthesizes examples until every class has as many as the most frequent one.

    See Chawla et al. 2002, JAIR 16, section 4.2. Each new example is a uniformly random interpolation between an
    example and one of its nearest neighbours in the same class. For feature vectors only; distances are measured after
    normalization.

    Attributes:
      neighbors: number of nearest neighbours to choose from.
    """

    neighbors: int = 5

    def validate(self) -> None:
        self.require(self.neighbors > 0, "neighbors", "positive")
