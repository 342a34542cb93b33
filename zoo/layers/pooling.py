"""Max and average pooling of NHWC images."""

import functools
import math
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from zoo.layers.lowering import is_fast
from zoo.layers.window import Padding, Window, pair, resolve_window, shifts

MAX_POSITIONS = 255  # in a window, so that the index of the maximum fits into one byte


def max_pool(x: jax.Array, window: Window) -> jax.Array:
    """Returns the maximum of each window, [N, H, W, C] -> [N, H', W', C]; padding is never the maximum.

    Among equal values, the gradient goes to the first in row-major order, as in XLA and PyTorch.
    """
    if is_fast() and math.prod(window.size) <= MAX_POSITIONS:
        return _fast_max_pool(x, window)
    return nn.max_pool(_pad(x, window, -jnp.inf), window_shape=window.size, strides=window.strides)


def _pad(x, window, value):
    # Padded outside of the pool: jax2onnx converts Flax's pools only with padding "SAME" or "VALID".
    return jnp.pad(x, ((0, 0), *window.padding, (0, 0)), constant_values=value) if np.any(window.padding) else x


# XLA's gradient of a max pool (select-and-scatter) is ten times slower than this on CPUs, and on GPUs it fails under
# --xla_gpu_deterministic_ops (google/flax#4233). Storing the index of the maximum takes one byte per output.
@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _fast_max_pool(x: jax.Array, window: Window) -> jax.Array:
    return functools.reduce(jnp.maximum, shifts(x, window, -jnp.inf))


def _forward(x, window):
    largest, *others = shifts(x, window, -jnp.inf)
    winner = jnp.zeros(largest.shape, jnp.uint8)
    for index, candidate in enumerate(others, start=1):
        winner = jnp.where(candidate > largest, jnp.uint8(index), winner)
        largest = jnp.maximum(largest, candidate)
    return largest, (winner, x.shape[1:3])


def _backward(window, residuals, cotangent):
    winner, image_size = residuals
    # Pixels fall into strides[0] * strides[1] phases, by their coordinates modulo the strides. Pixels of one phase are
    # covered by the same positions of the window; each position adds the cotangent of the windows whose maximum it was.
    down, right = window.strides
    (top, _), (left, _) = window.padding
    rows, columns = -(-(image_size[0] + top) // down), -(-(image_size[1] + left) // right)
    reach = [-(-size // stride) - 1 for size, stride in zip(window.size, window.strides, strict=True)]
    border = [
        (0, 0, 0),
        (reach[0], rows - cotangent.shape[1], 0),
        (reach[1], columns - cotangent.shape[2], 0),
        (0, 0, 0),
    ]
    cotangent = lax.pad(cotangent, jnp.zeros((), cotangent.dtype), border)
    winner = lax.pad(winner, jnp.uint8(255), border)

    def phase(row, column):
        total = jnp.zeros((len(cotangent), rows, columns, cotangent.shape[-1]), cotangent.dtype)
        for y in range(row, window.size[0], down):
            for x in range(column, window.size[1], right):
                start = (0, reach[0] - y // down, reach[1] - x // right, 0)
                stop = (len(cotangent), start[1] + rows, start[2] + columns, cotangent.shape[-1])
                won = lax.slice(winner, start, stop) == y * window.size[1] + x
                total += jnp.where(won, lax.slice(cotangent, start, stop), 0)
        return total

    phases = jnp.stack([jnp.stack([phase(row, column) for column in range(right)], 3) for row in range(down)], 2)
    image = phases.reshape(len(cotangent), rows * down, columns * right, cotangent.shape[-1])
    return (image[:, top : top + image_size[0], left : left + image_size[1]],)


_fast_max_pool.defvjp(_forward, _backward)


def avg_pool(x: jax.Array, window: Window, count_include_pad: bool) -> jax.Array:
    """Returns the mean of each window, [N, H, W, C] -> [N, H', W', C].

    Args:
      x: images.
      window: see `Window`.
      count_include_pad: whether padding counts in the divisor: yes in torchvision's Inception v3, no in Keras's.
    """
    pool = _mean_of_shifts if is_fast() else nn.avg_pool
    # In bfloat16, sums of many terms would lose the later ones.
    means = pool(_pad(x.astype(jnp.float32), window, 0), window_shape=window.size, strides=window.strides)
    if not count_include_pad:
        means /= _covered(x.shape[1:3], window)[..., None]
    return means.astype(x.dtype)


def _mean_of_shifts(x, window_shape, strides):
    """Computes `nn.avg_pool` as a sum of shifted images, which on CPUs is several times as fast as reducing windows."""
    images = shifts(x, Window(window_shape, strides, ((0, 0), (0, 0))))
    return functools.reduce(jnp.add, images) / math.prod(window_shape)


def _covered(image_size, window):
    """Returns the fraction of each window that is not padding, float32 [H', W']."""
    fractions = []
    for axis, pixels in enumerate(image_size):
        first = np.arange(window.output_size(image_size)[axis]) * window.strides[axis] - window.padding[axis][0]
        places = first[:, None] + np.arange(window.size[axis])
        fractions.append(((places >= 0) & (places < pixels)).mean(axis=1))
    return np.outer(*fractions).astype(np.float32)


def adaptive_avg_pool(x: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Returns means over a grid of `size` regions of the image, [N, H, W, C] -> [N, *size, C].

    As in `torch.nn.AdaptiveAvgPool2d`, region i of n covers pixels floor(i * H / n) to ceil((i + 1) * H / n).
    """
    if x.shape[1:3] == size:
        return x
    dtype, x = x.dtype, x.astype(jnp.float32)
    for axis, (pixels, parts) in enumerate(zip(x.shape[1:3], size, strict=True), start=1):
        part = np.arange(parts)[:, None]
        start, stop = part * pixels // parts, -(-(part + 1) * pixels // parts)
        inside = (np.arange(pixels) >= start) & (np.arange(pixels) < stop)
        weights = jnp.asarray(inside / (stop - start), jnp.float32)
        x = jnp.moveaxis(jnp.tensordot(weights, x, (1, axis), precision="highest"), 0, axis)
    return x.astype(dtype)


class MaxPool(nn.Module):
    """Max pooling.

    Attributes:
      window: in pixels, one number or (height, width).
      strides: in pixels; None for the window's size.
      padding: as in `Conv`.
    """

    window: int | Sequence[int]
    strides: int | Sequence[int] | None = None
    padding: Padding = "VALID"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        strides = pair(self.window) if self.strides is None else self.strides
        return max_pool(x, resolve_window(self.name, x.shape[1:3], self.window, strides, self.padding))


class AvgPool(nn.Module):
    """Average pooling; attributes as in `MaxPool`, and `count_include_pad` as in `avg_pool`."""

    window: int | Sequence[int]
    strides: int | Sequence[int] | None = None
    padding: Padding = "VALID"
    count_include_pad: bool = True

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        strides = pair(self.window) if self.strides is None else self.strides
        window = resolve_window(self.name, x.shape[1:3], self.window, strides, self.padding)
        return avg_pool(x, window, self.count_include_pad)


class AdaptiveAvgPool(nn.Module):
    """Average pooling to a fixed output size; see `adaptive_avg_pool`.

    Attributes:
      size: of the output in pixels, one number or (height, width).
    """

    size: int | Sequence[int]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return adaptive_avg_pool(x, pair(self.size))
