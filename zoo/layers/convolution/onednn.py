"""Convolution on CPUs by oneDNN, which is part of XLA on Linux for x86-64.

XLA reaches it by custom calls that its compiler was meant to emit, but no longer emits for convolutions; this module
emits them directly. Their configuration (`onednn_config.proto` in XLA's source) is not a public interface: it is used
only with the versions listed as tested in `zoo.interfaces`; with others, `plain` is used.

GFLOP/s of XLA's own convolution and of oneDNN's, measured on two AVX-512 cores: 3x3, 64 channels, 56 pixels: 220, 490;
1x1, 96 to 24 channels: 80, 230; depthwise: 1, 90.

There is no such call for oneDNN's gradient with respect to the kernel, which is computed by matrix products, also
oneDNN's. XLA cannot serialize such programs into JAX's persistent compilation cache, and may crash when it tries: they
are compiled in each process.
"""

import functools
import json
import math
import platform
import sys

import jax
import jax.numpy as jnp
import jaxlib
from jax import lax

from zoo import interfaces
from zoo.compilation import keep_programs_out_of_cache
from zoo.layers.convolution.plain import from_blocks, is_stem, to_blocks
from zoo.layers.convolution.xla import Lowering
from zoo.layers.window import Window, shifts

BLOCK = 2**21  # bytes of a batch of images that fit into a core's cache together with their cotangent


@functools.cache
def is_available() -> bool:
    """Returns whether oneDNN is available and was tested with this jaxlib; warns once if the jaxlib is newer."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    return interfaces.is_tested(interfaces.ONEDNN, jaxlib.__version__)


def can_compute(*arrays: jax.Array) -> bool:
    """Returns whether oneDNN supports these arguments; unsupported ones would crash the process."""
    return is_available() and all(array.dtype == jnp.float32 and array.size > 0 for array in arrays)


def forward(x: jax.Array, kernel: jax.Array, window: Window, groups: int) -> jax.Array:
    """Computes the convolution by a single oneDNN call."""
    output = (len(x), *window.output_size(x.shape[1:3]), kernel.shape[-1])
    return _convolve(x, kernel, window, groups, output)


def input_gradient(
    cotangent: jax.Array, kernel: jax.Array, window: Window, groups: int, image_size: tuple[int, int]
) -> jax.Array:
    """Convolves the cotangent with the flipped kernel, for each phase of the stride.

    Pixels with the same coordinates modulo the stride are reached by the same taps of the kernel.
    """
    channels = kernel.shape[2] * groups
    kernel = _swap_channels(kernel, groups)
    down, right = window.strides
    phases = [
        [_phase(cotangent, kernel, window, groups, image_size, (row, column), channels) for column in range(right)]
        for row in range(down)
    ]
    if window.strides == (1, 1):
        return phases[0][0]
    rows = jnp.stack([jnp.stack(row, axis=3) for row in phases], axis=2)  # [N, H / s, s, W / s, s, C]
    batch, height, _, width = rows.shape[:4]
    image = rows.reshape(batch, height * down, width * right, channels)
    return image[:, : image_size[0], : image_size[1]]


def _phase(cotangent, kernel, window, groups, image_size, phase, channels):
    """Returns the gradient at every stride-th pixel, starting at pixel `phase`."""
    padding, size, first = [], [], []
    for pixels, extent, stride, (before, _), offset, given in zip(
        image_size, window.size, window.strides, window.padding, phase, cotangent.shape[1:3], strict=True
    ):
        # Tap t of output o reads pixel o * stride + t - before. Pixel p * stride + offset is therefore read by the taps
        # t = tap + i * stride, by output p + ahead - i.
        tap, ahead = (offset + before) % stride, (offset + before) // stride
        taps = len(range(tap, extent, stride))
        wanted = -(-pixels // stride)
        low = taps - 1 - ahead  # padding before the outputs, so that window p ends at output p + ahead
        padding.append((low, wanted + taps - 1 - low - given))
        size.append(taps)
        first.append(tap)
    wanted = tuple(-(-pixels // stride) for pixels, stride in zip(image_size, window.strides, strict=True))
    if 0 in size:  # the stride is larger than the kernel: these pixels are never read
        return jnp.zeros((len(cotangent), *wanted, channels), cotangent.dtype)
    taps = kernel[first[0] :: window.strides[0], first[1] :: window.strides[1]][::-1, ::-1]
    crop = [(min(before, 0), min(after, 0), 0) for before, after in padding]
    if any(map(any, crop)):
        cotangent = lax.pad(cotangent, jnp.zeros((), cotangent.dtype), ((0, 0, 0), *crop, (0, 0, 0)))
    above, left = ((max(before, 0), max(after, 0)) for before, after in padding)
    phase_window = Window((size[0], size[1]), (1, 1), (above, left))
    return _convolve(cotangent, taps, phase_window, groups, (len(cotangent), *wanted, channels))


def _swap_channels(kernel, groups):
    """Transposes a kernel, [kh, kw, C / groups, features] -> [kh, kw, features / groups, C]."""
    height, width, channels, features = kernel.shape
    return (
        _split_channels(kernel, groups)
        .transpose(0, 1, 4, 3, 2)
        .reshape(height, width, features // groups, groups * channels)
    )


def kernel_gradient(x: jax.Array, cotangent: jax.Array, window: Window, groups: int) -> jax.Array:
    """Multiplies the cotangent with the image shifted to each tap of the kernel."""
    if groups == x.shape[-1] and groups > 1:
        return _depthwise_kernel_gradient(x, cotangent, window)
    if groups == 1:
        return _dense_kernel_gradient(x, cotangent, window)
    by_group = [jnp.moveaxis(_split_channels(array, groups), 3, 0) for array in (x, cotangent)]
    kernels = lax.map(lambda group: _dense_kernel_gradient(group[0], group[1], window), tuple(by_group))
    return jnp.moveaxis(kernels, 0, 3).reshape(*window.size, x.shape[-1] // groups, cotangent.shape[-1])


def _split_channels(x, groups):
    return x.reshape(*x.shape[:-1], groups, -1)


def _depthwise_kernel_gradient(x, cotangent, window):
    """Computes all taps in one pass: each is a sum over the pixels of shifted image times cotangent."""
    features = cotangent.shape[-1]
    x = jnp.repeat(x, features // x.shape[-1], axis=-1)
    x = lax.optimization_barrier(
        jnp.pad(x, ((0, 0), *window.padding, (0, 0)))
    )  # otherwise it is padded again for each tap
    products = [shifted * cotangent for shifted in shifts(x, window._replace(padding=((0, 0), (0, 0))))]
    zeros = [jnp.zeros((), x.dtype)] * len(products)
    # Summed per image first, so that the cores can share the work.
    sums = lax.reduce(products, zeros, lambda left, right: [*map(jnp.add, left, right)], (1, 2))
    return jnp.stack(sums).sum(1).reshape(*window.size, 1, features)


def _dense_kernel_gradient(x, cotangent, window):
    if is_stem(x, window):
        blocks, window_of_blocks = to_blocks(x, window)
        return from_blocks(_dense_kernel_gradient(blocks, cotangent, window_of_blocks), window)
    shape = (*window.size, x.shape[-1], cotangent.shape[-1])
    if window.size == (1, 1):
        return _matmul(_rows(shifts(x, window)[0]), _rows(cotangent)).reshape(shape)
    images, image_bytes = len(x), math.prod(x.shape[1:]) * x.dtype.itemsize
    while images % 2 == 0 and images * image_bytes > BLOCK:
        images //= 2
    if images == len(x):
        return _taps(x, cotangent, window).reshape(shape)
    parts = [array.reshape(-1, images, *array.shape[1:]) for array in (x, cotangent)]
    return lax.map(lambda part: _taps(part[0], part[1], window), tuple(parts)).sum(0).reshape(shape)


def _taps(x, cotangent, window):
    """Returns the gradient [kh * kw, C, features], by a loop: unrolled, each tap would have to be compiled."""
    strides, output = window.strides, cotangent.shape[1:3]
    rows = [out + (extent - 1) // stride for out, extent, stride in zip(output, window.size, strides, strict=True)]
    padding = [
        (before, count * stride - pixels - before, 0)
        for count, stride, pixels, (before, _) in zip(rows, strides, x.shape[1:3], window.padding, strict=True)
    ]
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *padding, (0, 0, 0)))
    images, channels = len(x), x.shape[-1]
    x = x.reshape(images, rows[0], strides[0], rows[1], strides[1], channels)
    pixels = _rows(cotangent)

    def product(tap):
        row, column = tap // window.size[1], tap % window.size[1]
        start = (0, row // strides[0], row % strides[0], column // strides[1], column % strides[1], 0)
        seen = lax.dynamic_slice(x, start, (images, output[0], 1, output[1], 1, channels))
        return _matmul(_rows(seen), pixels)

    return lax.map(product, jnp.arange(math.prod(window.size)))


def _rows(x):
    return x.reshape(-1, x.shape[-1])


ONEDNN = Lowering(forward, input_gradient, kernel_gradient)


def _convolve(x, kernel, window, groups, output):
    """Emits a convolution; strides and padding are in pixels, dilation 1 means none, dimensions are numbered from 0."""
    nhwc = {"data": {"batch_dim": 0, "feature_dim": 3, "spatial_dims": [1, 2]}}
    hwio = {"filter": {"spatial_dims": [0, 1], "input_feature_dim": 2, "output_feature_dim": 3}}
    configuration = {
        "dims": 4,
        "input": nhwc,
        "kernel": hwio,
        "output": nhwc,
        "window": {
            "size": window.size,
            "pad_left": [before for before, _ in window.padding],
            "pad_right": [after for _, after in window.padding],
            "strides": window.strides,
            "window_dilations": [1, 1],
        },
        "feature_groups": groups,
    }
    return _call("convolution", {"onednn_conv_config": configuration}, output, x, kernel)


def _matmul(left, right):
    """Returns the product of `left` [K, M] transposed and `right` [K, N]."""
    output = (left.shape[1], right.shape[1])
    return _call("matmul", {"onednn_matmul_config": {"transpose_a": True}}, output, left, right)


def _call(operation, configuration, output, *arrays):
    keep_programs_out_of_cache()
    call = jax.ffi.ffi_call(
        f"__onednn${operation}",
        jax.ShapeDtypeStruct(output, jnp.float32),
        custom_call_api_version=1,
        legacy_backend_config=json.dumps(configuration),
    )
    return call(*arrays)
