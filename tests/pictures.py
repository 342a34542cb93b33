"""Images and helpers for tests of transforms."""

import functools
import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verification.traces.transforms import behaves, probe
from zoo.data import augment
from zoo.data.normalization import Statistics
from zoo.references.torch_libraries import load

ALPHA = 1e-3  # significance level of each statistical test
NEUTRAL = Statistics(jnp.zeros(3), jnp.ones(3), jnp.zeros((3, 3)))


def neutral(channels):
    return Statistics(jnp.zeros(channels), jnp.ones(channels), jnp.zeros((channels, channels)))


def apply(transforms, image, key=0, measured=None):
    measured = measured or neutral(image.shape[-1])
    return np.asarray(augment.apply(transforms, jnp.asarray(image), jax.random.key(key), measured))


def apply_many(transform, image, count):
    """Returns the results of a transform for `count` keys."""
    keys = jax.random.split(jax.random.key(0), count)
    function = functools.partial(augment.apply, (transform,))
    return np.asarray(jax.vmap(function, (None, 0, None))(jnp.asarray(image), keys, neutral(image.shape[-1])))


def torchvision(module):
    """Returns a module of torchvision's transforms; skips the test if torchvision is not installed."""
    if not all(importlib.util.find_spec(library) for library in ("torch", "torchvision")):
        pytest.skip("torchvision is not installed")
    return load(f"torchvision.transforms.{module}")


def finds_wrong(checks, claimed, done, monkeypatch):
    """Returns whether the check of `claimed`, in the module `checks`, fails when the transform `done` is applied."""
    monkeypatch.setattr(checks, "many", lambda transform, *arguments: probe.many(done, *arguments))
    passed, _ = behaves(claimed)
    return not passed


def noise(height=40, width=60, channels=3):
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


def smooth(height=40, width=60):
    """Returns a smooth uint8 image with all hues."""
    y, x = np.mgrid[:height, :width]
    waves = [127 + 100 * np.sin(x / 9 + channel) * np.cos(y / 7 - channel) for channel in range(3)]
    return np.stack(waves, -1).astype(np.uint8)
