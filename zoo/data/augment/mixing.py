"""Mixes neighbouring examples of a batch; `zoo.recipe.Mixing` says why neighbours."""

import functools

import jax
import jax.numpy as jnp

from zoo.data.augment.erasing import rectangle
from zoo.data.normalization import Array
from zoo.recipe.augmentation import CutMix, Mixing, Mixup, OneOf, PairMixing


def mix(mixing: Mixing, images: jax.Array, weight: Array, keys: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mixes each example with its neighbour.

    Args:
      mixing: the recipe's.
      images: float32 [n, H, W, C], with n even.
      weight: float32 [n]; an example whose neighbour has weight 0, because its image cannot be decoded, stays as it is.
      keys: [n], each example's own.

    Returns:
      The mixed images, and float32 [n], the part of each that is its own.
    """
    mixed, share = jax.vmap(functools.partial(_mixed, mixing))(images, _neighbours(images), keys)
    paired = _neighbours(weight) > 0
    return jnp.where(paired[:, None, None, None], mixed, images), jnp.where(paired, share, 1.0)


def soft_targets(labels: Array, share: jax.Array | None, num_classes: int) -> jax.Array:
    """Probabilities [n, num_classes] of labels, int32 [n], of which `share` is from `mix`, or None without mixing."""
    own = jax.nn.one_hot(labels, num_classes)
    return own if share is None else share[:, None] * own + (1 - share[:, None]) * _neighbours(own)


def _neighbours(array):
    """Places 2i and 2i + 1 exchanged."""
    return array.reshape(-1, 2, *array.shape[1:])[:, ::-1].reshape(array.shape)


@functools.singledispatch
def _mixed(mixing: Mixing, image: jax.Array, other: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """One example after mixing, and the part of it that is its own."""
    raise TypeError(type(mixing).__name__)


@_mixed.register
def _pair(mixing: PairMixing, image: jax.Array, other: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    mixed, share = _mixed_with(mixing, image, other, key)
    chosen = jax.random.bernoulli(jax.random.fold_in(key, 1), mixing.probability)
    return jnp.where(chosen, mixed, image), jnp.where(chosen, share, 1.0)


@_mixed.register
def _one_of(mixing: OneOf, image: jax.Array, other: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    which = jax.random.randint(jax.random.fold_in(key, 2), (), 0, len(mixing.mixings))
    results = [_mixed(each, image, other, key) for each in mixing.mixings]
    images, shares = (jnp.stack(values) for values in zip(*results, strict=True))
    return images[which], shares[which]


@functools.singledispatch
def _mixed_with(mixing: PairMixing, image: jax.Array, other: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The same, if it is mixed at all."""
    raise TypeError(type(mixing).__name__)


@_mixed_with.register
def _mixup(mixing: Mixup, image: jax.Array, other: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    share = jax.random.beta(key, mixing.alpha, mixing.alpha)
    return share * image + (1 - share) * other, share


@_mixed_with.register
def _cut_mix(mixing: CutMix, image: jax.Array, other: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    height, width = image.shape[:2]
    share_key, place_key = jax.random.split(key)
    size = jnp.array([height, width])
    cut = jnp.sqrt(1 - jax.random.beta(share_key, mixing.alpha, mixing.alpha))
    middle = jax.random.randint(place_key, (2,), 0, size)
    half = jnp.floor(size * cut).astype(jnp.int32) // 2
    inside = rectangle(height, width, middle - half, middle + half)
    return jnp.where(inside[..., None], other, image), 1 - inside.mean()
