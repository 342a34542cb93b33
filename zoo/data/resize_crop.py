"""Resizes and crops decoded images of different sizes to the size of a batch, on the host.

If all images of a data set have the same size, `zoo.data.augment` does the same on the device.
"""

import functools

import cv2
import numpy as np
from PIL import Image

from zoo.data.decoding import Picture, check_size
from zoo.errors import ZooError
from zoo.recipe.augmentation import CenterCrop, PresetCrop, RandomResizedCrop, Resize, ResizeShort, Transform

HOST_TRANSFORMS = (Resize, ResizeShort, CenterCrop, PresetCrop, RandomResizedCrop)
FIXES_SIZE = (Resize, CenterCrop, PresetCrop, RandomResizedCrop)
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def split_host_transforms(transforms: tuple[Transform, ...]) -> tuple[tuple[Transform, ...], tuple[Transform, ...]]:
    """Splits a list of transforms into those for the host, up to the first that fixes the size, and the rest.

    Raises:
      ZooError: no transform fixes the size before one that requires images of equal size.
    """
    for index, transform in enumerate(transforms):
        if not isinstance(transform, HOST_TRANSFORMS):
            break
        if isinstance(transform, FIXES_SIZE):
            return transforms[: index + 1], transforms[index + 1 :]
    names = ", ".join(type(transform).__name__ for transform in transforms)
    raise ZooError(
        "images have different sizes: the recipe's transforms must start with Resize, RandomResizedCrop, or"
        f" ResizeShort and CenterCrop, but they are {names}"
    )


def output_size(host_transforms: tuple[Transform, ...]) -> int:
    """Returns height and width in pixels after the host transforms, see `split_host_transforms`."""
    last = host_transforms[-1]
    assert isinstance(last, FIXES_SIZE)
    return last.size


def is_random(host_transforms: tuple[Transform, ...]) -> bool:
    """Returns whether any host transform is random."""
    return any(isinstance(transform, RandomResizedCrop) for transform in host_transforms)


def resize_and_crop(
    picture: Picture, host_transforms: tuple[Transform, ...], random: np.random.Generator
) -> np.ndarray:
    """Applies the host transforms, see `split_host_transforms`, to an image; returns uint8 [size, size, C].

    Raises:
      CorruptImage: the image cannot be decoded.
    """
    for transform in host_transforms:
        picture = Picture(_apply(transform, picture, random), picture.channels)
    return picture.pixels()


@functools.singledispatch
def _apply(transform: Transform, picture: Picture, random: np.random.Generator) -> np.ndarray:
    raise TypeError(type(transform).__name__)


@_apply.register
def _resize(transform: Resize, picture: Picture, random: np.random.Generator) -> np.ndarray:
    return _resized(picture.pixels(), transform.size, transform.size)


@_apply.register
def _resize_short(transform: ResizeShort, picture: Picture, random: np.random.Generator) -> np.ndarray:
    height, width = short_size(*picture.size, transform.size)
    check_size(width, height)  # an image of 1 x 60,000,000 pixels passes the decoder, but not once resized
    return _resized(picture.pixels(), height, width)


def _resized(pixels, height, width, interpolation="bilinear"):
    """Resizes with a filter of PIL, antialiased; bilinear is the usual choice for evaluation."""
    if pixels.shape[:2] == (height, width):
        return pixels
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[-1] == 1 else pixels)
    resized = np.asarray(image.resize((width, height), FILTERS[interpolation]))
    return resized.reshape(height, width, pixels.shape[-1])


@_apply.register
def _center_crop(transform: CenterCrop, picture: Picture, random: np.random.Generator) -> np.ndarray:
    top, left = center(*picture.size, transform.size)
    return picture.pixels()[top : top + transform.size, left : left + transform.size]


@_apply.register
def _preset_crop(transform: PresetCrop, picture: Picture, random: np.random.Generator) -> np.ndarray:
    height, width = preset_size(*picture.size, transform.resize)
    check_size(width, height)
    top, left = preset_center(height, width, transform.size)
    pixels = _resized(picture.pixels(), height, width, transform.interpolation)
    return pixels[top : top + transform.size, left : left + transform.size]


@_apply.register
def _random_resized_crop(transform: RandomResizedCrop, picture: Picture, random: np.random.Generator) -> np.ndarray:
    rows, columns = picture.size
    area = random.uniform(transform.min_area, transform.max_area) * rows * columns
    ratio = np.exp(random.uniform(-1, 1) * np.log(transform.max_ratio))
    width, height = min(np.sqrt(area * ratio), columns), min(np.sqrt(area / ratio), rows)
    left, top = random.uniform(0, columns - width), random.uniform(0, rows - height)
    # A large JPEG is decoded at a lower resolution, as long as the crop has at least `size` pixels.
    pixels = picture.pixels(transform.size * rows / height, transform.size * columns / width)
    down, right = pixels.shape[0] / rows, pixels.shape[1] / columns
    crop = pixels[
        round(top * down) : max(round((top + height) * down), round(top * down) + 1),
        round(left * right) : max(round((left + width) * right), round(left * right) + 1),
    ]
    if max(crop.shape[:2]) >= 2 * transform.size:  # not a JPEG: OpenCV would skip pixels
        return _resized(crop, transform.size, transform.size)
    resized = cv2.resize(crop, (transform.size, transform.size), interpolation=cv2.INTER_LINEAR)
    return resized.reshape(transform.size, transform.size, crop.shape[-1])


def short_size(height: int, width: int, size: int) -> tuple[int, int]:
    """Returns height and width after resizing the shorter side to `size`, keeping the aspect ratio."""
    short = min(height, width)
    return max(size, round(height * size / short)), max(size, round(width * size / short))


def preset_size(height: int, width: int, size: int) -> tuple[int, int]:
    """Returns height and width after resizing the shorter side to `size` as torchvision does, see `PresetCrop`."""
    short, long = min(height, width), max(height, width)
    longer = int(size * long / short)
    return (size, longer) if height <= width else (longer, size)


def preset_center(height: int, width: int, size: int) -> tuple[int, int]:
    """Returns (top, left) of the central crop of `size` x `size` pixels as torchvision chooses it, see `PresetCrop`."""
    return round((height - size) / 2), round((width - size) / 2)


def center(height: int, width: int, size: int, crop: str = "CenterCrop") -> tuple[int, int]:
    """Returns (top, left) of the central crop of `size` x `size` pixels; `crop` is its name in the error message.

    Raises:
      ZooError: the image is smaller than the crop.
    """
    if min(height, width) < size:
        raise ZooError(f"{crop}({size}): the image has only {height}x{width} pixels: put ResizeShort({size}) before it")
    return (height - size) // 2, (width - size) // 2
