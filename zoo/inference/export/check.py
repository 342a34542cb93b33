"""The check of an exported file: its logits on real images are those of the classifier."""

from typing import NamedTuple

import numpy as np

from zoo.data.pipeline import evaluation_batches
from zoo.data.selection import sample_indices
from zoo.data.sources import open_data, open_source
from zoo.data.split import Split
from zoo.data.splitting import subset
from zoo.errors import ZooError, short
from zoo.inference.classifier import Classifier, Examples
from zoo.inference.examples import Pictures
from zoo.inference.origin import FromRun

COUNT = 8  # examples that are compared
# Largest difference, in standard deviations of the logits. Rounding in float32 gives about 1e-5 in networks of 100
# layers; an epsilon of batch normalization of 1e-5 instead of 1e-3 gives 1e-2.
TOLERANCE = 1e-3


class Check(NamedTuple):
    """The result of a check.

    Attributes:
      examples: number of examples that were compared.
      source: where they are from.
      difference: largest absolute difference of a logit.
      scale: standard deviation of the classifier's logits.
    """

    examples: int
    source: str
    difference: float
    scale: float

    @property
    def passed(self) -> bool:
        """Whether the difference is within `TOLERANCE` standard deviations; False for values that are not finite."""
        return bool(self.difference <= TOLERANCE * self.scale)

    def __str__(self) -> str:
        return (
            f"largest difference of the logits of {self.examples} examples of {self.source}: {self.difference:.2g},"
            f" with a tolerance of {TOLERANCE * self.scale:.2g}, which is {TOLERANCE:g} of their standard deviation"
        )


def compare(expected: np.ndarray, found: np.ndarray, source: str) -> Check:
    """Compares logits [n, classes] of the classifier with those of an exported file."""
    if found.shape != expected.shape:
        raise ZooError(f"the exported program returns logits {list(found.shape)}, expected {list(expected.shape)}")
    difference = np.abs(found.astype(np.float64) - expected)
    largest = float(difference.max()) if np.isfinite(difference).all() else float("inf")
    return Check(len(expected), source, largest, float(expected.std()))


def real_examples(classifier: Classifier, given: Examples | None) -> tuple[Split, str]:
    """Returns examples to compare on, and where they are from.

    These are the given ones; or of a run, some of its evaluation data; or, if that is not available, and for published
    weights, some of the images of Fashion-MNIST, which the project carries.

    Raises:
      ZooError: the network takes features, and there are no rows of its data.
    """
    if given is not None:
        split = classifier.open(given)
        some = sample_indices(len(split), COUNT)
        return _on_host(subset(split, some), classifier), "the given files"
    if isinstance(classifier.origin, FromRun):
        data = classifier.origin.recipe.data
        try:
            dataset = open_data(data)
            if tuple(dataset.feature_names or ()) == (classifier.feature_names or ()):
                split = subset(dataset.eval, sample_indices(len(dataset.eval), COUNT))
                return _on_host(split, classifier), short(data.source)
        except (ZooError, OSError):
            pass
    if classifier.feature_names is not None:
        raise ZooError("the data of the network is not available to check the export: give rows, --check=FILE.csv")
    images = open_source("fashion_mnist").eval.images
    assert images is not None
    some = images[sample_indices(len(images), COUNT)]
    return Pictures(tuple(np.repeat(some, classifier.channels, -1))), "fashion_mnist"


def _on_host(split: Split, classifier: Classifier) -> Split:
    """Returns a split whose images are resized on the host, as those of files are, so that a program can take them."""
    return split if classifier.feature_names or split.images is None else Pictures(tuple(split.images))


def expected_and_prepared(classifier: Classifier, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Returns the classifier's logits, and the examples as the exported program takes them before `Program.prepare`.

    These are images after resize and crop, [n, *image_shape], or features [n, 1, 1, F]; without corrupt images.

    Raises:
      ZooError: no image can be decoded.
    """
    logits = np.concatenate([logits for _, logits in classifier.batches(split, on_corrupt=lambda corrupt: None)])
    (batch,) = evaluation_batches(classifier.pipeline(split, lambda corrupt: None), len(split))
    assert batch.image is not None  # since the split is not resident
    if not len(logits):
        raise ZooError(f"no image to check the export with can be decoded, such as {short(split.describe(0))}")
    return logits, batch.image[batch.weight > 0]
