"""Checks of mixing on pairs of a black and a white image, against the definitions in NumPy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

from verification.statistics import fraction_is_plausible
from verification.traces.transforms.probe import ALPHA
from zoo.data import augment
from zoo.recipe import CutMix, Mixup, OneOf
from zoo.recipe.augmentation import Mixing, PairMixing

EXAMPLES = 512


def mixes(mixing: Mixing) -> tuple[bool, str]:
    """Returns whether images and labels are mixed by equal fractions of the right distribution, and a description."""
    height, width = 48, 64
    labels = np.arange(EXAMPLES) % 2
    images = jnp.asarray(np.broadcast_to(labels[:, None, None, None], (EXAMPLES, height, width, 1)), jnp.float32)
    keys = jax.random.split(jax.random.key(0), EXAMPLES)
    mixed, fraction = augment.mix(mixing, images, jnp.ones(EXAMPLES), keys)
    targets = np.asarray(augment.soft_targets(jnp.asarray(labels), fraction, 2))
    alike = np.allclose(np.asarray(mixed).mean((1, 2, 3)), targets[:, 1], atol=1e-4)
    others = 1 - targets[np.arange(EXAMPLES), labels]
    # A rectangle may be empty, and a lambda too close to 1.
    expected = 1 - own_fraction(mixing, np.random.default_rng(0), 20 * EXAMPLES, height, width)
    changed = int((others > 1e-6).sum())
    plausible = fraction_is_plausible(changed, EXAMPLES, probability(mixing) * (expected > 1e-6).mean(), ALPHA / 4)
    pvalue = scipy.stats.ks_2samp(others[others > 1e-6], expected[expected > 1e-6]).pvalue if changed else 1.0
    found = f"{changed} of {EXAMPLES} examples are mixed, p = {pvalue:.3f} for the fractions"
    cuts = [part for part in parts(mixing) if isinstance(part, CutMix)]
    if len(cuts) == 1:  # the rectangles of several are mixed up
        placed, whole = _placed(cuts[0], np.asarray(mixed)[..., 0] != labels[:, None, None])
        alike, pvalue = alike and whole, min(pvalue, placed)
        found += f", {placed:.3f} for the places of rectangles"
    return alike and plausible and pvalue >= ALPHA / 4, found


def _placed(mixing: CutMix, cut: np.ndarray) -> tuple[float, bool]:
    """Returns the p-value of the centres of parts that are cut out, and whether all of them are rectangles.

    Args:
      mixing: their distribution.
      cut: whether pixels [N, H, W] are the neighbour's; images without any, or without others, are ignored.
    """
    height, width = cut.shape[1:]
    cut = cut[cut.any((1, 2)) & ~cut.all((1, 2))]
    if not len(cut):
        return 1.0, True
    sides = cut.any(2), cut.any(1)
    whole = np.array_equal(cut.sum((1, 2)), sides[0].sum(1) * sides[1].sum(1))
    starts, ends = rectangles(mixing, np.random.default_rng(1), 20 * EXAMPLES, height, width)
    area = np.prod(ends - starts, 0)
    inside = (area > 0) & (area < height * width)
    pvalues = [
        scipy.stats.ks_2samp(
            2 * side.argmax(1) + side.sum(1),  # the first and the last place, added
            (start + end)[inside],
        ).pvalue
        for side, start, end in zip(sides, starts, ends, strict=True)
    ]
    return min(pvalues), whole


def rectangles(mixing: CutMix, random: np.random.Generator, count: int, height: int, width: int) -> np.ndarray:
    """Returns starts and ends [2, 2, count], in rows and in columns, of sampled rectangles inside the image."""
    kept = random.beta(mixing.alpha, mixing.alpha, count)
    found = []
    for side in (height, width):
        middle = random.integers(side, size=count)
        half = (side * np.sqrt(1 - kept)).astype(int) // 2
        found.append((np.maximum(middle - half, 0), np.minimum(middle + half, side)))
    return np.array(found).swapaxes(0, 1)


def probability(mixing: Mixing) -> float:
    """Returns the probability that an example is mixed."""
    return np.mean([part.probability for part in parts(mixing)])


def parts(mixing: Mixing) -> tuple[PairMixing, ...]:
    """Returns the mixings one of which is applied to each example."""
    return mixing.mixings if isinstance(mixing, OneOf) else (mixing,)


@functools.singledispatch
def own_fraction(mixing: Mixing, random: np.random.Generator, count: int, height: int, width: int) -> np.ndarray:
    """Returns sampled fractions [count] of the original example in mixed examples, by definition."""
    raise TypeError(f"no check of {type(mixing).__name__}: add it to verification/traces/transforms")


@own_fraction.register
def _mixup(mixing: Mixup, random, count, height, width):
    return random.beta(mixing.alpha, mixing.alpha, count)


@own_fraction.register
def _cut_mix(mixing: CutMix, random, count, height, width):
    starts, ends = rectangles(mixing, random, count, height, width)
    return 1 - np.prod(ends - starts, 0) / (height * width)


@own_fraction.register
def _one_of(mixing: OneOf, random, count, height, width):
    # Mixed examples are distributed over the mixings in proportion to their probabilities.
    weights = np.array([part.probability for part in mixing.mixings])
    which = random.choice(len(weights), count, p=weights / weights.sum())
    fractions = [own_fraction(part, random, count, height, width) for part in mixing.mixings]
    return np.choose(which, fractions)
