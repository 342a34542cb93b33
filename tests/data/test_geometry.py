"""Tests of flips, affine transforms, padding and ten crops against Keras, SciPy, NumPy and torchvision."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
from pictures import ALPHA, NEUTRAL, apply, apply_many, finds_wrong, noise, smooth, torchvision

from verification.traces.transforms import behaves
from verification.traces.transforms import geometry as checks
from zoo.data.augment import geometry
from zoo.errors import ZooError
from zoo.recipe import *

SCIPY_MODES = {"constant": "grid-constant", "wrap": "grid-wrap"}
FILLS = ["nearest", "constant", "reflect", "mirror", "wrap"]


def keras_matrix(theta=0.0, down=0.0, right=0.0, shear=0.0, vertical=1.0, horizontal=1.0):
    """Returns the matrix of ImageDataGenerator (angles in degrees), from output to input rows and columns."""
    theta, shear = np.deg2rad(theta), np.deg2rad(shear)
    rotation = [[np.cos(theta), -np.sin(theta), 0], [np.sin(theta), np.cos(theta), 0], [0, 0, 1]]
    shift = [[1, 0, down], [0, 1, right], [0, 0, 1]]
    sheared = [[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]]
    zoom = np.diag([vertical, horizontal, 1])
    return np.array(rotation) @ shift @ sheared @ zoom


def by_scipy(image, matrix, fill):
    """Applies an affine map about the centre of the image, with bilinear interpolation."""
    middle = (np.array(image.shape[:2]) - 1) / 2
    offset = matrix[:2, 2] + middle - matrix[:2, :2] @ middle
    mode = SCIPY_MODES.get(fill, fill)
    channels = [
        scipy.ndimage.affine_transform(channel, matrix[:2, :2], offset, order=1, mode=mode)
        for channel in np.moveaxis(image.astype(float), -1, 0)
    ]
    return np.stack(channels, -1)


@pytest.mark.parametrize("fill", FILLS)
def test_resampling_matches_scipy(fill):
    image = noise()
    matrix = keras_matrix(theta=33, down=7.3, right=-21.9, shear=12, vertical=1.3, horizontal=1.6)
    found = geometry.warp(image.astype(np.float32), matrix.astype(np.float32), fill, order=1)
    np.testing.assert_allclose(found, by_scipy(image, matrix, fill), atol=0.02)


def keras_list(fill="nearest"):
    """Returns the transforms of ImageDataGenerator(rotation_range=20, width_shift_range=0.2, height_shift_range=0.1,
    shear_range=15, zoom_range=0.3).
    """
    return (
        RandomRotation(20, fill),
        RandomShift(0.2, 0.1, fill),
        RandomShear(15, fill),
        RandomZoom(0.3, fill=fill),
    )


@pytest.mark.parametrize("fill", ["nearest", "reflect"])
def test_consecutive_maps_are_interpolated_once_with_the_matrix_of_keras(fill):
    image = smooth()
    for key in range(3):
        matrices = [
            np.asarray(geometry.matrix_of(transform, jax.random.fold_in(jax.random.key(key), place), 40, 60), float)
            for place, transform in enumerate(keras_list(fill))
        ]
        rotation, shift, shear, zoom = matrices
        expected = keras_matrix(
            theta=np.rad2deg(np.arctan2(rotation[1, 0], rotation[0, 0])),
            down=shift[0, 2],
            right=shift[1, 2],
            shear=np.rad2deg(np.arcsin(-shear[0, 1])),
            vertical=zoom[0, 0],
            horizontal=zoom[1, 1],
        )
        found = apply(keras_list(fill), image, key)
        np.testing.assert_allclose(found, by_scipy(image, expected, fill), atol=0.05)
        assert np.abs(found - image).max() > 20


def test_maps_with_different_fills_are_interpolated_separately():
    image, key = smooth(), jax.random.key(0)
    transforms = (RandomRotation(40, "nearest"), RandomShift(0.3, 0.3, "constant"))
    first, second = (
        np.asarray(geometry.matrix_of(transform, jax.random.fold_in(key, place), 40, 60), float)
        for place, transform in enumerate(transforms)
    )
    expected = by_scipy(by_scipy(image, first, "nearest"), second, "constant")
    np.testing.assert_allclose(apply(transforms, image), expected, atol=0.05)


def test_constant_fill_is_black_before_normalization_and_zero_after():
    image, measured = np.full((20, 20, 3), 200, np.uint8), NEUTRAL._replace(mean=jnp.full(3, 50.0))
    shift = RandomShift(0.5, 0.5, "constant")
    for transforms, values in (((shift, Normalize()), {-50, 150}), ((Normalize(), shift), {0, 150})):
        moved = apply(transforms, image, measured=measured)
        assert {
            float(moved.min().round(3)),
            float(moved.max().round(3)),
        } == values  # interpolated pixels lie between them


@pytest.mark.parametrize(
    "transform",
    [
        HorizontalFlip(0.3),
        VerticalFlip(0.7),
        RandomRotation(180),
        RandomRotation(40, "wrap"),
        RandomShift(0.2, 0.5),
        RandomShift(1.0, 0.0),
        RandomShear(20),
        RandomZoom(0.2),
        RandomZoom(0.5, keep_ratio=True),
        RandomCrop(12, padding=4, fill="reflect"),
        RandomResizedCrop(32),
        TenCrop(8),
    ],
    ids=str,
)
def test_distributions(transform):
    """Runs the checks of `verification`, with a false-alarm rate of 1 in 1000 keys each; the key is fixed."""
    passed, found = behaves(transform)
    assert passed, found


@pytest.mark.parametrize(
    ("claimed", "done"),
    [
        (RandomRotation(20), RandomRotation(30)),
        (RandomRotation(20), RandomShear(20)),
        (RandomShift(0.2, 0.2), RandomShift(0.2, 0.3)),
        (RandomShear(20), RandomShear(10)),
        (RandomZoom(0.2), RandomZoom(0.2, keep_ratio=True)),
        (RandomZoom(0.2), RandomZoom(0.4)),
        (VerticalFlip(0.5), VerticalFlip(0.8)),
        (VerticalFlip(0.5), HorizontalFlip(0.5)),
    ],
    ids=str,
)
def test_checks_reject_other_distributions(claimed, done, monkeypatch):
    assert finds_wrong(checks, claimed, done, monkeypatch)


def test_vertical_flips():
    flipped = apply_many(VerticalFlip(0.5), smooth(), 200)
    assert all(np.array_equal(image, smooth()) or np.array_equal(image, smooth()[::-1]) for image in flipped)
    same = sum(np.array_equal(image, smooth()) for image in flipped)
    assert scipy.stats.binomtest(same, 200, 0.5).pvalue > ALPHA


@pytest.mark.parametrize("fill", FILLS)
def test_padding_of_random_crops(fill):
    """Each crop is a window of the padded image; fills have SciPy's names, which differ from NumPy's."""
    image = noise(9, 11)
    mode = {"nearest": "edge", "constant": "constant", "reflect": "symmetric", "mirror": "reflect", "wrap": "wrap"}[
        fill
    ]
    padded = np.pad(image, ((3, 3), (3, 3), (0, 0)), mode)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (8, 8), (0, 1)).transpose(0, 1, 3, 4, 2)
    for crop in apply_many(RandomCrop(8, padding=3, fill=fill), image, 20):
        assert (windows == crop).all((2, 3, 4)).sum() == 1


def test_fills_of_crops_and_maps_agree():
    """A shift by whole pixels must show the same as padding."""
    image = noise(8, 8)
    matrix = keras_matrix(down=-3, right=-3).astype(np.float32)
    for fill in FILLS:
        mode = {"nearest": "edge", "constant": "constant", "reflect": "symmetric", "mirror": "reflect", "wrap": "wrap"}
        padded = np.pad(image, ((3, 0), (3, 0), (0, 0)), mode[fill])[:8, :8]
        moved = geometry.warp(image.astype(np.float32), matrix, fill, order=1)
        np.testing.assert_allclose(moved, padded, atol=1e-3, err_msg=fill)


def test_ten_crops():
    image = noise(9, 12)
    views = apply((TenCrop(5),), image)
    corners = [image[:5, :5], image[:5, 7:], image[4:, :5], image[4:, 7:], image[2:7, 3:8]]
    np.testing.assert_array_equal(views, np.stack([*corners, *(crop[:, ::-1] for crop in corners)]))
    with pytest.raises(ZooError, match=r"TenCrop\(10\): the image has only 9x12 pixels"):
        apply((TenCrop(10),), image)


def test_ten_crops_match_torchvision():
    functional = torchvision("functional")
    import torch

    image = noise(9, 13)
    theirs = functional.ten_crop(torch.from_numpy(image.transpose(2, 0, 1)), [5, 5])
    theirs = {crop.numpy().transpose(1, 2, 0).tobytes() for crop in theirs}
    assert {view.astype(np.uint8).tobytes() for view in apply((TenCrop(5),), image)} == theirs


def test_bad_values():
    for build, message in (
        (lambda: RandomRotation(200), r"RandomRotation.degrees must be in \[0, 180\], not 200.0"),
        (lambda: RandomShift(width=2), r"RandomShift.width must be in \[0, 1\]"),
        (lambda: RandomShear(90), r"RandomShear.degrees must be in \[0, 90\)"),
        (lambda: RandomZoom(1.0), r"RandomZoom.amount must be in \[0, 1\)"),
        (
            lambda: RandomZoom(0.1, fill="edge"),
            "RandomZoom.fill must be one of nearest, constant, reflect, mirror, wrap",
        ),
        (lambda: RandomCrop(4, fill="zero"), "RandomCrop.fill must be one of"),
        (lambda: TenCrop(5, "median"), "TenCrop.average must be probabilities or logits"),
    ):
        with pytest.raises(ZooError, match=message):
            build()


def test_keras_image_data_generator_can_be_expressed():
    """Expresses ImageDataGenerator(rescale=1/255, rotation_range=20, width_shift_range=0.2, height_shift_range=0.2,
    shear_range=0.2, zoom_range=0.2, horizontal_flip=True, fill_mode="nearest"), with target_size=(227, 227).
    """
    maps = (RandomRotation(20), RandomShift(0.2, 0.2), RandomShear(0.2), RandomZoom(0.2))
    generator = Augmentation((Resize(227), *maps, HorizontalFlip(), Normalize()), (Resize(227), Normalize()))
    rescaled = NEUTRAL._replace(scale=jnp.full(3, 255.0))
    image = apply(generator.train, smooth(), measured=rescaled)
    assert image.shape == (227, 227, 3) and 0 <= image.min() < 0.2 and 0.8 < image.max() <= 1


def test_order_of_transforms_is_validated():
    plain = (Normalize(),)
    for make, message in (
        (
            lambda: Augmentation((Normalize(), Brightness(0.1)), plain),
            "augmentation.train: Brightness is for pixel values",
        ),
        (
            lambda: Augmentation((Normalize(), RandomErasing()), plain),
            "RandomErasing is for pixel values from 0 to 255",
        ),
        (lambda: Augmentation((Normalize(), RandAugment()), plain), "put it before Normalize"),
        (lambda: Augmentation((Normalize(), TenCrop(8)), plain), "TenCrop is for evaluation"),
        (lambda: Augmentation(plain, (TenCrop(8), Normalize())), "TenCrop is for evaluation"),
        (lambda: Augmentation(plain, (Normalize(), RandomRotation(4))), "eval must be without random transforms"),
    ):
        with pytest.raises(ZooError, match=message):
            make()
    Augmentation((Normalize(), RandomErasing(fill="zero"), Cutout(4)), (Normalize(), TenCrop(8)))


def test_pixel_mean_requires_aligned_images():
    recipe_of = functools.partial(
        Recipe,
        model=Model("alexnet"),
        data=Data("fashion_mnist"),
        normalization=PixelMean(),
        initialization=Initialization(),
        optimizer=SGD(),
        schedule=ConstantRate(0.1),
        regularization=Regularization(),
        budget=Budget(batch_size=4, steps=1),
    )
    with pytest.raises(ZooError, match="PixelMean requires aligned images"):
        recipe_of(augmentation=Augmentation((RandomZoom(0.1), Normalize()), (Normalize(),)))
    recipe_of(augmentation=Augmentation((Brightness(0.1), Normalize(), RandomZoom(0.1)), (Normalize(),)))
