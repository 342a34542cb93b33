"""Wrong statistics of the inputs' normalization are found, of images in memory and in files."""

import dataclasses

import numpy as np
import pytest
from PIL import Image
from small_step import GROUP, Network, images, one_device, prepared

import zoo
from verification.step import statistics
from verification.step.statistics import check_statistics
from zoo.recipe import *
from zoo.training.prepare import prepare

FIXED = (UnitRange(), RawRange(), SignedRange(), FixedMeanStd((124.0, 116.0, 104.0), (58.0, 57.0, 59.0)))
MEASURED = (ChannelMeanStd(), PixelMean())
SIDE = 24
ALIGNED = Augmentation((Normalize(), HorizontalFlip()), (Normalize(),))
WRONG = {
    "scale": lambda found: found._replace(scale=found.scale * 1.001),
    "mean": lambda found: found._replace(mean=found.mean + 0.1),
}


def of_files(folder, normalization):
    augmentation = Augmentation(
        (Resize(SIDE), CenterCrop(SIDE), Normalize(), HorizontalFlip()),
        (Resize(SIDE), CenterCrop(SIDE), Normalize()),
    )
    changes = {"data": Data(f"folder:{folder}"), "augmentation": augmentation, "normalization": normalization}
    dataset = zoo.open_source(f"folder:{folder}")
    classes = len(dataset.class_names)
    return prepare(images(**changes), dataset, model=Network(classes), mesh=one_device(), decode_ahead=False)


def status(experiment, change=lambda found: found):
    changed = dataclasses.replace(experiment, statistics=change(experiment.statistics))
    return check_statistics(GROUP, changed).status


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A folder of 600 training images, of a lit and a dark half, whose brightness varies."""
    root, random = tmp_path_factory.mktemp("photographs"), np.random.default_rng(0)
    for number in range(620):
        folder = root / ("train" if number < 600 else "val") / ("even", "odd")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        light = np.where(np.arange(SIDE) < SIDE / 2, 60, 20)[:, None, None] * np.array([1.0, 0.8, 0.5])
        pixels = random.normal(60 + light * random.uniform(0.5, 1.5), 25, (SIDE, SIDE, 3))
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    return root


@pytest.mark.parametrize("normalization", [*FIXED, *MEASURED], ids=repr)
@pytest.mark.parametrize("wrong", ["scale", "mean"])
def test_wrong_statistics_of_all_images_in_files_are_found(image_folder, normalization, wrong):
    experiment = of_files(image_folder, normalization)
    assert status(experiment) == "pass"
    assert status(experiment, WRONG[wrong]) == "fail"


@pytest.mark.parametrize(
    ("normalization", "wrong"),
    [
        (ChannelMeanStd(), lambda found: found._replace(scale=found.scale * 1.1)),
        (ChannelMeanStd(), lambda found: found._replace(scale=found.scale / 1.1)),
        (ChannelMeanStd(), lambda found: found._replace(mean=found.mean[::-1])),
        (ChannelMeanStd(), lambda found: found._replace(scale=found.mean, mean=found.scale)),
        (PixelMean(), lambda found: found._replace(scale=found.scale * 1.001)),
        (PixelMean(), lambda found: found._replace(mean=found.mean[::-1])),
        (PixelMean(), lambda found: found._replace(mean=found.mean[..., ::-1])),
        (PixelMean(), lambda found: found._replace(mean=np.zeros_like(found.mean))),
        (PixelMean(), lambda found: found._replace(mean=found.mean / 255)),
    ],
)
def test_wrong_statistics_are_found_with_a_sample_of_files(photographs, monkeypatch, normalization, wrong):
    monkeypatch.setattr(statistics, "SAMPLED", 200)
    experiment = of_files(photographs, normalization)
    assert status(experiment) == "pass"
    assert status(experiment, wrong) == "fail"


def test_samples_of_files_rarely_differ(photographs, monkeypatch):
    """60 samples of 6 values, which are correlated: one of these is beyond 4.5 standard errors in 1 of 400 tests."""
    experiment = of_files(photographs, ChannelMeanStd())
    random, largest = np.random.default_rng(1), []
    monkeypatch.setattr(statistics, "SAMPLED", 200)
    monkeypatch.setattr(statistics, "sample_indices", lambda examples, count: random.integers(0, examples, count))
    for _ in range(60):
        largest.append(check_statistics(GROUP, experiment).figures["value"])
    assert 0.7 < np.median(largest) < 2 and np.max(largest) < 4.5


@pytest.mark.parametrize("normalization", [*FIXED[:3], *MEASURED], ids=repr)
@pytest.mark.parametrize("wrong", ["scale", "mean"])
def test_wrong_statistics_of_images_in_memory_are_found(normalization, wrong):
    experiment = prepared(images(normalization=normalization, augmentation=ALIGNED))
    assert status(experiment) == "pass"
    assert status(experiment, WRONG[wrong]) == "fail"


def test_a_mean_image_upside_down_is_found():
    experiment = prepared(images(normalization=PixelMean(), augmentation=ALIGNED))
    assert status(experiment, lambda found: found._replace(mean=found.mean[::-1])) == "fail"
