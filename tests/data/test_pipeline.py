"""Tests of batches: every example once per epoch, in an order that depends only on the seed, from any step."""

import dataclasses
import itertools
import shutil

import numpy as np
import pytest

import zoo
from zoo.data.pipeline import decoded, evaluation_batches, make_pipeline, training_batches
from zoo.errors import ZooError
from zoo.recipe import *


def unexpected(corrupt):
    raise AssertionError(corrupt)


def pipeline_of(dataset, transforms, **options):
    settings = {"channels": dataset.channels, "num_classes": len(dataset.class_names), "on_corrupt": unexpected}
    return make_pipeline(dataset.train, transforms, **{**settings, **options})


@pytest.fixture(scope="module")
def folder(image_folder):
    return zoo.open_source(f"folder:{image_folder}")


@pytest.fixture(scope="module")
def streamed(folder):
    """Returns a pipeline that is decoded in each epoch, because its crops are random."""
    return pipeline_of(folder, (RandomResizedCrop(24), Normalize()))


def take(batches, count):
    taken = list(itertools.islice(batches, count))
    batches.close()
    return taken


def test_an_epoch_has_every_example_once(folder):
    pipeline = pipeline_of(folder, (Resize(24), Normalize()))
    assert pipeline.resident and pipeline.split.images.shape == (48, 24, 24, 3)
    batches = take(training_batches(pipeline, 10, seed=0), 24)  # five epochs
    order = np.concatenate([batch.index for batch in batches])
    epochs = order.reshape(5, 48)
    assert all(sorted(epoch) == list(range(48)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 5
    other = take(training_batches(pipeline, 10, seed=1), 1)[0]
    assert not np.array_equal(other.index, batches[0].index)


def test_batches_of_one_example(folder):
    pipeline = pipeline_of(folder, (Resize(24), Normalize()))
    assert pipeline.resident
    taken = take(training_batches(pipeline, 1, seed=0), pipeline.epoch)
    assert sorted(batch.index[0] for batch in taken) == list(range(pipeline.epoch))


@pytest.mark.parametrize("workers", [0, 2])
def test_resuming_at_any_step(streamed, workers):
    assert not streamed.resident
    whole = take(training_batches(streamed, 10, seed=3), 9)
    rest = take(training_batches(dataclasses.replace(streamed, workers=workers), 10, seed=3, first_step=5), 4)
    for ours, theirs in zip(rest, whole[5:], strict=True):
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(mine, other)


def test_crops_differ_between_epochs(streamed):
    batches = take(training_batches(streamed, 48, seed=3), 2)
    by_example = [dict(zip(batch.index.tolist(), batch.image, strict=True)) for batch in batches]
    assert not any(np.array_equal(by_example[0][index], by_example[1][index]) for index in range(48))


@pytest.mark.parametrize("hosts", [2, 3])
def test_hosts_share_each_batch(streamed, hosts):
    whole = take(training_batches(streamed, 12, seed=0), 3)
    parts = [take(training_batches(streamed, 12, seed=0, host=host, hosts=hosts), 3) for host in range(hosts)]
    for step, batch in enumerate(whole):
        for field, values in batch._asdict().items():
            together = np.concatenate([getattr(part[step], field) for part in parts])
            np.testing.assert_array_equal(together, values)


@pytest.mark.parametrize("resident", [True, False])
def test_evaluation_counts_each_example_once(folder, resident):
    pipeline = pipeline_of(folder, (Resize(24), Normalize()), resident_bytes=2**30 if resident else 0)
    batches = list(evaluation_batches(pipeline, 10))
    weight = np.concatenate([batch.weight for batch in batches])
    index = np.concatenate([batch.index for batch in batches])
    assert weight.sum() == 48 and sorted(index[weight > 0]) == list(range(48))
    some = list(evaluation_batches(pipeline, 10, np.array([7, 30, 2])))
    assert len(some) == 1 and some[0].index[:3].tolist() == [7, 30, 2] and some[0].weight.sum() == 3


def test_streamed_and_resident_images_are_equal(folder):
    transforms = (ResizeShort(30), CenterCrop(24), Normalize())
    resident, streamed = pipeline_of(folder, transforms), pipeline_of(folder, transforms, resident_bytes=0)
    assert resident.transforms == streamed.transforms == (Normalize(),)
    images, labels, places = (np.concatenate(part) for part in zip(*decoded(streamed, np.arange(48)), strict=True))
    np.testing.assert_array_equal(images, resident.split.images)
    np.testing.assert_array_equal(labels, folder.train.labels)
    assert places.tolist() == list(range(48))


@pytest.fixture
def damaged(image_folder, tmp_path):
    """Returns a data set with two truncated training images and one that is not an image, and their paths."""
    root = tmp_path / "images"
    shutil.copytree(image_folder, root)
    dataset = zoo.open_source(f"folder:{root}")
    victims = [dataset.train.paths[3], dataset.train.paths[20], dataset.train.paths[40]]
    for victim in victims[:2]:
        with open(victim, "r+b") as file:
            file.truncate(200)
    with open(victims[2], "w") as file:
        file.write("no image")
    return dataset, victims


@pytest.mark.parametrize("workers", [0, 1])
def test_corrupt_images_are_reported_and_get_no_weight(damaged, workers):
    dataset, victims = damaged
    reported = []
    transforms = (RandomResizedCrop(24), Normalize())
    pipeline = pipeline_of(dataset, transforms, on_corrupt=reported.append, workers=workers)
    batches = take(training_batches(pipeline, 16, seed=0), 3)
    assert sorted(corrupt.example for corrupt in reported) == sorted(victims)
    for batch in batches:
        for index, weight, image in zip(batch.index, batch.weight, batch.image, strict=True):
            assert weight == (dataset.train.paths[index] not in victims)
            assert image.any()  # corrupt images get a neighbour's pixels, since black would bias batch statistics


def test_corrupt_images_are_left_out_of_a_resident_split(damaged):
    dataset, victims = damaged
    reported = []
    pipeline = pipeline_of(dataset, (Resize(24), Normalize()), on_corrupt=reported.append)
    assert [corrupt.example for corrupt in reported] == victims and len(pipeline.split) == 45
    good = [label for path, label in zip(dataset.train.paths, dataset.train.labels, strict=True) if path not in victims]
    np.testing.assert_array_equal(pipeline.split.labels, good)


def test_an_unreadable_file_is_a_corrupt_image(damaged):
    dataset, victims = damaged
    import os

    os.remove(victims[0])
    reported = []
    pipeline_of(dataset, (Resize(24), Normalize()), on_corrupt=reported.append)
    assert victims[0] in [corrupt.example for corrupt in reported]


def test_no_decodable_image(damaged):
    dataset, _ = damaged
    for path in dataset.train.paths:
        open(path, "w").close()
    with pytest.raises(ZooError, match="none of the 48 images can be decoded, for example .*images"):
        pipeline_of(dataset, (Resize(24), Normalize()), on_corrupt=lambda corrupt: None)


def test_crop_larger_than_the_photo(folder):
    with pytest.raises(ZooError, match=r"CenterCrop\(500\): the image has only .* put ResizeShort\(500\) before it"):
        pipeline_of(folder, (CenterCrop(500), Normalize()))
