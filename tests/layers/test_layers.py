"""Tests of the values and gradients of every layer against simple references."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import assert_close, assert_same, normal
from jax import lax

from zoo.errors import ImageTooSmall, ZooError
from zoo.layers import AdaptiveAvgPool, AvgPool, BatchNorm, Conv, LocalResponseNorm, MaxPool
from zoo.layers.convolution import convolution
from zoo.layers.lowering import convolution_lowering
from zoo.layers.pooling import max_pool
from zoo.layers.window import resolve_window


@pytest.fixture(autouse=True, params=["xla", "fast"])
def lowering(request):
    """Runs every test with JAX's own operations and with the faster lowerings for CPUs."""
    with convolution_lowering(request.param):
        yield request.param


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (3, 3), (5, 3)])
def test_ceil_padding_adds_a_partial_last_window(size, stride):
    """There are as many windows as start inside the image, and each includes the pixels that it reaches."""
    for pixels in range(size, 20):
        starts = [start for start in range(0, pixels, stride) if start < pixels - size + stride]
        x = np.random.default_rng(pixels).standard_normal((1, pixels, pixels, 1)).astype(np.float32)
        found = MaxPool(size, stride, padding="CEIL").apply({}, x)
        expected = [[x[0, r : r + size, c : c + size, 0].max() for c in starts] for r in starts]
        np.testing.assert_array_equal(found[0, :, :, 0], expected)


def test_conv_has_flax_parameters_and_computes_in_its_dtype():
    layer = Conv(6, 3, groups=2, dtype=jnp.bfloat16)
    x = normal(1, 5, 5, 4)
    output, variables = layer.init_with_output(jax.random.key(0), x)
    shapes = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), variables["params"])
    assert shapes == {"kernel": ((3, 3, 2, 6), jnp.float32), "bias": ((6,), jnp.float32)}
    assert output.dtype == jnp.bfloat16


SUMS = {
    "depthwise": lambda x, kernel: convolution(x, kernel, resolve_window("conv", (56, 56), 3, 1, 1), 8),
    "average": lambda x, _: AvgPool(14).apply({}, x),
    "average without padding": lambda x, _: AvgPool(3, 1, padding=1, count_include_pad=False).apply({}, x),
    "adaptive average": lambda x, _: AdaptiveAvgPool(7).apply({}, x),
}


@pytest.mark.parametrize("function", SUMS.values(), ids=SUMS)
def test_sums_of_bfloat16_are_rounded_once(function):
    """Sums are accumulated in higher precision, as on accelerators: in bfloat16, later terms would be lost."""
    x, kernel = normal(2, 56, 56, 8).astype(jnp.bfloat16), normal(3, 3, 1, 8, seed=1).astype(jnp.bfloat16)
    exactly = [array.astype(jnp.float32) for array in (x, kernel)]
    (rough, transpose), (exact, exact_transpose) = (
        jax.vjp(jax.jit(function), *inputs) for inputs in ((x, kernel), exactly)
    )
    assert rough.dtype == jnp.bfloat16
    results = [(rough, exact)]
    cotangent = jnp.ones_like(rough)
    results += zip(transpose(cotangent), exact_transpose(cotangent.astype(jnp.float32)), strict=True)
    for mine, other in results:
        np.testing.assert_allclose(mine.astype(jnp.float32), other, rtol=2**-8, atol=1e-6)


def test_conv_rejects_groups_that_do_not_divide_channels():
    with pytest.raises(ZooError, match="4 input channels and 6 features must both be divisible by groups=3"):
        Conv(6, 3, groups=3, name="conv9").init(jax.random.key(0), normal(1, 5, 5, 4))


def test_error_for_a_too_large_window_names_the_layer():
    with pytest.raises(ImageTooSmall, match="pool9: a 3x3 window does not fit into an input of 2x5 pixels"):
        MaxPool(3, 2, name="pool9").init(jax.random.key(0), normal(1, 2, 5, 1))
    with pytest.raises(ZooError, match="must be 'SAME', 'VALID', 'CEIL' or pixels, got 'FULL'"):
        Conv(1, 3, padding="FULL", name="conv9").init(jax.random.key(0), normal(1, 5, 5, 1))


POOLS = {
    "alexnet": (3, 2, "VALID"),
    "padded": (3, 2, 1),
    "no overlap": (2, 2, "VALID"),
    "SAME": (3, 2, "SAME"),
    "stride 1": (3, 1, "SAME"),
    "gaps": (2, 3, "VALID"),
    "oblong": ((2, 3), (1, 2), ((0, 1), (1, 0))),
}


def reduce_window(x, window, init, function):
    return lax.reduce_window(
        x, init, function, (1, *window.size, 1), (1, *window.strides, 1), ((0, 0), *window.padding, (0, 0))
    )


@pytest.mark.parametrize("case", POOLS.values(), ids=POOLS)
@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
def test_max_pool_matches_reduce_window(case, ties):
    x = normal(2, 9, 10, 3)
    x = jnp.round(x) if ties else x  # the gradient of equal values goes to the first, as in XLA's select-and-scatter
    window = resolve_window("pool", x.shape[1:3], *case)
    assert_same(lambda x: max_pool(x, window), lambda x: reduce_window(x, window, -jnp.inf, lax.max), x)
    layer = MaxPool(*case)
    np.testing.assert_array_equal(layer.apply({}, x), max_pool(x, window))


def test_max_pool_with_more_positions_than_fit_into_a_byte():
    """Windows of up to 255 positions store the index of the maximum in a byte; larger ones use XLA's operation."""
    x = normal(1, 16, 16, 1)
    gradient = jax.grad(lambda x: MaxPool(16).apply({}, x).sum())(x)
    np.testing.assert_array_equal(gradient, x == x.max())


def test_max_pool_of_nan_is_nan():
    x = normal(1, 3, 3, 1).at[0, 1, 1, 0].set(jnp.nan)
    assert jnp.isnan(MaxPool(3, 1).apply({}, x)).all()


def test_fast_max_pool_gradient_runs_deterministically_on_gpus():
    """XLA rejects select-and-scatter on GPUs under --xla_gpu_deterministic_ops."""
    gradient = jax.jit(jax.grad(convolution_lowering("fast")(lambda x: MaxPool(3, 2).apply({}, x).sum())))
    for platform in ("cpu", "cuda"):
        text = jax.export.export(gradient, platforms=[platform])(normal(1, 9, 9, 2)).mlir_module()
        assert "stablehlo.select_and_scatter" not in text and "stablehlo.scatter" not in text


@pytest.mark.parametrize("case", POOLS.values(), ids=POOLS)
@pytest.mark.parametrize("count_include_pad", [True, False])
def test_avg_pool_matches_reduce_window(case, count_include_pad):
    x = normal(2, 9, 10, 3)
    window = resolve_window("pool", x.shape[1:3], *case)

    def reference(x):
        total = reduce_window(x, window, 0.0, lax.add)
        ones = reduce_window(jnp.ones_like(x), window, 0.0, lax.add)
        return total / (np.prod(window.size) if count_include_pad else ones)

    assert_same(lambda x: AvgPool(*case, count_include_pad=count_include_pad).apply({}, x), reference, x)


@pytest.mark.parametrize("size", [(13, 9), (1, 1), (4, 9), (6, 6), (20, 3)])
def test_adaptive_avg_pool_matches_its_definition(size):
    x = normal(2, 13, 9, 3)
    expected = np.zeros((2, *size, 3))
    for row in range(size[0]):
        for column in range(size[1]):
            rows = slice(row * 13 // size[0], -(-(row + 1) * 13 // size[0]))
            columns = slice(column * 9 // size[1], -(-(column + 1) * 9 // size[1]))
            expected[:, row, column] = np.asarray(x)[:, rows, columns].mean((1, 2))
    np.testing.assert_allclose(AdaptiveAvgPool(size).apply({}, x), expected, atol=1e-6)


def lrn_in_numpy(x, size, k, alpha, beta):
    """Computes the formula of Krizhevsky et al. 2012, section 3.3, literally and in float64."""
    channels = x.shape[-1]
    result = np.empty(x.shape)
    for i in range(channels):
        window = slice(max(0, i - size // 2), min(channels - 1, i + size // 2) + 1)
        result[..., i] = x[..., i] / (k + alpha * np.sum(x[..., window] ** 2, axis=-1)) ** beta
    return result


@pytest.mark.parametrize("constants", [(5, 2.0, 1e-4, 0.75), (5, 1.0, 0.3, 0.75), (3, 1.0, 0.5, 0.6)])
def test_lrn_matches_the_papers_formula(constants):
    x = 5 * normal(2, 3, 4, 9)
    layer = LocalResponseNorm(*constants)
    np.testing.assert_allclose(layer.apply({}, x), lrn_in_numpy(np.asarray(x, float), *constants), rtol=1e-5)

    def plain(x):
        size, k, alpha, beta = constants
        squares = jnp.pad(x * x, [(0, 0)] * 3 + [(size // 2, size // 2)])
        total = sum(squares[..., start : start + x.shape[-1]] for start in range(size))
        return x / (k + alpha * total) ** beta

    assert_same(lambda x: layer.apply({}, x), plain, x)


def test_lrn_computes_in_float32_and_keeps_the_dtype():
    x = (300 * normal(1, 2, 2, 8)).astype(jnp.bfloat16)
    output = LocalResponseNorm().apply({}, x)
    assert output.dtype == jnp.bfloat16
    expected = lrn_in_numpy(np.asarray(x, np.float64), 5, 2.0, 1e-4, 0.75)
    np.testing.assert_allclose(output.astype(jnp.float32), expected, rtol=2**-8)


@pytest.mark.parametrize("shape", [(4, 7, 5, 6), (16, 6)], ids=["images", "vectors"])
@pytest.mark.parametrize("use_scale", [True, False], ids=["scaled", "not scaled"])
def test_batch_norm_matches_flax_batch_norm(shape, use_scale):
    """Compares values, gradients and running statistics, in both modes."""
    x = 3 * normal(*shape) + 1
    variables = {
        "params": {name: normal(6, seed=1) for name in (("scale", "bias") if use_scale else ("bias",))},
        "batch_stats": {"mean": normal(6, seed=2), "var": normal(6, seed=3) ** 2},
    }
    for train in (False, True):
        options = {"use_running_average": not train, "momentum": 0.8, "epsilon": 1e-3, "use_scale": use_scale}
        results = []
        for layer in (BatchNorm(**options), nn.BatchNorm(**options)):

            def apply(x, params, layer=layer):
                y, changed = layer.apply({**variables, "params": params}, x, mutable=["batch_stats"])
                return y, changed["batch_stats"]

            y, transpose, stats = jax.vjp(apply, x, variables["params"], has_aux=True)
            results.append((y, transpose(normal(*shape, seed=4)), stats))
        jax.tree.map(lambda ours, theirs: assert_close(ours, theirs, tolerance=3e-6), *results)


def test_batch_norm_in_bfloat16_computes_in_float32():
    x = (normal(64, 9, 9, 4) + 5).astype(jnp.bfloat16)
    layer = BatchNorm(use_running_average=False, dtype=jnp.bfloat16)
    y, changed = layer.apply(layer.init(jax.random.key(0), x), x, mutable=["batch_stats"])
    assert y.dtype == jnp.bfloat16 and changed["batch_stats"]["mean"].dtype == jnp.float32
    exact = np.asarray(x, np.float64)
    expected = (exact - exact.mean((0, 1, 2))) / np.sqrt(exact.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(np.asarray(y, np.float64), expected, rtol=2**-8, atol=1e-4)
