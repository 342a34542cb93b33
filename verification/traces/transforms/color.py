"""Checks of colour transforms: a pixel shows the parameter, which then has to explain all other pixels."""

import colorsys

import jax.numpy as jnp
import numpy as np
import scipy.stats

from verification.traces.transforms.probe import ALPHA, behaves, many, uniform_pvalue
from zoo.data.normalization import Statistics
from zoo.recipe import Brightness, Contrast, Hue, PCAColor, Saturation

# From black to white, so that results have to be clipped.
COLORS = np.array(
    [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (20, 0, 255), (250, 240, 5), (10, 250, 130), (90, 90, 90)],
    np.uint8,
)
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
ROUNDING = 0.1  # of pixel values: torchvision rounds the coefficients of the luma to four digits


@behaves.register
def _pca_color(transform: PCAColor):
    statistics = Statistics(jnp.zeros(3), jnp.ones(3), jnp.eye(3))
    results = many(transform, np.full((2, 2, 3), 100, np.uint8), statistics)
    amounts = (results[:, 0, 0] - 100).ravel()
    pvalue = scipy.stats.kstest(amounts, scipy.stats.norm(0, max(transform.stddev, 1e-9)).cdf).pvalue
    return pvalue >= ALPHA, f"amounts have std {amounts.std():.3f}, Gaussian with p = {pvalue:.3f}"


def _picture(*shown):
    """Returns a picture [1, n, 3] of pixels that show the parameter, and of `COLORS`."""
    return np.concatenate([np.array(shown, np.uint8), COLORS])[None]


@behaves.register
def _brightness(transform: Brightness):
    value = max(1, int(200 / (1 + transform.amount)))
    picture = _picture((value, value, value))
    results = many(transform, picture)
    return _blended(transform, results, results[:, 0, 0, 0] / value, picture, 0.0)


@behaves.register
def _contrast(transform: Contrast):
    middle = round((COLORS @ LUMA).mean())  # so that the pixels that show the factor are not clipped
    picture = _picture((middle - 5,) * 3, (middle + 5,) * 3)
    results = many(transform, picture)
    factors = (results[:, 0, 1, 0] - results[:, 0, 0, 0]) / 10
    return _blended(transform, results, factors, picture, (picture @ LUMA).mean())


@behaves.register
def _saturation(transform: Saturation):
    picture = _picture((110, 100, 100))
    results = many(transform, picture)
    factors = (results[:, 0, 0, 0] - results[:, 0, 0, 1]) / 10
    return _blended(transform, results, factors, picture, (picture @ LUMA)[..., None])


def _blended(transform, results, factors, picture, other):
    """Returns whether factors are uniform, and results are blends of the picture with another one, clipped."""
    pvalue = uniform_pvalue(factors, max(0.0, 1 - transform.amount), 1 + transform.amount)
    weights = factors[:, None, None, None].astype(np.float64)
    off = float(np.abs(results - np.clip(weights * picture + (1 - weights) * other, 0, 255)).max())
    found = f"factors from {factors.min():.2f} to {factors.max():.2f}, uniform with p = {pvalue:.3f}"
    close = off < ROUNDING * (1 + transform.amount)
    return pvalue >= ALPHA and close, f"{found}; pixels differ by up to {off:.1g} from the clipped blend"


@behaves.register
def _hue(transform: Hue):
    picture = _picture((200, 100, 100))
    results = many(transform, picture)
    shifts = np.array([colorsys.rgb_to_hsv(*image[0, 0] / 255)[0] for image in results])
    shifts = (shifts + 0.5) % 1 - 0.5
    pvalue = uniform_pvalue(shifts, -transform.amount, transform.amount)
    colors = [colorsys.rgb_to_hsv(*color / 255) for color in picture[0]]
    expected = [[colorsys.hsv_to_rgb((hue + shift) % 1, *rest) for hue, *rest in colors] for shift in shifts]
    off = float(np.abs(results[:, 0] - 255 * np.array(expected)).max())
    found = f"shifts from {shifts.min():.2f} to {shifts.max():.2f}, uniform with p = {pvalue:.3f}"
    return pvalue >= ALPHA and off < ROUNDING, f"{found}; pixels differ by up to {off:.1g} from those of that hue"
