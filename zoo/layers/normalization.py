"""Normalization layers."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from zoo.layers.lowering import is_fast


def local_response_norm(x: jax.Array, size: int, k: float, alpha: float, beta: float) -> jax.Array:
    """Returns x / (k + alpha * sum of x^2 over the `size` nearest channels) ** beta, with channels last.

    As in Krizhevsky et al. 2012, section 3.3, alpha is not divided by `size`; PyTorch and ONNX divide it.
    """
    if is_fast():
        return _fast_local_response_norm(x, size, k, alpha, beta)
    return x * _inverse_power(_base(x, size, k, alpha), beta)


# Custom gradient: differentiating the power and the window sum takes seven times as long on a CPU.
@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3, 4))
def _fast_local_response_norm(x, size, k, alpha, beta):
    return x * _inverse_power(_base(x, size, k, alpha), beta)


def _window_sum(x, size):
    """Sums over channels c - size // 2 ... c + (size - 1) // 2 (the paper's window; symmetric where size is odd)."""
    before = size // 2
    channels = x.shape[-1]
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(before, size - 1 - before)])
    return sum(lax.slice_in_dim(padded, start, start + channels, axis=-1) for start in range(size))


def _base(x, size, k, alpha):
    return k + alpha * _window_sum(x * x, size)


def _inverse_power(base, beta):
    if beta == 0.75:  # the value in every published network; on CPUs, square roots take a third of the time of a power
        root = lax.rsqrt(base)
        return root * jnp.sqrt(root)
    return base**-beta


def _forward(x, size, k, alpha, beta):
    return _fast_local_response_norm(x, size, k, alpha, beta), x


def _backward(size, k, alpha, beta, x, cotangent):
    base = _base(x, size, k, alpha)
    scale = _inverse_power(base, beta)
    # A channel belongs to the windows of its neighbors, with the window reversed: even sizes are not symmetric.
    inner = _window_sum((cotangent * x * scale / base)[..., ::-1], size)[..., ::-1]
    return (cotangent * scale - 2 * alpha * beta * x * inner,)


_fast_local_response_norm.defvjp(_forward, _backward)


class LocalResponseNorm(nn.Module):
    """Local response normalization across channels (Krizhevsky et al. 2012, section 3.3), computed in float32.

    Attributes:
      size: channels in the window (the paper's n).
      k, alpha, beta: the paper's constants; alpha multiplies the plain sum of squares.
    """

    size: int = 5
    k: float = 2.0
    alpha: float = 1e-4
    beta: float = 0.75

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        y = local_response_norm(x.astype(jnp.float32), self.size, self.k, self.alpha, self.beta)
        return y.astype(x.dtype)


def batch_norm(
    x: jax.Array, scale: jax.Array, bias: jax.Array, epsilon: float
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Normalizes each channel over a batch (Ioffe and Szegedy 2015, algorithm 1), computed in float32.

    Args:
      x: [..., C].
      scale, bias: [C], float32.
      epsilon: added to the variance.

    Returns:
      The result in the dtype of `x`, and the means and (biased) variances [C], which have no gradient.
    """
    y, mean, variance = (_fast_batch_norm if is_fast() else _batch_norm)(x, scale, bias, epsilon)
    return y, lax.stop_gradient(mean), lax.stop_gradient(variance)


def _batch_norm(x, scale, bias, epsilon):
    exact = x.astype(jnp.float32)
    count = x.size // x.shape[-1]
    axes = tuple(range(x.ndim - 1))
    mean = exact.sum(axes) / count
    variance = lax.max((exact * exact).sum(axes) / count - mean * mean, jnp.float32(0))
    y = (exact - mean) * (lax.rsqrt(variance + epsilon) * scale) + bias
    return y.astype(x.dtype), mean, variance


# Custom gradient: it traces and compiles in half the time of the one derived by JAX.
@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def _fast_batch_norm(x, scale, bias, epsilon):
    return _batch_norm(x, scale, bias, epsilon)


def _batch_norm_forward(x, scale, bias, epsilon):
    y, mean, variance = _batch_norm(x, scale, bias, epsilon)
    return (y, mean, variance), (x, scale, mean, variance)


def _batch_norm_backward(epsilon, residuals, cotangents):
    x, scale, mean, variance = residuals
    cotangent, exact = cotangents[0].astype(jnp.float32), x.astype(jnp.float32)
    count = x.size // x.shape[-1]
    axes = tuple(range(x.ndim - 1))
    inverse_std = lax.rsqrt(variance + epsilon)
    # XLA merges equal subexpressions, so a tensor of x's size that occurs in both passes would be computed in the
    # forward pass and kept in memory until here. Hence the barrier, and the form a * cotangent + b * x + c with a, b
    # and c per channel.
    mean = lax.optimization_barrier(mean)
    bias_gradient, scale_gradient = cotangent.sum(axes), inverse_std * (cotangent * (exact - mean)).sum(axes)
    a = inverse_std * scale
    b = -a * inverse_std * scale_gradient / count
    c = -a * bias_gradient / count - b * mean
    return (a * cotangent + b * exact + c).astype(x.dtype), scale_gradient, bias_gradient


_fast_batch_norm.defvjp(_batch_norm_forward, _batch_norm_backward)


class BatchNorm(nn.Module):
    """Batch normalization of the last axis, with the parameters, statistics and results of `flax.linen.BatchNorm`.

    Attributes:
      use_running_average: whether to normalize by the running statistics; otherwise by those of the batch, which update
        the running statistics.
      momentum: decay rate of the running statistics: the fraction of the old value that is kept.
      epsilon: added to the variance.
      use_scale: whether there is a parameter `scale`; there is always a `bias`.
      scale_init: initializer of `scale`, `(key, shape, dtype) -> array`.
      dtype: of the result; the computation is in float32.
    """

    use_running_average: bool
    momentum: float = 0.9
    epsilon: float = 1e-5
    use_scale: bool = True
    scale_init: Callable = nn.initializers.ones_init()
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (x.shape[-1],)
        mean = self.variable("batch_stats", "mean", jnp.zeros, shape, jnp.float32)
        variance = self.variable("batch_stats", "var", jnp.ones, shape, jnp.float32)
        one = jnp.ones(shape, jnp.float32)
        scale = self.param("scale", self.scale_init, shape, jnp.float32) if self.use_scale else one
        bias = self.param("bias", nn.initializers.zeros_init(), shape, jnp.float32)
        if self.use_running_average:
            factor = lax.rsqrt(variance.value + self.epsilon) * scale
            return ((x.astype(jnp.float32) - mean.value) * factor + bias).astype(self.dtype)
        y, *batch = batch_norm(x, scale, bias, self.epsilon)
        if not self.is_initializing():
            for running, value in zip((mean, variance), batch, strict=True):
                running.value = self.momentum * running.value + (1 - self.momentum) * value
        return y.astype(self.dtype)
