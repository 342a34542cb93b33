"""Checks of resizing and central crops, which are not random, against PIL's filters on single channels of floats."""

import jax
import numpy as np
from PIL import Image

from verification.traces.transforms.probe import behaves
from zoo.compilation import run_once
from zoo.data import augment
from zoo.data.decoding import Picture
from zoo.data.normalization import Statistics
from zoo.data.resize_crop import resize_and_crop
from zoo.recipe import CenterCrop, PresetCrop, Resize, ResizeShort
from zoo.recipe.augmentation import Transform

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
# Largest differences, on the scale 0 to 255. The host rounds to integers after each direction, by up to 0.5, and the
# absolute weights of a bicubic filter add up to at most 1.25.
TOLERANCE = {"device": 0.02, "host": 0.5 + 1.25 * 0.5}
SHAPES = ((45, 32), (300, 420))  # of the pictures, if the transform resizes: it enlarges one and shrinks the other


def pictures(shapes: tuple[tuple[int, int], ...]) -> list[np.ndarray]:
    """Returns pictures of noise on a slope, uint8 [H, W, 3]."""
    random, found = np.random.default_rng(0), []
    for height, width in shapes:
        slope = np.linspace(0, 120, height)[:, None, None] + np.linspace(0, 60, width)[:, None]
        found.append((slope + random.integers(0, 70, (height, width, 3))).astype(np.uint8))
    return found


def resized(picture: np.ndarray, height: int, width: int, interpolation: str = "bilinear") -> np.ndarray:
    """Returns a picture [H, W, C] resized by PIL, channel by channel, in float32."""
    channels = [Image.fromarray(channel.astype(np.float32)) for channel in picture.transpose(2, 0, 1)]
    return np.stack([np.asarray(each.resize((width, height), FILTERS[interpolation])) for each in channels], -1)


def _compare(transform: Transform, shapes, expected):
    """Returns whether a transform gives `expected(picture)`, on the device and on the host, and a description."""
    statistics = Statistics(np.zeros(3), np.ones(3), np.zeros((3, 3)))
    ways = {
        "device": lambda image: run_once(
            lambda x: augment.apply((transform,), x, jax.random.key(0), statistics), image
        ),
        "host": lambda image: resize_and_crop(Picture(image, 3), (transform,), np.random.default_rng(0)).astype(float),
    }
    worst = dict.fromkeys(TOLERANCE, 0.0)
    for picture in pictures(shapes):
        wanted = np.clip(expected(picture), 0, 255)
        for way, function in ways.items():
            found = np.asarray(function(picture))
            same = found.shape == wanted.shape
            worst[way] = max(worst[way], float(np.abs(found - wanted).max()) if same else np.inf)
    found = ", ".join(f"{difference:.2g} on the {way}" for way, difference in worst.items())
    return all(worst[way] <= limit for way, limit in TOLERANCE.items()), f"{transform} differs from PIL by {found}"


@behaves.register
def _resize(transform: Resize):
    return _compare(transform, SHAPES, lambda picture: resized(picture, transform.size, transform.size))


@behaves.register
def _resize_short(transform: ResizeShort):
    def expected(picture):
        height, width = (transform.size * side / min(picture.shape[:2]) for side in picture.shape[:2])
        return resized(picture, round(height), round(width))

    return _compare(transform, SHAPES, expected)


@behaves.register
def _center_crop(transform: CenterCrop):
    """With borders of even width, whose halves are the same by every convention."""
    border = 3

    def expected(picture):
        return picture[border:-border, 2 * border : -2 * border].astype(np.float32)

    return _compare(transform, ((transform.size + 2 * border, transform.size + 4 * border),), expected)


@behaves.register
def _preset_crop(transform: PresetCrop):
    """By the rules in `zoo.recipe.PresetCrop`, which are torchvision's."""

    def expected(picture):
        short = min(picture.shape[:2])
        height, width = (int(transform.resize * side / short) for side in picture.shape[:2])
        whole = resized(picture, height, width, transform.interpolation)
        top, left = (round((side - transform.size) / 2) for side in (height, width))
        return whole[top : top + transform.size, left : left + transform.size]

    return _compare(transform, SHAPES, expected)
