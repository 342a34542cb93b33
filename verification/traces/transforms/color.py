"""Checks of colour transforms, on pictures of one or two colours."""

import colorsys

import jax.numpy as jnp
import numpy as np
import scipy.stats

from verification.traces.transforms.probe import ALPHA, behaves, many, uniform_pvalue
from zoo.data.normalization import Statistics
from zoo.recipe import Brightness, Contrast, Hue, PCAColor, Saturation


@behaves.register
def _pca_color(transform: PCAColor):
    statistics = Statistics(jnp.zeros(3), jnp.ones(3), jnp.eye(3))
    results = many(transform, np.full((2, 2, 3), 100, np.uint8), statistics)
    amounts = (results[:, 0, 0] - 100).ravel()
    pvalue = scipy.stats.kstest(amounts, scipy.stats.norm(0, max(transform.stddev, 1e-9)).cdf).pvalue
    return pvalue >= ALPHA, f"amounts have std {amounts.std():.3f}, Gaussian with p = {pvalue:.3f}"


def _uniform_factors(factors, amount):
    pvalue = uniform_pvalue(factors, max(0.0, 1 - amount), 1 + amount)
    return pvalue >= ALPHA, f"factors from {factors.min():.2f} to {factors.max():.2f}, uniform with p = {pvalue:.3f}"


@behaves.register
def _brightness(transform: Brightness):
    value = max(1, int(200 / (1 + transform.amount)))
    return _uniform_factors(many(transform, np.full((2, 2, 3), value, np.uint8))[:, 0, 0, 0] / value, transform.amount)


@behaves.register
def _contrast(transform: Contrast):
    results = many(transform, np.array([[[100] * 3, [110] * 3]], np.uint8))[..., 0]
    centred = np.allclose(results.mean((1, 2)), 105, atol=0.1)  # the rounded luma coefficients do not add up to 1
    uniform, found = _uniform_factors((results[:, 0, 1] - results[:, 0, 0]) / 10, transform.amount)
    return centred and uniform, found


@behaves.register
def _saturation(transform: Saturation):
    picture = np.array([[(110, 100, 100), (160, 150, 150)]], np.uint8)
    results = many(transform, picture)[:, 0]
    luma = [0.299, 0.587, 0.114]
    kept = np.allclose(results @ luma, picture[0] @ luma, atol=0.1 * (1 + transform.amount))
    uniform, found = _uniform_factors((results[:, 0, 0] - results[:, 0, 1]) / 10, transform.amount)
    return kept and uniform, found


@behaves.register
def _hue(transform: Hue):
    results = many(transform, np.full((1, 1, 3), (200, 100, 100), np.uint8))[:, 0, 0] / 255
    hues, saturations, values = np.array([colorsys.rgb_to_hsv(*color) for color in results]).T
    shifts = (hues + 0.5) % 1 - 0.5
    pvalue = uniform_pvalue(shifts, -transform.amount, transform.amount)
    kept = np.allclose(saturations, 0.5, atol=1e-3) and np.allclose(values, 200 / 255, atol=1e-3)
    return (
        kept and pvalue >= ALPHA,
        f"shifts from {shifts.min():.2f} to {shifts.max():.2f}, uniform with p = {pvalue:.3f}",
    )
