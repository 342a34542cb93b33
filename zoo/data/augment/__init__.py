"""The transforms of a recipe as functions of one image and its PRNG key, to be vmapped over a batch on the device."""

import functools
import itertools

import jax
import jax.numpy as jnp

from zoo.data.augment import color, erasing, normalization, policies, resize_crop  # noqa: F401  # register their transforms
from zoo.data.augment.canvas import Canvas, transformed
from zoo.data.augment.geometry import resample
from zoo.data.augment.mixing import mix, soft_targets
from zoo.data.augment.views import average_views
from zoo.data.normalization import Array, Statistics
from zoo.recipe.augmentation import Affine, Transform

__all__ = ["Canvas", "apply", "average_views", "mix", "output_shape", "soft_targets"]


def apply(transforms: tuple[Transform, ...], image: Array, key: jax.Array, statistics: Statistics) -> jax.Array:
    """Applies a recipe's transforms to one image.

    Args:
      transforms: the transforms, applied in order.
      image: uint8 [H, W, C], or float32 [1, 1, F] for features.
      key: PRNG key of this example in this step; that of each transform is derived from it by its index.
      statistics: normalization statistics of the training images.

    Returns:
      float32 [H', W', C]; [10, H', W', C] if the last transform is a `TenCrop`.

    Raises:
      ZooError: a crop is larger than the image.
    """
    canvas = Canvas(jnp.asarray(image, jnp.float32), jnp.ones(image.shape[-1]))
    keys = [jax.random.fold_in(key, index) for index in range(len(transforms))]
    for fill, group in itertools.groupby(zip(transforms, keys, strict=True), _fill_of_map):
        if fill:
            canvas = resample([(each, own_key) for each, own_key in group if isinstance(each, Affine)], canvas)
            continue
        for transform, own_key in group:
            canvas = transformed(transform, canvas, own_key, statistics)
    return canvas.pixels


def _fill_of_map(transform_and_key):
    transform, _ = transform_and_key
    return transform.fill if isinstance(transform, Affine) else None


def output_shape(transforms: tuple[Transform, ...], image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Returns the network's input shape (height, width, channels) for images of the given shape."""
    channels = image_shape[-1]
    statistics = Statistics(jnp.zeros(channels), jnp.ones(channels), jnp.zeros((channels, channels)))
    image = jax.ShapeDtypeStruct(image_shape, jnp.uint8)
    key = jax.eval_shape(lambda: jax.random.key(0))
    seen = jax.eval_shape(functools.partial(apply, transforms), image, key, statistics)
    height, width, channels = seen.shape[-3:]
    return height, width, channels
