"""What the tests share."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image
from tiny import RECIPE

import zoo
from zoo.data.dataset import Dataset
from zoo.data.split import ArraySplit
from zoo.recipe import *

ROOT = Path(__file__).resolve().parents[1]

# The tests compile hundreds of programs and run each for a moment: optimizing them takes longer than all the rest. Those in
# `verification/`, which hold trainings against reference runs, are compiled as a user's programs are.
HASTE = "jax_disable_most_optimizations"


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


def run_python(*arguments, devices=1, timeout=300, **environment):
    """Runs `python ARGUMENTS` from the root of the project on so many forced CPU devices; the finished process."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=child_environment(devices, **environment),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def child_environment(devices=1, **environment):
    """The environment of a child process with so many CPU devices."""
    flags = os.environ.get("XLA_FLAGS", "")
    forced = {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count={devices}",
        # JAX sizes its pools by this; with few cores, collectives of many forced devices wait for each other otherwise.
        "NPROC": "32",
    }
    haste = {HASTE.upper(): str(int(jax.config.read(HASTE)))}
    return {**os.environ, **haste, **(forced if devices > 1 else {}), **environment}


def small(recipe, **changes):
    """A recipe for AlexNet that trains in seconds: its smallest image, narrow fully connected layers, few steps."""
    return recipe.override(
        {
            "augmentation.train.0.size": 67,
            "augmentation.eval.0.size": 67,
            "model.options.hidden": 32,
            "budget.batch_size": 16,
            "budget.steps": 12,
            "budget.evaluate_every": 0.25,
            "budget.interim_examples": 64,
            "target": None,
            **{name.replace("__", "."): value for name, value in changes.items()},
        }
    )


def tiny_dataset():
    """A few images of Fashion-MNIST: 2,000 to train on and 200 to evaluate."""
    whole = zoo.open_source("fashion_mnist")
    train, test = (
        ArraySplit(split.images[:count], split.labels[:count])
        for split, count in ((whole.train, 2000), (whole.eval, 200))
    )
    return Dataset("tiny", train, test, whole.class_names, channels=1)


def tabular(source="synthetic:random_10", **changes):
    """A recipe for vectors of features, which trains in a second."""
    recipe = Recipe(
        model=Model("mlp", options={"hidden": [16]}),
        data=Data(source),
        normalization=FeatureMeanStd(),
        augmentation=Augmentation(train=(Normalize(),), eval=(Normalize(),)),
        initialization=Initialization(),
        optimizer=SGD(),
        schedule=ConstantRate(0.1),
        regularization=Regularization(),
        budget=Budget(batch_size=32, steps=20, evaluate_every=0.5),
    )
    return recipe.override({name.replace("__", "."): value for name, value in changes.items()})


def features_dataset(train, labels, evaluation=None, evaluation_labels=None, classes=2):
    """A data set of vectors of features [N, F]; it evaluates on the training examples if there are no others."""
    evaluation = train if evaluation is None else evaluation
    evaluation_labels = labels if evaluation_labels is None else evaluation_labels
    splits = (
        ArraySplit(np.asarray(rows, np.float32)[:, None, None, :], np.asarray(numbers, np.int32), name)
        for rows, numbers, name in ((train, labels, "train"), (evaluation, evaluation_labels, "eval"))
    )
    features = np.asarray(train).shape[1]
    names = tuple(f"x{column}" for column in range(features))
    return Dataset("features", *splits, tuple(map(str, range(classes))), channels=features, feature_names=names)


# On the command line, where the data is a folder: ten evaluations of 16 images in 40 steps.
BUDGET_FLAGS = [
    "--set=budget.batch_size=16",
    "--set=budget.evaluate_every=0.1",
    "--set=budget.interim_examples=16",
    "--set=budget.steps=40",
]
TINY_FLAGS = ["--recipe=tests/tiny.py", *BUDGET_FLAGS]
SMALL_FLAGS = [  # the same as `small`
    "--recipe=alexnet",
    "--set=augmentation.train.0.size=67",
    "--set=augmentation.eval.0.size=67",
    "--set=model.options.hidden=32",
    *BUDGET_FLAGS,
]


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
