"""Convolution on CPUs where `onednn` is not available, for common shapes that XLA lowers inefficiently.

Each function is plain differentiable JAX; `convolution` selects one. Reasons, measured on two AVX-512 cores with
jax 0.10 (`python -m zoo.benchmark` repeats the comparison for whole networks):

- grouped: AlexNet's training step takes 2.3 s with `feature_group_count`, 0.8 s with one convolution per group;
- depthwise: 15 ms as a grouped convolution, 0.3 ms as nine shifted multiply-adds;
- stems (few channels, large strides): 3 input channels leave most of a vector register empty, space-to-depth fills it;
- kernel gradients: XLA convolves with a window as large as the image; a matrix product for each tap of the kernel,
  over shifted slices of the image, is up to three times as fast.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from zoo.layers.convolution.xla import XLA, transposed
from zoo.layers.window import Window, shifts


def convolution(x: jax.Array, kernel: jax.Array, window: Window, groups: int) -> jax.Array:
    """Computes the same values as `lax.conv_general_dilated`; see `zoo.layers.convolution.convolution` for shapes."""
    channels = x.shape[-1]
    if groups > 1 and groups == channels:
        return depthwise(x, kernel, window)
    if groups > 1:
        return grouped(x, kernel, window, groups)
    if is_stem(x, window):
        return space_to_depth(x, kernel, window)
    return dense(x, kernel, window)


def grouped(x: jax.Array, kernel: jax.Array, window: Window, groups: int) -> jax.Array:
    """Computes one convolution per group and concatenates the results."""
    inputs = jnp.split(x, groups, axis=-1)
    kernels = jnp.split(kernel, groups, axis=-1)
    return jnp.concatenate([dense(*part, window) for part in zip(inputs, kernels, strict=True)], axis=-1)


def depthwise(x: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """Sums shifted images times taps of the kernel; `kernel` is [kh, kw, 1, channels * multiplier].

    Sums are float32 whatever the dtype, here and in the gradient, as in every other convolution.
    """
    multiplier = kernel.shape[-1] // x.shape[-1]
    images = jnp.repeat(x, multiplier, axis=-1) if multiplier > 1 else x
    taps = kernel.reshape(-1, kernel.shape[-1]).astype(jnp.float32)
    shifted = shifts(images.astype(jnp.float32), window)
    products = [image * tap for image, tap in zip(shifted, taps, strict=True)]
    return functools.reduce(jnp.add, products).astype(x.dtype)


def is_stem(x: jax.Array, window: Window) -> bool:
    """Returns whether a convolution has few channels and large strides."""
    return min(window.strides) > 1 and x.shape[-1] <= 4 and window.strides[0] == window.strides[1]


def space_to_depth(x: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """Computes a convolution with stride s as one with stride 1 over s x s blocks of pixels, stacked as channels."""
    blocks, window_of_blocks = to_blocks(x, window)
    block, channels, features = window.strides[0], x.shape[-1], kernel.shape[-1]
    size = window_of_blocks.size
    grow = [(0, blocks * block - extent) for blocks, extent in zip(size, window.size, strict=True)]
    kernel = jnp.pad(kernel, (*grow, (0, 0), (0, 0)))
    kernel = kernel.reshape(size[0], block, size[1], block, channels, features)
    kernel = kernel.transpose(0, 2, 1, 3, 4, 5).reshape(*size, -1, features)
    return dense(blocks, kernel, window_of_blocks)


def to_blocks(x: jax.Array, window: Window) -> tuple[jax.Array, Window]:
    """Returns images of blocks of pixels [N, H / s, W / s, s * s * C], and the window with stride 1 over them."""
    block = window.strides[0]
    size = (-(-window.size[0] // block), -(-window.size[1] // block))
    output = window.output_size(x.shape[1:3])
    # Pad (or crop: pixels beyond the last window are never read) to exactly the blocks that the windows cover.
    pads = [
        (before, (out - 1 + extent) * block - pixels - before)
        for pixels, (before, _), out, extent in zip(x.shape[1:3], window.padding, output, size, strict=True)
    ]
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), (*pads[0], 0), (*pads[1], 0), (0, 0, 0)))
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // block, block, width // block, block, channels)
    x = x.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height // block, width // block, block * block * channels)
    return x, Window(size, (1, 1), ((0, 0), (0, 0)))


def from_blocks(kernel: jax.Array, window: Window) -> jax.Array:
    """Turns a kernel over blocks [bh, bw, s * s * C, features] into the kernel [kh, kw, C, features] for `window`."""
    block = window.strides[0]
    rows, columns, depth, features = kernel.shape
    kernel = kernel.reshape(rows, columns, block, block, depth // block**2, features).transpose(0, 2, 1, 3, 4, 5)
    kernel = kernel.reshape(rows * block, columns * block, depth // block**2, features)
    return kernel[: window.size[0], : window.size[1]]


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def dense(x: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """Computes an ungrouped convolution whose kernel gradient is one matrix product per tap of the kernel."""
    return XLA.forward(x, kernel, window, 1)


def _dense_forward(x, kernel, window):
    return XLA.forward(x, kernel, window, 1), (x, kernel)


def _dense_backward(window, residuals, cotangent):
    x, kernel = residuals
    _, transpose = jax.vjp(lambda x: XLA.forward(x, kernel, window, 1), x)
    (x_gradient,) = transpose(cotangent)
    pixels = cotangent.reshape(-1, cotangent.shape[-1])
    products = [
        lax.dot_general(shifted.reshape(-1, x.shape[-1]), pixels, (((0,), (0,)), ((), ())))
        for shifted in shifts(x, window)
    ]
    return x_gradient, jnp.stack(products).reshape(kernel.shape)


dense.defvjp(_dense_forward, _dense_backward)


PLAIN = transposed(convolution)
