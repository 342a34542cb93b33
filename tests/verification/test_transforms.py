"""Tests of the checks of single transforms: what is wrong in some pixels only, or in the place of a part, is found."""

import jax
import jax.numpy as jnp
import pytest

from verification.faults.patching import replaced, with_attributes
from verification.traces.transforms import behaves, mixes
from zoo.data.augment import color, erasing, geometry, mixing, resize_crop
from zoo.recipe import *

FACTORS = [Brightness(0.3), Contrast(0.5), Saturation(0.5)]
MAPS = [RandomShift(0.1), RandomRotation(20), RandomShear(10), RandomZoom(0.2), RandomShift(0.1, fill="mirror")]
CROPS = [RandomCrop(32, padding=4), RandomCrop(32, padding=4, fill="mirror")]


def blend(clipped):
    """Replaces the blend of pixels with one that is clipped, or not, in another way."""
    return replaced(
        color, "blend", lambda right: lambda pixels, other, factor: clipped(factor * pixels + (1 - factor) * other)
    )


@pytest.mark.parametrize("transform", FACTORS, ids=repr)
@pytest.mark.parametrize(
    "clipped",
    [lambda x: x, lambda x: x % 256, lambda x: jnp.maximum(x, 0), lambda x: jnp.clip(x, 1, 255)],
    ids=["not", "overflow", "below", "to 1"],
)
def test_factors_whose_results_are_not_clipped_are_found(transform, clipped):
    passed, found = behaves(transform)
    assert passed, found
    with blend(clipped):
        passed, found = behaves(transform)

    assert not passed, found


def test_a_hue_that_changes_grey_or_blue_pixels_is_found():
    assert behaves(Hue(0.2))[0]
    for wrong in (
        lambda pixels: pixels.at[..., 2].add(jnp.where(jnp.ptp(pixels, axis=-1) == 0, 1.0, 0.0)),
        lambda pixels: jnp.where(pixels[..., 2:] > 240, jnp.minimum(pixels, 250), pixels),
    ):
        with replaced(color, "rotate_hue", lambda right, wrong=wrong: lambda pixels, turn: right(wrong(pixels), turn)):
            assert not behaves(Hue(0.2))[0]


@pytest.mark.parametrize("transform", MAPS, ids=repr)
def test_maps_with_another_fill_or_interpolation_are_found(transform):
    passed, found = behaves(transform)
    assert passed, found
    for changes in ({"fill": "constant"}, {"fill": "wrap"}, {"order": 0}):

        def other(right, changes=changes):
            return lambda pixels, matrix, fill, order: right(
                pixels, matrix, **{"fill": fill, "order": order, **changes}
            )

        with replaced(geometry, "warp", other):
            passed, found = behaves(transform)
        assert not passed, (changes, found)


@pytest.mark.parametrize("transform", CROPS, ids=repr)
def test_crops_with_another_padding_are_found(transform):
    assert behaves(transform)[0]
    for mode in {*resize_crop.PAD_MODES.values()} - {resize_crop.PAD_MODES[transform.fill]}:
        with replaced(resize_crop, "PAD_MODES", lambda right, mode=mode: dict.fromkeys(right, mode)):
            assert not behaves(transform)[0]


@pytest.mark.parametrize(
    ("transform", "place", "value"),
    [
        (RandomResizedCrop(32), 1, 0.5),
        (RandomResizedCrop(32), 2, 0.0),
        (RandomResizedCrop(32), 3, 0.5),
        (RandomResizedCrop(32, min_area=0.16, max_area=0.57, max_ratio=1.0), 2, 1.0),
    ],
    ids=["ratio", "top", "middle", "bottom"],
)
def test_crops_of_one_ratio_or_place_are_found(transform, place, value):
    passed, found = behaves(transform)
    assert passed, found

    def make(module):
        def uniform(*arguments, **options):
            return jax.random.uniform(*arguments, **options).at[place].set(value)

        return with_attributes(module, random=with_attributes(module.random, uniform=uniform))

    with replaced(resize_crop, "jax", make):
        assert not behaves(transform)[0]


@pytest.mark.parametrize("transform", [RandomErasing(), RandomErasing(0.25, max_area=1 / 3, fill="zero"), Cutout(8)])
def test_rectangles_in_a_corner_are_found(transform):
    passed, found = behaves(transform)
    assert passed, found

    def corner(right):
        def wrong(height, width, start, end):
            size = jnp.asarray(end) - jnp.asarray(start)
            return right(height, width, 0 * size, size)

        return wrong

    with replaced(erasing, "rectangle", corner):
        assert not behaves(transform)[0]


def test_erasing_with_other_colours_is_found():
    for wrong in (lambda x: jnp.where(x > 1, 0.5 * x, x), lambda x: x.mean() + 0 * x):

        def make(module, wrong=wrong):
            def uniform(key, shape, **options):
                found = jax.random.uniform(key, shape, **options)
                return wrong(found) if "maxval" in options else found

            return with_attributes(module, random=with_attributes(module.random, uniform=uniform))

        with replaced(erasing, "jax", make):
            assert not behaves(RandomErasing(1.0))[0]


@pytest.mark.parametrize("part", [CutMix(1.0), OneOf((Mixup(0.2), CutMix(1.0)))], ids=repr)
def test_rectangles_of_neighbours_in_a_corner_are_found(part):
    passed, found = mixes(part)
    assert passed, found

    def corner(right):
        def wrong(height, width, start, end):
            start, end = jnp.maximum(start, 0), jnp.minimum(end, jnp.array([height, width]))
            return right(height, width, 0 * start, end - start)

        return wrong

    with replaced(mixing, "rectangle", corner):
        assert not mixes(part)[0]


@pytest.mark.parametrize(
    "transform",
    [
        Cutout(1), Cutout(2), Cutout(5), RandomErasing(1.0, min_area=0.7, max_area=0.7, max_ratio=1.0),
        RandomCrop(8, padding=4), RandomCrop(28, padding=20, fill="reflect"), TenCrop(299), Contrast(6.0),
        Saturation(9.0), Brightness(0.0), Hue(0.0), RandomShift(0.0), RandomZoom(0.0), RandomRotation(180),
        RandomResizedCrop(32, min_area=0.7, max_area=0.9, max_ratio=1.0),
    ],
    ids=repr,
)  # fmt: skip
def test_transforms_with_extreme_parameters_pass(transform):
    passed, found = behaves(transform)
    assert passed, found
