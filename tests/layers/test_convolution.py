"""Tests of the values and gradients of every convolution lowering against `lax.conv_general_dilated`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import assert_close, assert_same, normal
from jax import lax

from zoo.layers.convolution import onednn
from zoo.layers.convolution.fast import convolution
from zoo.layers.convolution.onednn import ONEDNN
from zoo.layers.convolution.plain import PLAIN
from zoo.layers.convolution.xla import XLA
from zoo.layers.window import resolve_window

# height, width, channels, features, kernel, strides, padding, groups
CONVOLUTIONS = {
    "alexnet conv1": (35, 31, 3, 8, 11, 4, "VALID", 1),
    "grey stem, padded": (30, 33, 1, 8, 7, 2, 3, 1),
    "stem, SAME": (24, 21, 3, 8, 3, 2, "SAME", 1),
    "stem, pixels left over": (22, 22, 3, 4, 5, 3, "VALID", 1),
    "two groups": (9, 8, 8, 16, 5, 1, 2, 2),
    "strided groups": (9, 8, 8, 12, 3, 2, 1, 4),
    "depthwise": (9, 8, 8, 8, 3, 1, "SAME", 8),
    "depthwise, strided, two multiplied": (9, 8, 8, 16, 3, 2, 1, 8),
    "dense": (9, 8, 8, 6, 3, 1, 1, 1),
    "uneven padding": (9, 8, 8, 4, 3, 2, ((0, 1), (2, 0)), 1),
    "pointwise, strided": (9, 8, 8, 4, 1, 2, "VALID", 1),
    "pointwise, stride 3": (10, 8, 4, 6, 1, 3, "VALID", 1),
    "depthwise, strided, SAME": (10, 11, 8, 8, 5, 2, "SAME", 8),
    "oblong": (9, 8, 8, 4, (1, 5), (1, 2), ((0, 0), (2, 2)), 1),
}


LOWERINGS = {"xla": XLA, "plain": PLAIN, "onednn": ONEDNN}


def lax_convolution(x, kernel, window, groups):
    return lax.conv_general_dilated(
        x,
        kernel,
        window.strides,
        window.padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


@pytest.mark.parametrize("case", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
@pytest.mark.parametrize("name", LOWERINGS)
def test_every_lowering_matches_lax_convolution(name, case):
    if name == "onednn" and not onednn.is_available():
        pytest.skip("this machine's jaxlib has no oneDNN")
    lowering = LOWERINGS[name]
    height, width, channels, features, kernel, strides, padding, groups = case
    window = resolve_window("conv", (height, width), kernel, strides, padding)
    x = normal(2, height, width, channels)
    weights = normal(*window.size, channels // groups, features, seed=1)
    y, transpose = jax.vjp(lambda x, w: lax_convolution(x, w, window, groups), x, weights)
    cotangent = normal(*y.shape, seed=9)
    x_gradient, weights_gradient = transpose(cotangent)
    assert_close(jax.jit(lowering.forward, static_argnums=(2, 3))(x, weights, window, groups), y)
    found = jax.jit(lowering.input_gradient, static_argnums=(2, 3, 4))(
        cotangent, weights, window, groups, (height, width)
    )
    assert_close(found, x_gradient)
    assert_close(
        jax.jit(lowering.kernel_gradient, static_argnums=(2, 3))(x, cotangent, window, groups), weights_gradient
    )


@pytest.mark.parametrize("case", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_convolution_has_gradients_of_any_order(case):
    height, width, channels, features, kernel, strides, padding, groups = case
    window = resolve_window("conv", (height, width), kernel, strides, padding)
    x = normal(2, height, width, channels)
    weights = normal(*window.size, channels // groups, features, seed=1)
    assert_same(
        lambda x, w: convolution(x, w, window, groups), lambda x, w: lax_convolution(x, w, window, groups), x, weights
    )

    def gradients(convolve):
        """Returns gradients of a loss that is not linear in the output, so that each depends on both arguments."""
        return jax.grad(lambda arguments: (convolve(*arguments, window, groups) ** 2).mean())

    def second(convolve):
        return jax.grad(lambda arguments: sum((part**2).sum() for part in gradients(convolve)(arguments)))

    for found, expected in zip(second(convolution)((x, weights)), second(lax_convolution)((x, weights)), strict=True):
        assert_close(found, expected, tolerance=1e-5)


def test_blocks_of_images_give_the_same_kernel_gradient():
    """Covers more than one block, unlike the small cases above."""
    window, x = resolve_window("conv", (24, 24), 3, 1, 1), normal(64, 24, 24, 32)
    assert x.nbytes > 2 * onednn.BLOCK
    cotangent = normal(64, 24, 24, 8)
    for lowering in (ONEDNN, PLAIN) if onednn.is_available() else (PLAIN,):
        found = lowering.kernel_gradient(x, cotangent, window, 1)
        assert_close(found, XLA.kernel_gradient(x, cotangent, window, 1), tolerance=1e-5)


def test_vmap_over_either_argument():
    window = resolve_window("conv", (9, 8), 3, 2, 1)
    x, weights = normal(3, 2, 9, 8, 4), normal(3, 3, 3, 4, 5, seed=1)
    for axes in ((0, 0), (0, None), (None, 0)):
        arguments = [array if axis == 0 else array[0] for array, axis in zip((x, weights), axes, strict=True)]
        ours, theirs = (
            jax.vmap(lambda x, w, convolve=convolve: convolve(x, w, window, 1), axes)(*arguments)
            for convolve in (convolution, lax_convolution)
        )
        assert_close(ours, theirs)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("strides", [1, 2, 3])
def test_string_paddings_match_xla(padding, strides):
    x, weights = normal(1, 11, 12, 2), normal(3, 3, 2, 4)
    window = resolve_window("conv", x.shape[1:3], 3, strides, padding)
    expected = lax.conv_general_dilated(
        x, weights, (strides, strides), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    np.testing.assert_allclose(XLA.forward(x, weights, window, 1), expected, atol=1e-5)


def test_gpu_and_tpu_use_the_native_grouped_convolution():
    x, weights = normal(2, 9, 9, 8), normal(3, 3, 4, 16)
    window = resolve_window("conv", (9, 9), 3, 1, 1)
    function = jax.jit(lambda x, w: convolution(x, w, window, 2))
    counts = {}
    for platform in ("cpu", "cuda", "tpu"):
        exported = jax.export.export(function, platforms=[platform])(x, weights)
        counts[platform] = (
            exported.mlir_module().count("stablehlo.convolution"),
            "feature_group_count = 2" in exported.mlir_module(),
        )
    assert counts == {"cpu": (2, False), "cuda": (1, True), "tpu": (1, True)}


@pytest.mark.skipif(not onednn.is_available(), reason="this machine's jaxlib has no oneDNN")
def test_onednn_is_used_where_supported_and_never_exported():
    """Exported programs have to run on other machines, and unsupported arguments would crash oneDNN."""
    window = resolve_window("conv", (9, 9), 3, 1, 1)
    function = jax.jit(jax.grad(lambda x, w: (convolution(x, w, window, 1) ** 2).sum().astype(jnp.float32), (0, 1)))

    def calls(*arguments):
        return function.lower(*arguments).as_text().count("__onednn$")

    x, weights = normal(2, 9, 9, 8), normal(3, 3, 8, 16)
    assert calls(x, weights) == 3  # forward, and each gradient
    assert calls(x[:0], weights) == calls(x.astype(jnp.bfloat16), weights.astype(jnp.bfloat16)) == 0
    assert "__onednn$" not in jax.export.export(function, platforms=["cpu"])(x, weights).mlir_module()


def test_fast_convolutions_work_without_jit_and_under_checkpoint():
    """Covers evaluation without `jax.jit`, and `jax.checkpoint` inside and outside of `jax.jit`."""
    window = resolve_window("conv", (9, 9), 3, 1, 1)
    x, weights = normal(2, 9, 9, 8), normal(3, 3, 8, 16)
    expected = lax_convolution(x, weights, window, 1)
    with jax.disable_jit():
        assert_close(convolution(x, weights, window, 1), expected)
    again = jax.checkpoint(lambda x, w: convolution(x, w, window, 1))
    for found in (again(x, weights), jax.jit(again)(x, weights)):
        assert_close(found, expected)
