"""Normalization layers."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax


# The gradient is written out: differentiating the power and the window sum instead costs seven times as long on a CPU.
@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3, 4))
def local_response_norm(x: jax.Array, size: int, k: float, alpha: float, beta: float) -> jax.Array:
    """x / (k + alpha * sum of x^2 over the `size` nearest channels) ** beta, with channels last.

    It can be differentiated in reverse mode only. The sum is plain, as in Krizhevsky et al. 2012, section 3.3. PyTorch and ONNX divide alpha by `size` first.
    """
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
    if beta == 0.75:  # every published network's; square roots take a third of the time of a power on a CPU
        root = lax.rsqrt(base)
        return root * jnp.sqrt(root)
    return base**-beta


def _forward(x, size, k, alpha, beta):
    return local_response_norm(x, size, k, alpha, beta), x


def _backward(size, k, alpha, beta, x, cotangent):
    base = _base(x, size, k, alpha)
    scale = _inverse_power(base, beta)
    # A channel takes part in the windows of the channels around it, mirrored: for even sizes the window is not symmetric.
    inner = _window_sum((cotangent * x * scale / base)[..., ::-1], size)[..., ::-1]
    return (cotangent * scale - 2 * alpha * beta * x * inner,)


local_response_norm.defvjp(_forward, _backward)


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
