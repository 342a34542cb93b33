"""What the tests share."""

import importlib.metadata
import os

import jax
import numpy as np
import pytest
from examples import tiny_dataset
from PIL import Image
from programs import HASTE
from tiny import RECIPE

from zoo.recipe import *

# The tests compile hundreds of programs and run each for a moment: optimizing them takes longer than all the rest. Those in
# `verification/`, which hold trainings against reference runs, are compiled as a user's programs are.


def pytest_configure(config):
    """Sets what cannot be chosen for each test."""
    # pytest-xdist begins with the files of most tests; but the last one should be that in `verification/`, which keeps
    # all cores busy by itself, and not one that a single process is long in.
    config.option.loadscopereorder = False
    # Where XLA knows it, also the older way to make code of fused operations, which is much the faster to compile. XLA
    # reads it once in a process. `-m slow`, where trainings take minutes, does without.
    older = importlib.metadata.version("jaxlib").split(".")[:2] == ["0", "10"]
    flags, quick = os.environ.get("XLA_FLAGS", ""), "--xla_cpu_use_fusion_emitters=false"
    if older and config.option.markexpr != "slow" and quick not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {quick}".strip()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    jax.config.update(HASTE, True)
    try:
        return (yield)
    finally:
        jax.config.update(HASTE, False)


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """3 x 16 training and 3 x 4 evaluation images of different sizes and kinds; a class is a colour, with noise."""
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
