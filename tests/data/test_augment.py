"""Tests of transforms and statistics against NumPy, and of random transforms against their distributions."""

import functools
import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from PIL import Image

from zoo.data import augment, statistics
from zoo.data.decoding import Picture
from zoo.data.normalization import Statistics
from zoo.data.resize_crop import resize_and_crop, split_host_transforms
from zoo.errors import ZooError
from zoo.recipe import *

NEUTRAL = Statistics(jnp.zeros(3), jnp.ones(3), jnp.zeros((3, 3)))
ALPHA = 1e-3  # significance level of each statistical test


def apply(transforms, image, key=0, measured=NEUTRAL):
    return np.asarray(augment.apply(transforms, jnp.asarray(image), jax.random.key(key), measured))


def apply_many(transform, image, count):
    keys = jax.random.split(jax.random.key(0), count)
    function = functools.partial(augment.apply, (transform,))
    return np.asarray(jax.vmap(function, (None, 0, None))(jnp.asarray(image), keys, NEUTRAL))


@pytest.fixture(scope="module")
def photo():
    """Returns a smooth uint8 image of 40 x 60 pixels."""
    y, x = np.mgrid[:40, :60]
    waves = [127 + 100 * np.sin(x / 9 + channel) * np.cos(y / 7 - channel) for channel in range(3)]
    return np.stack(waves, -1).astype(np.uint8)


def coordinates(height, width):
    """Returns an image whose first channel is the row and whose second channel is the column."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y, x, np.full_like(x, 255)], -1).astype(np.uint8)


@pytest.mark.parametrize("size", [23, 40, 97])
def test_resizing_on_the_device_and_on_the_host_agree(photo, size):
    on_host = resize_and_crop(Picture(photo, 3), (Resize(size),), np.random.default_rng(0)).astype(float)
    on_device = apply((Resize(size),), photo)
    assert on_device.shape == on_host.shape == (size, size, 3)
    assert np.abs(on_device - on_host).max() < 2.5  # PIL rounds to whole numbers twice


def test_short_side_and_center_crop(photo):
    transforms = (ResizeShort(20), CenterCrop(18))
    on_host = resize_and_crop(Picture(photo, 3), transforms, np.random.default_rng(0)).astype(float)
    assert np.abs(apply(transforms, photo) - on_host).max() < 2.5
    assert apply((ResizeShort(20),), photo).shape == (20, 30, 3)
    np.testing.assert_array_equal(apply((CenterCrop(30),), photo), photo[5:35, 15:45])


def test_random_crop_positions_are_uniform():
    crops = apply_many(RandomCrop(5), coordinates(8, 7), 1200)
    tops, lefts = crops[:, 0, 0, 0].astype(int), crops[:, 0, 0, 1].astype(int)
    assert set(tops) == {0, 1, 2, 3} and set(lefts) == {0, 1, 2}
    counts = np.histogram2d(tops, lefts, bins=[4, 3])[0].ravel()
    assert scipy.stats.chisquare(counts).pvalue > ALPHA
    one = crops[0]
    np.testing.assert_array_equal(one, coordinates(8, 7)[tops[0] : tops[0] + 5, lefts[0] : lefts[0] + 5])


def test_padding_of_random_crops_is_zero():
    crops = apply_many(RandomCrop(8, padding=2), coordinates(8, 8), 300)
    assert crops.shape == (300, 8, 8, 3)
    top_left = crops[:, 0, 0, 2]  # 255 inside of the image
    fraction = (top_left == 0).mean()
    assert scipy.stats.binomtest(int((top_left == 0).sum()), 300, 1 - (3 / 5) ** 2).pvalue > ALPHA, fraction


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_flips(photo, probability):
    flipped = apply_many(HorizontalFlip(probability), photo, 400)
    mirrored = np.array([np.array_equal(image, photo[:, ::-1]) for image in flipped])
    same = np.array([np.array_equal(image, photo) for image in flipped])
    assert np.all(mirrored ^ same)
    assert scipy.stats.binomtest(int(mirrored.sum()), 400, probability).pvalue > ALPHA


def boxes_of(crops, size):
    """Returns heights and widths of the crops' boxes in the `coordinates` image."""
    middle = size // 2
    height = (crops[:, -2, middle, 0] - crops[:, 1, middle, 0]) * size / (size - 3)
    width = (crops[:, middle, -2, 1] - crops[:, middle, 1, 1]) * size / (size - 3)
    return height, width


def test_random_resized_crop_areas_and_ratios():
    """Compares the device and the host, whose implementations are independent, with the specified distributions."""
    transform = RandomResizedCrop(32, min_area=0.2, max_area=0.5, max_ratio=4 / 3)
    picture = coordinates(200, 200)
    on_device = apply_many(transform, picture, 600)
    random = np.random.default_rng(0)
    on_host = np.stack([resize_and_crop(Picture(picture, 3), (transform,), random) for _ in range(600)]).astype(float)
    areas = []
    for crops in (on_device, on_host):
        height, width = boxes_of(crops, 32)
        area, ratio = height * width / 200**2, width / height
        areas.append(area)
        assert scipy.stats.kstest(area, scipy.stats.uniform(0.2, 0.3).cdf).pvalue > ALPHA / 10
        expected = scipy.stats.uniform(-np.log(4 / 3), 2 * np.log(4 / 3))
        assert scipy.stats.kstest(np.log(ratio), expected.cdf).pvalue > ALPHA / 10
    assert scipy.stats.ks_2samp(*areas).pvalue > ALPHA


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_crop_of_the_whole_file_equals_resize(photo, form):
    """Covers the host's special cases: JPEGs decoded at lower resolution, and strong downscaling."""
    large = Image.fromarray(photo[:, :40]).resize((700, 700), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    large.save(file, form, **({"quality": 95} if form == "JPEG" else {}))
    for size in (900, 500, 300, 100, 60):
        everything = RandomResizedCrop(size, min_area=1.0, max_area=1.0, max_ratio=1.0)
        crop, resized = (
            resize_and_crop(Picture(file.getvalue(), 3), (transform,), np.random.default_rng(0)).astype(float)
            for transform in (everything, Resize(size))
        )
        assert np.abs(crop - resized).max() < 6


def test_crop_of_the_whole_image_equals_resize(photo):
    everything = RandomResizedCrop(25, min_area=1.0, max_area=1.0, max_ratio=1.0)
    square = photo[:, :40]
    np.testing.assert_allclose(apply((everything,), square), apply((Resize(25),), square), atol=0.5)


def test_pca_color_follows_the_papers_formula(photo):
    measured = statistics.measure(UnitRange(), [photo[None]])
    colors = photo.reshape(-1, 3) / 255
    eigenvalues, eigenvectors = np.linalg.eigh(np.cov(colors.T, bias=True))
    changed = apply((PCAColor(0.1),), photo, measured=jax.tree.map(jnp.asarray, measured)) - photo
    np.testing.assert_allclose(changed, np.broadcast_to(changed[0, 0], changed.shape), atol=1e-3)
    amounts = eigenvectors.T @ changed[0, 0] / 255 / eigenvalues  # the paper's alphas
    key = jax.random.fold_in(jax.random.key(0), 0)
    np.testing.assert_allclose(np.abs(amounts), np.abs(0.1 * jax.random.normal(key, (3,))), rtol=2e-3)


def test_pca_color_after_normalization_is_rescaled(photo):
    measured = Statistics(jnp.full(3, 10.0), jnp.full(3, 2.0), 30 * jnp.eye(3))
    before = apply((PCAColor(0.5), Normalize()), photo, measured=measured)
    # The key depends on the position of the transform, so each result is compared with its own samples.
    after = apply((Normalize(), PCAColor(0.5)), photo, measured=measured)
    first, second = (before - (photo - 10.0) / 2)[0, 0], (after - (photo - 10.0) / 2)[0, 0]
    draws = [0.5 * jax.random.normal(jax.random.fold_in(jax.random.key(0), index), (3,)) for index in (0, 1)]
    np.testing.assert_allclose(first, 30 * draws[0] / 2, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(second, 30 * draws[1] / 2, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("normalization", "expected"),
    [
        (UnitRange(), lambda images: images / 255),
        (RawRange(), lambda images: images),
        (SignedRange(), lambda images: images / 127.5 - 1),
        (ChannelMeanStd(), lambda images: (images - images.mean((0, 1, 2))) / images.std((0, 1, 2))),
        (PixelMean(), lambda images: images - images.mean(0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_normalizations(normalization, expected):
    images = np.random.default_rng(0).integers(0, 256, (50, 6, 7, 3), np.uint8)
    measured = statistics.measure(normalization, np.array_split(images, 3))
    found = apply((Normalize(),), images[4], measured=jax.tree.map(jnp.asarray, measured))
    np.testing.assert_allclose(found, expected(images.astype(float))[4], rtol=1e-4, atol=1e-4)


def test_a_channel_without_variation_is_not_divided_by_zero():
    images = np.full((3, 2, 2, 1), 7, np.uint8)
    assert statistics.measure(ChannelMeanStd(), [images]).scale == 1


def test_sample_indices_are_evenly_spaced():
    np.testing.assert_array_equal(statistics.sample_indices(5, 10), range(5))
    indices = statistics.sample_indices(1000, 11)
    assert indices[0] == 0 and indices[-1] == 999 and len(indices) == 11 and np.ptp(np.diff(indices)) <= 1


def test_the_same_key_gives_the_same_image(photo):
    transforms = (RandomResizedCrop(16), HorizontalFlip(), PCAColor(0.1))
    np.testing.assert_array_equal(apply(transforms, photo, key=5), apply(transforms, photo, key=5))
    assert not np.array_equal(apply(transforms, photo, key=5), apply(transforms, photo, key=6))


def test_host_transforms_end_with_the_first_that_fixes_the_size():
    normalize, flip = Normalize(), HorizontalFlip()
    assert split_host_transforms((Resize(5), flip)) == ((Resize(5),), (flip,))
    assert split_host_transforms((ResizeShort(8), CenterCrop(5), normalize)) == (
        (ResizeShort(8), CenterCrop(5)),
        (normalize,),
    )
    for transforms in ((normalize,), (flip, Resize(5)), (ResizeShort(5), flip)):
        with pytest.raises(ZooError, match="images have different sizes: .* must start with Resize"):
            split_host_transforms(transforms)


def test_crops_larger_than_the_image(photo):
    for transform in (CenterCrop(41), RandomCrop(41)):
        with pytest.raises(ZooError, match=rf"{type(transform).__name__}\(41\): the image has only 40x60 pixels"):
            apply((transform,), photo)
