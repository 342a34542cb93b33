"""Tests of colour transforms against formulas in NumPy, colorsys and torchvision."""

import colorsys

import jax.numpy as jnp
import numpy as np
import pytest
from pictures import apply, finds_wrong, noise, smooth, torchvision

from verification.traces.transforms import behaves
from verification.traces.transforms import color as checks
from zoo.data.augment import color
from zoo.errors import ZooError
from zoo.recipe import *


def luma(image):
    return image.astype(float) @ [0.2989, 0.587, 0.114]


def blended(image, other, factor):
    return np.clip(factor * image.astype(float) + (1 - factor) * other, 0, 255)


@pytest.mark.parametrize("key", range(4))
def test_brightness_contrast_and_saturation_blend_with_black_mean_and_grey(key):
    image = np.concatenate([np.full((1, 60, 3), 60, np.uint8), noise()])
    image[0, 1] = (70, 60, 60)  # two dark pixels that reveal the factor
    bright = apply((Brightness(0.8),), image, key)
    np.testing.assert_allclose(bright, blended(image, 0, bright[0, 0, 0] / 60), atol=1e-3)
    flat = apply((Contrast(0.8),), image, key)
    factor = (flat[0, 1, 0] - flat[0, 0, 0]) / 10
    np.testing.assert_allclose(flat, blended(image, luma(image).mean(), factor), atol=0.01)
    pale = apply((Saturation(0.8),), image, key)
    factor = (pale[0, 1, 0] - pale[0, 1, 1]) / 10
    np.testing.assert_allclose(pale, blended(image, luma(image)[..., None], factor), atol=0.01)


@pytest.mark.parametrize("turn", [-0.5, -0.2, 0.0, 0.13, 0.5])
def test_hue_rotation_matches_colorsys(turn):
    image = np.concatenate([noise(8, 8), np.full((1, 8, 3), 90, np.uint8), np.zeros((1, 8, 3), np.uint8)])
    image[0, :3] = np.eye(3) * 255
    found = np.asarray(color.rotate_hue(jnp.asarray(image, jnp.float32), turn))
    for pixel, result in zip(image.reshape(-1, 3), found.reshape(-1, 3), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(pixel / 255))
        expected = 255 * np.array(colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value))
        np.testing.assert_allclose(result, expected, atol=0.01)


def test_hue_and_saturation_leave_grey_images_unchanged():
    image = noise(channels=1)
    for transform in (Hue(0.5), Saturation(1.0)):
        np.testing.assert_allclose(apply((transform,), image), image, atol=1e-3)
    assert np.abs(apply((Contrast(0.9),), image) - image).max() > 1


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
def test_formulas_match_torchvision(factor):
    functional = torchvision("functional")
    import torch

    image = smooth().astype(np.float32)
    theirs = torch.from_numpy((image / 255).transpose(2, 0, 1))
    grey = color.grey(jnp.asarray(image))
    for adjust, ours in (
        (functional.adjust_brightness, color.blend(image, 0.0, factor)),
        (functional.adjust_contrast, color.blend(image, grey.mean(), factor)),
        (functional.adjust_saturation, color.blend(image, grey, factor)),
    ):
        expected = 255 * adjust(theirs, factor).numpy().transpose(1, 2, 0)
        np.testing.assert_allclose(ours, expected, atol=0.01, err_msg=str(adjust))
    turn = min(factor, 1.0) - 0.5
    expected = 255 * functional.adjust_hue(theirs, turn).numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(color.rotate_hue(jnp.asarray(image), turn), expected, atol=0.01)


@pytest.mark.parametrize(
    "transform",
    [Brightness(0.4), Brightness(2.0), Contrast(0.5), Saturation(0.7), Hue(0.1), Hue(0.5), PCAColor(0.1)],
    ids=str,
)
def test_distributions(transform):
    """Each check has a false-alarm rate of 1 in 1000 keys; the key is fixed."""
    passed, found = behaves(transform)
    assert passed, found


@pytest.mark.parametrize(
    ("claimed", "done"),
    [
        (Brightness(0.4), Brightness(0.5)),
        (Contrast(0.4), Brightness(0.4)),
        (Saturation(0.4), Contrast(0.4)),
        (Hue(0.1), Hue(0.2)),
        (Hue(0.1), Saturation(0.1)),
    ],
    ids=str,
)
def test_checks_reject_other_distributions(claimed, done, monkeypatch):
    assert finds_wrong(checks, claimed, done, monkeypatch)


def test_bad_values():
    with pytest.raises(ZooError, match="Brightness.amount must be at least 0, not -0.1"):
        Brightness(-0.1)
    with pytest.raises(ZooError, match=r"Hue.amount must be in \[0, 0.5\], not 0.6"):
        Hue(0.6)
