"""What the quick tier leaves out of the checks of a step does not change what they look at."""

import contextlib
import itertools
from types import SimpleNamespace

import flax.linen as nn
import jax
import numpy as np
import pytest
from jax import lax
from small_step import failed, images, one_device, prepared

import zoo
import zoo.data.pipeline
from verification.step import check_step
from verification.step.probe import Probe
from verification.step.stand_in import in_two_parts
from zoo.data.pipeline import training_batches
from zoo.recipe import *
from zoo.training.prepare import prepare
from zoo.training.step import step

SIDE = 150  # pixels: a batch of the checks has four such images
FOLDER = {
    "data": Data("folder:images"),
    "augmentation": Augmentation((RandomResizedCrop(SIDE), Normalize()), (Resize(SIDE), CenterCrop(SIDE), Normalize())),
    "normalization": UnitRange(),
    "budget.batch_size": 48,
}


class Linear(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(3, name="fc")(x.mean((1, 2)))


class Deep(nn.Module):
    """Has so many layers that the quick tier replaces it."""

    @nn.compact
    def __call__(self, x, train):
        for number in range(12):
            x = nn.Dense(8, name=f"fc{number}")(x.reshape(len(x), -1))
        return nn.Dense(10, name="head")(x)


@pytest.fixture(scope="module")
def of_files(image_folder):
    dataset = zoo.open_source(f"folder:{image_folder}")
    return prepare(images(**FOLDER), dataset, model=Linear(), mesh=one_device(), decode_ahead=False)


def test_the_first_examples_of_each_batch_are_read_alone(of_files, monkeypatch):
    """The whole batches are read afterwards, as their reading goes on for a moment when it is not needed any more."""
    read = []
    original = zoo.data.pipeline.resize_and_crop
    with monkeypatch.context() as patch:
        patch.setattr(zoo.data.pipeline, "resize_and_crop", lambda *arguments: read.append(1) or original(*arguments))
        probe = Probe(of_files)
        some = probe.batches(5, 3)
        assert probe.batch_size == 4 and len(read) < 48
    with contextlib.closing(training_batches(of_files.train_pipeline, 48, seed=5)) as batches:
        whole = list(itertools.islice(batches, 3))
    for part, batch in zip(some, whole, strict=True):
        for field in ("index", "position", "weight", "image", "label"):
            np.testing.assert_array_equal(getattr(part, field), getattr(batch, field)[:4])


def test_many_micro_batches_become_two_of_the_same_size():
    experiment = prepared(images(**{"budget.batch_size": 32, "budget.accumulation": 8}))
    budget = in_two_parts(experiment).recipe.budget
    assert (budget.batch_size, budget.accumulation) == (8, 2)
    few = prepared(images(**{"budget.batch_size": 32, "budget.accumulation": 2}))
    assert in_two_parts(few) is few


def test_a_step_of_many_micro_batches_passes_with_a_small_network():
    experiment = prepared(images(**{"budget.batch_size": 32, "budget.accumulation": 8}), model=Deep())
    checks = list(check_step("small", experiment, Probe(experiment), 3, thorough=False))
    assert not failed(checks)
    assert {"inputs", "loss", "forward", "update", "gradient", "evaluation"} < {check.name for check in checks}


def test_a_forgotten_micro_batch_is_found_with_two_of_them(monkeypatch):
    """The gradient is that of the first one alone; loss, statistics and counts are right."""

    def forgetful(function, start, parts):
        (_, statistics), sums = lax.scan(function, start, parts)
        (first, _), _ = function(start, jax.tree.map(lambda array: array[0], parts))
        return (first, statistics), sums

    monkeypatch.setattr(step, "lax", SimpleNamespace(**{**vars(lax), "scan": forgetful}))
    experiment = prepared(images(**{"budget.batch_size": 32, "budget.accumulation": 8}), model=Deep())
    assert "gradient" in failed(check_step("small", experiment, Probe(experiment), 3, thorough=False))
