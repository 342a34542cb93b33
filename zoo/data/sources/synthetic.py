"""Synthetic data sets: those of articles on networks that fail to converge, and others with structure.

They are deterministic, and a fifth of each is the evaluation split, unless stated otherwise.
"""

from collections.abc import Callable

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.split import ArraySplit
from zoo.errors import ZooError, unknown
from zoo.extras import install_command

SEED = 42  # as in the articles


def open_synthetic(name: str) -> Dataset:
    """Opens a synthetic data set.

    - "scales": five examples of two features, 1000 to 5000 and 0.01 to 0.05, in two classes: example 1 of the article
      "Why does my TensorFlow 2.1 classification network fail to converge?" (2025). The evaluation split has the same
      five.
    - "random_20", "random_10": 1,000 examples of 20 or 10 uniform features with two classes, independent of the
      features; the same numbers as in its examples 2 and 3. Nothing can be learned, so any accuracy above chance is
      luck.
    - "ringnorm": 5,000 examples of 20 features in two classes of equal frequency, one with mean 0 and covariance 4 I,
      the other with mean 2 / sqrt(20) in each feature and covariance I (Breiman 1996, "Bias, Variance, and Arcing
      Classifiers", technical report 460). The Bayes-optimal accuracy is 98.7 %; linear classifiers are far from it.
    - "ringnorm_noisy": the same, with the labels of 30 % of the training examples flipped. Evaluation labels are
      correct.
    - "ringnorm_gaps": the same with defects, in both splits: 10 % of the values are missing, and 1 % are the outlier
      999.
    - "moons": 2,000 points in two interleaving half circles (scikit-learn's `make_moons`).
    - "imbalanced": 10,000 examples of 20 features, 1 % of them of the second class (`make_classification`).

    Raises:
      ZooError: unknown name, or scikit-learn is required and not installed.
    """
    if name not in SETS:
        raise unknown("synthetic data set", name, SETS)
    features, labels = SETS[name]()
    train, evaluation = (np.arange(len(labels)),) * 2 if name == "scales" else _split(len(labels))
    spec, names = f"synthetic:{name}", tuple(f"x{column}" for column in range(features.shape[1]))
    train_split, eval_split = (
        ArraySplit(
            features[chosen, None, None, :].astype(np.float32), labels[chosen].astype(np.int32), f"{spec} {part}"
        )
        for part, chosen in (("train", train), ("eval", evaluation))
    )
    return Dataset(spec, train_split, eval_split, ("0", "1"), channels=len(names), feature_names=names)


def _split(examples):
    """Splits positions as scikit-learn's `train_test_split(test_size=0.2, random_state=42)`."""
    order = np.random.RandomState(SEED).permutation(examples)
    return np.split(order, [examples // 5])[::-1]


def _scales():
    steps = np.arange(1, 6)
    return np.stack([steps * 1000, steps / 100], -1), np.array([0, 0, 1, 1, 1])


def _random(features):
    random = np.random.RandomState(SEED)
    return random.rand(1000, features), random.randint(0, 2, 1000)


def _moons():
    return _datasets().make_moons(2000, noise=0.2, random_state=SEED)


def _imbalanced():
    return _datasets().make_classification(
        10_000, 20, n_informative=5, weights=[0.99], flip_y=0, class_sep=1.0, random_state=SEED
    )


def _ringnorm():
    random = np.random.default_rng(SEED)
    labels = random.integers(0, 2, 5000)
    values = random.standard_normal((5000, 20))
    return np.where(labels[:, None] == 0, 2 * values, values + 2 / 20**0.5), labels


def _ringnorm_noisy():
    features, labels = _ringnorm()
    train, _ = _split(len(labels))
    flipped = train[np.random.default_rng(SEED + 1).random(len(train)) < 0.3]
    labels[flipped] = 1 - labels[flipped]
    return features, labels


def _ringnorm_gaps():
    features, labels = _ringnorm()
    chance = np.random.default_rng(SEED + 1).random(features.shape)
    return np.where(chance < 0.1, np.nan, np.where(chance < 0.11, 999.0, features)), labels


def _datasets():
    try:
        import sklearn.datasets
    except ImportError:
        raise ZooError(f"this synthetic data set requires scikit-learn: {install_command('tabular')}") from None
    return sklearn.datasets


SETS: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
    "scales": _scales,
    "random_20": lambda: _random(20),
    "random_10": lambda: _random(10),
    "ringnorm": _ringnorm,
    "ringnorm_noisy": _ringnorm_noisy,
    "ringnorm_gaps": _ringnorm_gaps,
    "moons": _moons,
    "imbalanced": _imbalanced,
}
