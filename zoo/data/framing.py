"""Brings decoded images of any size to the one size that a batch needs. This part runs on the host.

Where the images of a data set have one size to begin with, `zoo.data.augment` does the same on the device.
"""

import functools

import numpy as np
from PIL import Image

from zoo.data.decode import check_size
from zoo.errors import ZooError
from zoo.recipe.augmentation import CenterCrop, RandomResizedCrop, Resize, ResizeShort, Transform

FRAMING = (Resize, ResizeShort, CenterCrop, RandomResizedCrop)
FIXES_SIZE = (Resize, CenterCrop, RandomResizedCrop)


def split_framing(transforms: tuple[Transform, ...]) -> tuple[tuple[Transform, ...], tuple[Transform, ...]]:
    """Cuts a list of transforms into those for the host, up to the first that fixes the size, and the rest.

    Raises:
      ZooError: images of different sizes would reach a transform that needs them in one.
    """
    for index, transform in enumerate(transforms):
        if not isinstance(transform, FRAMING):
            break
        if isinstance(transform, FIXES_SIZE):
            return transforms[: index + 1], transforms[index + 1 :]
    names = ", ".join(type(transform).__name__ for transform in transforms)
    raise ZooError(
        "these images have different sizes: the recipe's transforms must begin with Resize, RandomResizedCrop, or"
        f" ResizeShort and CenterCrop, and they are {names}"
    )


def framed_size(framing: tuple[Transform, ...]) -> int:
    """Height and width in pixels after the transforms of `split_framing`."""
    return framing[-1].size


def is_random(framing: tuple[Transform, ...]) -> bool:
    """Whether an image comes out differently each time."""
    return any(isinstance(transform, RandomResizedCrop) for transform in framing)


def frame(image: Image.Image | np.ndarray, framing: tuple[Transform, ...], random: np.random.Generator) -> np.ndarray:
    """Applies the transforms to a decoded image, or to its uint8 pixels [H, W, C]; the result is uint8 [size, size, C]."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image[:, :, 0] if image.shape[-1] == 1 else image)
    for transform in framing:
        image = _apply(transform, image, random)
    pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


@functools.singledispatch
def _apply(transform: Transform, image: Image.Image, random: np.random.Generator) -> Image.Image:
    raise TypeError(type(transform).__name__)


@_apply.register
def _resize(transform: Resize, image, random):
    size = (transform.size, transform.size)
    return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR)


@_apply.register
def _resize_short(transform: ResizeShort, image, random):
    height, width = short_size(image.height, image.width, transform.size)
    check_size(width, height)  # a file of 1 x 60,000,000 pixels is small, and what it is resized to is not
    return image if image.size == (width, height) else image.resize((width, height), Image.Resampling.BILINEAR)


@_apply.register
def _center_crop(transform: CenterCrop, image, random):
    top, left = center(image.height, image.width, transform.size)
    return image.crop((left, top, left + transform.size, top + transform.size))


@_apply.register
def _random_resized_crop(transform: RandomResizedCrop, image, random):
    area = random.uniform(transform.min_area, transform.max_area) * image.width * image.height
    ratio = np.exp(random.uniform(-1, 1) * np.log(transform.max_ratio))
    width = min(np.sqrt(area * ratio), image.width)
    height = min(np.sqrt(area / ratio), image.height)
    left = random.uniform(0, image.width - width)
    top = random.uniform(0, image.height - height)
    size = (transform.size, transform.size)
    return image.resize(size, Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))


def short_size(height: int, width: int, size: int) -> tuple[int, int]:
    """Height and width when the shorter becomes `size` and the ratio is kept."""
    short = min(height, width)
    return max(size, round(height * size / short)), max(size, round(width * size / short))


def center(height: int, width: int, size: int, crop: str = "CenterCrop") -> tuple[int, int]:
    """Top and left of the `size` x `size` pixels in the middle; `crop` is what the error calls it.

    Raises:
      ZooError: the image is smaller than that.
    """
    if min(height, width) < size:
        raise ZooError(f"{crop}({size}) of an image of {height}x{width} pixels: put ResizeShort({size}) before it")
    return (height - size) // 2, (width - size) // 2
