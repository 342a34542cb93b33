"""Shared fixtures and pytest configuration."""

import importlib.metadata
import os

import jax
import numpy as np
import pytest
from examples import tiny_dataset
from PIL import Image
from programs import SKIP_OPTIMIZATIONS
from tiny import RECIPE

from zoo.recipe import *

# The tests compile hundreds of programs and run each briefly, so that optimizing them would take most of the time. The
# tests in `verification/`, which compare training with reference runs, are compiled like a user's programs.


def pytest_configure(config):
    """Sets options that apply to the whole process."""
    # pytest-xdist starts with the files that have the most tests. The last file should be the one in `verification/`,
    # which uses all cores, rather than one that keeps a single process busy.
    config.option.loadscopereorder = False
    # The older code generator for fused operations compiles much faster, where XLA still has it. XLA reads the flag
    # once per process. Not for `-m slow`, where training takes minutes.
    supported = importlib.metadata.version("jaxlib").split(".")[:2] == ["0", "10"]
    flags, flag = os.environ.get("XLA_FLAGS", ""), "--xla_cpu_use_fusion_emitters=false"
    if supported and config.option.markexpr != "slow" and flag not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {flag}".strip()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    jax.config.update(SKIP_OPTIMIZATIONS, True)
    try:
        return (yield)
    finally:
        jax.config.update(SKIP_OPTIMIZATIONS, False)


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """A folder of 3 x 16 training and 3 x 4 evaluation images of several sizes and formats; a class is a colour."""
    root = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    colors = {"blue": (40, 60, 200), "green": (50, 180, 60), "red": (210, 50, 40)}
    for name, color in colors.items():
        for number in range(20):
            folder = root / ("train" if number < 16 else "val") / name
            folder.mkdir(parents=True, exist_ok=True)
            height, width = random.integers(70, 110, 2)
            noise = random.normal(0, 30, (height, width, 3))
            image = Image.fromarray(np.clip(np.array(color) + noise, 0, 255).astype(np.uint8))
            suffix = ("jpg", "png", "webp", "JPEG")[number % 4]
            image.save(folder / f"{number:02}.{suffix}")
    return root


@pytest.fixture(scope="module")
def recipe():
    return RECIPE


@pytest.fixture(scope="module")
def dataset():
    return tiny_dataset()
