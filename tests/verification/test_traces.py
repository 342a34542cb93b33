"""Tests of the checks that need no training: budget, learning rate, updates, images and initial loss."""

import dataclasses
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import small, tabular, tiny_dataset
from PIL import Image

import zoo
from verification import traces
from verification.check import Group
from verification.faults import inject
from verification.initialization.first_loss import first_eval_step
from verification.traces.images import check_images, fits, looks_normalized, network_inputs
from verification.traces.splits import check_splits
from verification.traces.transforms import behaves, geometry
from zoo.data import resize_crop as host
from zoo.data.dataset import Dataset
from zoo.data.resize_crop import resize_and_crop
from zoo.data.split import ArraySplit
from zoo.recipe import *
from zoo.training.evaluation import evaluate_pipeline
from zoo.training.prepare import prepare


def test_input_check_samples_the_whole_split():
    """Images of a folder are sorted by class."""
    classes, each = np.arange(10), 60
    images = np.repeat(25 * classes, each).astype(np.uint8)[:, None, None, None] * np.ones((8, 8, 1), np.uint8)
    split = ArraySplit(images, np.repeat(classes, each).astype(np.int32))
    dataset = Dataset("by class", split, split, tuple(map(str, classes)), channels=1)
    recipe = tabular("fashion_mnist", normalization=ChannelMeanStd())
    experiment = prepare(recipe, dataset)
    (found,) = (check for check in check_images(Group("small", "traces"), experiment) if check.name == "input")
    assert found.status == "pass", found.detail
    front = network_inputs(experiment, np.arange(each * 3))
    assert not looks_normalized(recipe.normalization, front)[0]


@pytest.fixture(scope="module")
def long_run():
    """An experiment of 2,500 steps of 16 images, which are 20 epochs of 2,000 images."""
    changes = {"budget__steps": None, "budget__epochs": 20.0}
    return prepare(small(zoo.load_recipe("alexnet"), **changes), tiny_dataset())


def test_wrong_budget_is_detected(long_run, monkeypatch):
    group = Group("small", "traces")
    assert traces.check_budget(group, long_run).detail == "2,500 steps of 16 are 20.00 epochs of 2,000 examples"
    longer = dataclasses.replace(long_run, total_steps=2501)
    assert traces.check_budget(group, longer).detail == "expected 2,500 steps, got 2,501"
    order = traces.training_order
    monkeypatch.setattr(
        traces, "training_order", lambda pipeline, batch_size, seed: order(pipeline, batch_size - 1, seed)
    )
    assert "batch 0 has 15 examples, 15 of them with weight" in traces.check_budget(group, long_run).detail
    again = lambda pipeline, batch_size, seed: dict.fromkeys(range(200), order(pipeline, batch_size, seed)[0])  # noqa: E731
    monkeypatch.setattr(traces, "training_order", again)
    assert traces.check_budget(group, long_run).detail == "the first epoch contains examples twice"


def test_wrong_learning_rate_at_the_end_of_one_epoch_is_detected(long_run):
    group = Group("small", "traces")
    assert "including the ends of 19 epochs" in traces.check_learning_rate(group, long_run).detail
    end = next(step for step in range(125, 2500, 125) if step not in np.linspace(0, 2499, 1000).astype(int))
    rate = long_run.learning_rate
    bent = dataclasses.replace(long_run, learning_rate=lambda step: rate(step) * jnp.where(step == end, 1.01, 1.0))
    assert f"at step {end}, got" in traces.check_learning_rate(group, bent).detail


@dataclasses.dataclass
class Numbered:
    """A split of so many files that only a sample is compared."""

    first: int
    length: int
    images: None = None

    def __len__(self):
        return self.length

    def read(self, index):
        return np.random.default_rng(self.first + index).integers(0, 256, (8, 8, 1), np.uint8), 0


def test_training_images_in_the_evaluation_split_are_detected_in_samples():
    """If all 50,000 images are among 1.28 million, 4 of a sample of 1,000 are expected among 5,000 sampled ones."""
    train = Numbered(0, 1_281_167)
    for first, status in ((1_281_167, "pass"), (0, "fail")):
        dataset = types.SimpleNamespace(
            train=train, eval=Numbered(first, 50_000), examples="images", channels=1, feature_names=None
        )
        assert check_splits(Group("large", "traces"), dataset).status == status


SIZES = [
    Resize(64), ResizeShort(40), CenterCrop(31), PresetCrop(40, 33), PresetCrop(256, 224, "bicubic"),
]  # fmt: skip


@pytest.mark.parametrize("transform", SIZES, ids=repr)
def test_resizing_agrees_with_pil(transform):
    passed, found = behaves(transform)
    assert passed, found


@pytest.mark.parametrize("transform", [each for each in SIZES if not isinstance(each, CenterCrop)], ids=repr)
def test_resizing_with_another_filter_is_found(transform, monkeypatch):
    with inject("resized_by_nearest_pixel"):
        assert not behaves(transform)[0]
    nearest = {"bilinear": Image.Resampling.NEAREST, "bicubic": Image.Resampling.BILINEAR}
    monkeypatch.setattr(host, "FILTERS", nearest)
    assert not behaves(transform)[0]


@pytest.mark.parametrize("transform", [CenterCrop(31), PresetCrop(40, 33)], ids=repr)
def test_crops_off_the_centre_are_found(transform, monkeypatch):
    for name in ("center", "preset_center"):
        right = getattr(host, name)
        monkeypatch.setattr(host, name, lambda *sizes, right=right: (right(*sizes)[0] + 1, right(*sizes)[1]))
    assert not behaves(transform)[0]


def test_crops_on_the_host_are_checked(monkeypatch):
    crop = RandomResizedCrop(224)
    assert behaves(crop)[0]
    middle = RandomResizedCrop(32, min_area=0.5, max_area=0.5)
    monkeypatch.setattr(
        geometry,
        "resize_and_crop",
        lambda picture, host_transforms, random: resize_and_crop(picture, (middle,), random),
    )
    assert not behaves(crop)[0]


def test_evaluation_images_may_be_larger_if_the_network_accepts_them():
    def fit(model, trained, evaluated):
        shapes = [(size, size, 3) for size in (trained, evaluated)]
        return fits(types.SimpleNamespace(model=zoo.create_model(model, 10), input_shape=shapes[0]), shapes[1])

    assert fit("resnet18", 176, 224) and fit("alexnet", 227, 227)
    assert not fit("resnet18", 128, 224) and not fit("resnet18", 224, 176) and not fit("alexnet", 227, 259)


@pytest.mark.slow
def test_initial_loss_uses_batch_statistics():
    changes = {
        "model": Model("resnet20"),
        "augmentation": Augmentation((Resize(32), Normalize()), (Resize(32), Normalize())),
        "initialization": Initialization(kernel=HeNormal()),
    }
    experiment = prepare(small(zoo.load_recipe("alexnet")).override(changes), tiny_dataset())
    variables, pipeline = experiment.initial_state(0).variables, experiment.eval_pipeline
    images, labels = network_inputs(experiment, np.arange(16)), pipeline.split.labels[:16]
    logits, _ = experiment.model.apply(variables, images, train=True, mutable=["batch_stats"])
    expected = -np.asarray(jax.nn.log_softmax(logits))[np.arange(16), labels].mean()
    constants, arguments = experiment.constants(pipeline), {"batch_size": 16, "indices": np.arange(16)}
    for step, same in ((first_eval_step(experiment), True), (experiment.eval_step, False)):
        found = evaluate_pipeline(step, variables, constants, pipeline, experiment.mesh, **arguments)
        assert (found["loss"] == pytest.approx(expected, rel=1e-4)) == same
