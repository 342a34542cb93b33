"""Sliding windows, shared by convolutions and pools."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from zoo.errors import ImageTooSmall, ZooError

# "SAME" and "VALID" as in XLA. "CEIL" pads the bottom and the right so that the last window fits, as pools in Caffe and
# with PyTorch's ceil_mode do. An int pads every side; ((top, bottom), (left, right)) gives the padding of each side.
Padding = str | int | tuple[tuple[int, int], ...]


class Window(NamedTuple):
    """A window's size, strides and padding, all in pixels; hashable, so that it can be a static argument."""

    size: tuple[int, int]
    strides: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]

    def output_size(self, image_size: Sequence[int]) -> tuple[int, int]:
        """Returns the output height and width for an input of height and width `image_size`."""
        height, width = (
            (pixels + before + after - size) // stride + 1
            for pixels, size, stride, (before, after) in zip(
                image_size, self.size, self.strides, self.padding, strict=True
            )
        )
        return height, width


def require_pixels(network: str, images: jax.Array, smallest: int) -> None:
    """Raises `ImageTooSmall` if images [N, H, W, C] are smaller than `smallest` pixels in height or width."""
    height, width = images.shape[1:3]
    if min(height, width) < smallest:
        raise ImageTooSmall(f"{network} needs images of at least {smallest}x{smallest} pixels, got {height}x{width}")


def pair(value: int | Sequence[int]) -> tuple[int, int]:
    """Returns (value, value) for an int, and a sequence of two as a tuple."""
    if isinstance(value, int):
        return value, value
    first, second = value
    return first, second


def resolve_window(
    layer: str | None,
    image_size: Sequence[int],
    size: int | Sequence[int],
    strides: int | Sequence[int],
    padding: Padding,
) -> Window:
    """Resolves a window's `padding` for an image of height and width `image_size`.

    Raises:
      ImageTooSmall: the window does not fit into the padded image; the message names `layer`.
      ZooError: `padding` is a string other than "SAME", "VALID" and "CEIL".
    """
    size, strides = pair(size), pair(strides)
    if padding == "VALID":
        pads = ((0, 0), (0, 0))
    elif padding == "SAME":
        down, right = (
            max((-(-pixels // stride) - 1) * stride + extent - pixels, 0)
            for pixels, extent, stride in zip(image_size, size, strides, strict=True)
        )
        pads = ((down // 2, down - down // 2), (right // 2, right - right // 2))
    elif padding == "CEIL":
        down, right = (
            (extent - pixels) % stride for pixels, stride, extent in zip(image_size, strides, size, strict=True)
        )
        pads = ((0, down), (0, right))
    elif isinstance(padding, str):
        raise ZooError(f"{layer}: padding must be 'SAME', 'VALID', 'CEIL' or pixels, got {padding!r}")
    elif isinstance(padding, int):
        pads = ((padding, padding), (padding, padding))
    else:
        (above, below), (left, right) = padding
        pads = ((above, below), (left, right))
    window = Window(size, strides, pads)
    if min(window.output_size(image_size)) < 1:
        raise ImageTooSmall(
            f"{layer}: a {size[0]}x{size[1]} window does not fit into an input of"
            f" {image_size[0]}x{image_size[1]} pixels"
        )
    return window


def shifts(x: jax.Array, window: Window, padding_value: float = 0.0) -> list[jax.Array]:
    """Returns, for each position in the window in row-major order, the pixels [N, H', W', C] at it in every window."""
    height, width = window.output_size(x.shape[1:3])
    x = jnp.pad(x, ((0, 0), *window.padding, (0, 0)), constant_values=padding_value)
    batch, _, _, channels = x.shape
    down, right = window.strides
    return [
        lax.slice(
            x,
            (0, row, column, 0),
            (batch, row + (height - 1) * down + 1, column + (width - 1) * right + 1, channels),
            (1, down, right, 1),
        )
        for row in range(window.size[0])
        for column in range(window.size[1])
    ]
