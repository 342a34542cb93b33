"""mixup and CutMix of neighbouring examples in a batch; see `zoo.recipe.Mixing` for why neighbours are paired."""

import functools

import jax
import jax.numpy as jnp

from zoo.data.augment.erasing import rectangle
from zoo.data.normalization import Array
from zoo.recipe.augmentation import CutMix, Mixing, Mixup, OneOf, PairMixing


def mix(mixing: Mixing, images: jax.Array, weight: Array, keys: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mixes each example with its neighbour.

    Args:
      mixing: the mixing of the recipe.
      images: float32 [n, H, W, C], with n even.
      weight: float32 [n]; an example is not mixed if its neighbour has weight 0, that is, if its image cannot be
        decoded.
      keys: PRNG keys [n], one per example.

    Returns:
      The mixed images, and float32 [n], the weight of each example's own image and label; its neighbour has the rest.
    """
    mixed, fraction = jax.vmap(functools.partial(mix_example, mixing))(images, _neighbours(images), keys)
    paired = _neighbours(weight) > 0
    return jnp.where(paired[:, None, None, None], mixed, images), jnp.where(paired, fraction, 1.0)


def soft_targets(labels: Array, fraction: jax.Array | None, num_classes: int) -> jax.Array:
    """Returns target probabilities [n, num_classes].

    Args:
      labels: int32 [n].
      fraction: float32 [n], the weight of each example's own label, as returned by `mix`; None without mixing.
      num_classes: number of classes.
    """
    own = jax.nn.one_hot(labels, num_classes)
    return own if fraction is None else fraction[:, None] * own + (1 - fraction[:, None]) * _neighbours(own)


def _neighbours(array):
    """Swaps positions 2i and 2i + 1."""
    return array.reshape(-1, 2, *array.shape[1:])[:, ::-1].reshape(array.shape)


@functools.singledispatch
def mix_example(mixing: Mixing, image: jax.Array, other: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mixes one example with another; register an implementation for a mixing that is not a `PairMixing`.

    Args:
      mixing: the mixing of the recipe.
      image, other: float32 [H, W, C], the images of the example and of its neighbour.
      key: PRNG key of the example.

    Returns:
      The mixed image, and the weight of the example's own image and label.
    """
    raise TypeError(type(mixing).__name__)


@mix_example.register
def _pair(mixing: PairMixing, image: jax.Array, other: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    mixed, fraction = mix_pair(mixing, image, other, key)
    chosen = jax.random.bernoulli(jax.random.fold_in(key, 1), mixing.probability)
    return jnp.where(chosen, mixed, image), jnp.where(chosen, fraction, 1.0)


@mix_example.register
def _one_of(mixing: OneOf, image: jax.Array, other: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    which = jax.random.randint(jax.random.fold_in(key, 2), (), 0, len(mixing.mixings))
    results = [mix_example(each, image, other, key) for each in mixing.mixings]
    images, fractions = (jnp.stack(values) for values in zip(*results, strict=True))
    return images[which], fractions[which]


@functools.singledispatch
def mix_pair(mixing: PairMixing, image: jax.Array, other: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mixes an example that was chosen to be mixed; to add a `PairMixing`, register an implementation for its class.

    Arguments and results are those of `mix_example`.
    """
    raise TypeError(type(mixing).__name__)


@mix_pair.register
def _mixup(mixing: Mixup, image: jax.Array, other: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    fraction = jax.random.beta(key, mixing.alpha, mixing.alpha)
    return fraction * image + (1 - fraction) * other, fraction


@mix_pair.register
def _cut_mix(mixing: CutMix, image: jax.Array, other: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    height, width = image.shape[:2]
    fraction_key, place_key = jax.random.split(key)
    size = jnp.array([height, width])
    cut = jnp.sqrt(1 - jax.random.beta(fraction_key, mixing.alpha, mixing.alpha))
    middle = jax.random.randint(place_key, (2,), 0, size)
    half = jnp.floor(size * cut).astype(jnp.int32) // 2
    inside = rectangle(height, width, middle - half, middle + half)
    return jnp.where(inside[..., None], other, image), 1 - inside.mean()
