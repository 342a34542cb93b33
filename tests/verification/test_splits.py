"""Tests that evaluation examples that are nearly training examples are found, and that similar ones are not."""

import dataclasses
import io

import numpy as np
import pytest
from examples import features_dataset
from PIL import Image

import zoo
from verification.check import Group
from verification.traces import splits
from verification.traces.splits import (
    check_held_out,
    check_splits,
    near_copies_of_images,
    nearest_neighbors,
    thumbnails,
)
from zoo.data.dataset import Dataset
from zoo.data.splitting import hold_out, subset


@pytest.fixture(scope="module")
def fashion_mnist():
    return zoo.open_source("fashion_mnist")


def with_copies(dataset, fraction, change):
    """Replaces a fraction of the evaluation images by changed training images."""
    random = np.random.default_rng(0)
    images, count = dataset.eval.images.copy(), round(fraction * len(dataset.eval))
    places = random.choice(len(images), count, replace=False)
    copies = random.choice(len(dataset.train), count, replace=False)
    images[places] = [change(dataset.train.images[copy]) for copy in copies]
    return dataclasses.replace(dataset, eval=dataclasses.replace(dataset.eval, images=images))


def one_pixel_changed(image):
    changed = image.copy()
    changed[5, 7] = 255 - changed[5, 7]
    return changed


def as_jpeg(image):
    file = io.BytesIO()
    Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file)).reshape(image.shape)


def status(dataset):
    return check_splits(Group("data", "traces"), dataset).status


def test_the_splits_of_fashion_mnist_are_apart(fashion_mnist):
    check = check_splits(Group("data", "traces"), fashion_mnist)
    assert check.status == "pass" and "60,000 of 60,000 training images" in check.detail


def test_validation_images_that_are_trained_on_are_found(fashion_mnist):
    """The evaluation split has none of them."""
    kept, out = hold_out(fashion_mnist.train.labels, 1 / 12)
    train, held_out = (subset(fashion_mnist.train, positions) for positions in (kept, out))
    rest, group = dataclasses.replace(fashion_mnist, train=train), Group("data", "traces")
    assert check_splits(group, fashion_mnist).status == check_held_out(group, rest, held_out).status == "pass"
    check = check_held_out(group, fashion_mnist, held_out)
    assert (check.name, check.status) == ("validation split", "fail")
    assert "2,500 of 2,500 validation images are near copies of one of 60,000" in check.detail


def mirrored(image):
    return image[:, ::-1]


def lighter(image):
    return np.minimum(image, 235) + np.uint8(20)


@pytest.mark.parametrize("change", [lambda image: image, one_pixel_changed, as_jpeg, mirrored, lighter])
def test_a_tenth_of_copies_is_found(fashion_mnist, change):
    assert status(with_copies(fashion_mnist, 0.1, change)) == "fail"


@pytest.mark.parametrize("change", [mirrored, lighter])
def test_nearly_every_augmented_copy_is_found(fashion_mnist, change):
    """Also of shoes, which are not symmetric."""
    train = fashion_mnist.train.images[:5000]
    assert near_copies_of_images(train, np.stack([change(image) for image in train[:300]])).mean() > 0.98


def test_images_of_different_sizes_in_files_are_compared():
    random = np.random.default_rng(0)

    def pictures(count, height, width):
        low = random.integers(60, 200, (count, 6, 6, 1), np.uint8).repeat(3, -1)
        rows, columns = np.arange(height) * 6 // height, np.arange(width) * 6 // width
        return low[:, rows][:, :, columns]

    train, evaluation = pictures(40, 50, 64), pictures(40, 70, 64)
    apart = _Pictures(list(train)), _Pictures(list(evaluation))
    assert status(Dataset("pictures", *apart, ("one", "two"), channels=3)) == "pass"
    copied = _Pictures([*evaluation[:30], *(as_jpeg(image) for image in train[:10])])
    assert status(Dataset("pictures", apart[0], copied, ("one", "two"), channels=3)) == "fail"


@dataclasses.dataclass(frozen=True)
class _Pictures:
    pictures: list
    images: None = None
    labels: None = None

    def __len__(self):
        return len(self.pictures)

    def read(self, index):
        return self.pictures[index], 0

    def describe(self, index):
        return f"picture {index}"


ROWS = np.random.default_rng(1).exponential(1, (900, 12)).astype(np.float32) * np.logspace(-3, 3, 12, dtype=np.float32)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda rows: rows, "fail"),
        (lambda rows: rows * np.float32(1 + 1e-5), "fail"),
        (lambda rows: rows + 0.01 * np.eye(12, dtype=np.float32)[3], "fail"),  # one value of each, by 0.3 deviations
        (lambda rows: 1.5 * rows, "pass"),
    ],
)
def test_copies_in_a_table_are_found(change, expected):
    evaluation = ROWS[600:].copy()
    evaluation[:30] = change(ROWS[:30])
    assert status(features_dataset(ROWS[:600], np.arange(600) % 2, evaluation, np.arange(300) % 2)) == expected


def test_wide_tables_are_projected():
    random = np.random.default_rng(0)
    train, evaluation = random.normal(size=(300, 200)), random.normal(size=(100, 200))
    train[5, :7] = np.nan
    evaluation[::2] = train[:50]
    found = splits.near_copies_of_features(train[:, None, None], evaluation[:, None, None])
    np.testing.assert_array_equal(found, np.arange(100) % 2 == 0)


def test_nearest_neighbors_over_several_blocks(monkeypatch):
    monkeypatch.setattr(splits, "BLOCK", (7, 13))
    random = np.random.default_rng(0)
    codes, queries = random.normal(size=(50, 4)), random.normal(size=(30, 4))
    expected = ((codes[None] - queries[:, None]) ** 2).sum(-1).argmin(1)
    np.testing.assert_array_equal(nearest_neighbors(codes, queries), expected)


def test_thumbnails_are_averages():
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 14, 3), np.uint8)
    expected = images.reshape(3, 7, 4, 7, 2, 3).mean((2, 4, 5)).reshape(3, 49)
    np.testing.assert_allclose(thumbnails(images), expected, rtol=1e-5)
    assert near_copies_of_images(images, images[::-1].copy()).all()
