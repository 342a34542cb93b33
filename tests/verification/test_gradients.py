"""Tests that wrong gradients, and products of few bits at the default precision, are found."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from verification.architecture.behaviour import check_behaviour
from verification.architecture.float64 import in_float64
from verification.architecture.gradients import compare_gradients
from verification.architecture.numbers import check_numbers
from zoo.compilation import compile_quickly
from zoo.layers import conv, normalization


def status(name, checks):
    return next(check for check in checks if check.name == name).status


def with_kernel_gradient(change):
    """Returns a convolution whose gradient with respect to the kernel is changed, and whose values are right."""
    right = conv.convolution

    def wrong(images, kernel, window, groups):
        def backward(inputs, cotangent):
            _, transpose = jax.vjp(lambda *inputs: right(*inputs, window, groups), *inputs)
            of_images, of_kernel = transpose(cotangent)
            return of_images, change(of_kernel)

        convolve = jax.custom_vjp(lambda images, kernel: right(images, kernel, window, groups))
        convolve.defvjp(lambda *inputs: (right(*inputs, window, groups), inputs), backward)
        return convolve(images, kernel)

    return wrong


def without_terms_of_moments(x, scale, bias, epsilon):
    """Batch normalization whose gradient takes mean and variance for constants."""
    forward, backward = normalization._batch_norm_forward, normalization._batch_norm_backward
    layer = jax.custom_vjp(lambda *inputs: normalization._batch_norm(*inputs, epsilon))

    def wrong(residuals, cotangents):
        _, scale, _, variance = residuals
        _, of_scale, of_bias = backward(epsilon, residuals, cotangents)
        return cotangents[0] * lax.rsqrt(variance + epsilon) * scale, of_scale, of_bias

    layer.defvjp(lambda *inputs: forward(*inputs, epsilon), wrong)
    return layer(x, scale, bias)


@pytest.mark.parametrize(
    "change",
    [lambda kernel: 0.9 * kernel, lambda kernel: kernel.at[1, 1].set(0), lambda kernel: kernel.at[0, 0].multiply(-1)],
)
def test_wrong_gradients_of_kernels_are_found(monkeypatch, change):
    monkeypatch.setattr(conv, "convolution", with_kernel_gradient(change))
    assert status("gradients", check_behaviour("bn_cnn")) == "fail"


def test_right_gradients_pass(monkeypatch):
    monkeypatch.setattr(conv, "convolution", with_kernel_gradient(lambda kernel: kernel))
    found = {check.name: check.status for check in check_behaviour("bn_cnn")}
    assert found["gradients"] == found["training step"] == "pass"


def test_batch_normalization_without_the_gradients_of_its_moments_is_found(monkeypatch):
    monkeypatch.setattr(normalization, "_fast_batch_norm", without_terms_of_moments)
    assert status("gradients", check_behaviour("bn_cnn")) == "fail"


def test_a_stopped_gradient_is_found_and_named():
    def loss(params, stop):
        hidden = jnp.tanh(params["one"]["kernel"] @ jnp.arange(4.0))
        return jnp.sum((stop(params["two"]["kernel"]) @ hidden) ** 2)

    random = np.random.default_rng(0)
    params = {name: {"kernel": random.normal(0, 0.3, (4, 4)).astype(np.float32)} for name in ("one", "two")}
    whole = functools.partial(loss, stop=lambda kernel: kernel)
    assert compare_gradients(whole, jax.grad(whole), params)[0]
    wrong = jax.grad(functools.partial(loss, stop=lambda kernel: kernel.at[0].set(lax.stop_gradient(kernel[0]))))
    passed, detail = compare_gradients(whole, wrong, params)
    assert not passed and "most in two/kernel" in detail


def test_gradients_that_rounding_hides_do_not_pass():
    def loss(params):
        x = params["kernel"] - params["kernel"].mean()
        return jnp.sum(jnp.sin(1e7 * x) ** 2)

    params = {"kernel": np.random.default_rng(0).normal(1, 0.3, 4).astype(np.float32)}
    assert compare_gradients(loss, jax.grad(loss), params)[0] is not True


def test_functions_are_evaluated_in_float64():
    def function(x, kernel, key):
        pooled = lax.reduce_window(x.astype(jnp.float32), -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        y = lax.conv_general_dilated(
            pooled, kernel, (2, 1), ((1, 0), (2, 1)), dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=2
        )
        return jnp.where(jax.random.bernoulli(key, 0.5, y.shape), jax.nn.relu(y) / 0.5, 0).sum((0, 1, 2))

    random, key = np.random.default_rng(0), jax.random.key(3)
    x, kernel = random.normal(size=(2, 12, 14, 4)), random.normal(size=(3, 2, 2, 6))
    rough = function(jnp.float32(x), jnp.float32(kernel), key)
    exact = in_float64(function, jnp.float32(x), jnp.float32(kernel), key)
    with jax.enable_x64(True):
        compiled = compile_quickly(exact, x, kernel, key)
        found, moved = (np.asarray(compiled(x, scale * kernel, key)) for scale in (1, 1 + 1e-12))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, rough, rtol=1e-5)
    np.testing.assert_allclose((moved - found)[found > 0], 1e-12 * found[found > 0], rtol=0.01)
    assert np.count_nonzero(found) >= 4


def test_few_bits_at_the_default_precision_only_are_found(monkeypatch):
    """Where the default is float32, as on CPUs, logits are compared at the default."""
    right = {name: getattr(lax, name) for name in ("conv_general_dilated", "dot_general")}

    def rounded(name):
        def wrong(one, two, *arguments, **options):
            if jax.config.jax_default_matmul_precision != "highest":
                one, two = (lax.reduce_precision(array, exponent_bits=8, mantissa_bits=7) for array in (one, two))
            return right[name](one, two, *arguments, **options)

        return wrong

    assert status("logits", check_numbers("lenet5")) == "pass"
    for name in right:
        with monkeypatch.context() as patch:
            patch.setattr(lax, name, rounded(name))
            assert status("logits", check_numbers("lenet5")) == "fail", name
