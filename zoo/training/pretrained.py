"""Preparation of images for fine-tuning as the weights were trained: those of a run, or published ones."""

import os
from typing import Any

from zoo.data.resize_crop import output_size, split_host_transforms
from zoo.errors import ZooError
from zoo.files import expand
from zoo.models.preprocessing import Preprocessing
from zoo.recipe import ChannelMeanStd, FixedMeanStd, PixelMean, Recipe
from zoo.recipe.augmentation import Normalize, ReverseChannels, Transform
from zoo.training.run.files import RunFiles
from zoo.weights.detection import find_layout, layouts_of


def prepared_as_trained(recipe: Recipe) -> dict[str, Any]:
    """Returns the changes with which a recipe prepares images as its weights, `transfer.source`, were trained.

    `zoo.fit(recipe.override(changes))` trains with them. They are

    - for a weight file, the mean, standard deviation, resize and crop of the published weights in the file's layout,
      see `zoo.models.preprocessing`, as `normalization` and `augmentation.eval`; the latter only if the crop is as
      large as the recipe's;
    - for a run, its `normalization`, with the mean and standard deviation that were measured on its data.

    A change that the recipe does not need is left out, and all are if nothing is known about the weights.

    Raises:
      ZooError: the weights cannot be read, or are not those of the recipe's network.
    """
    if recipe.transfer is None or recipe.transfer.source is None:
        return {}
    source = expand(recipe.transfer.source)
    if os.path.isdir(source):
        changes = _of_run(RunFiles(source))
    else:
        name = recipe.model.name
        found = find_layout(name, source, recipe.transfer.layout)
        published = layouts_of(name)[found.layout].preprocessing
        changes = _of_published(recipe, published) if published else {}
    return {path: value for path, value in changes.items() if value != _current(recipe, path)}


def _current(recipe, path):
    return recipe.normalization if path == "normalization" else getattr(recipe.augmentation, path.split(".")[1])


def _of_run(run: RunFiles) -> dict[str, Any]:
    normalization = Recipe.from_json(run.read_identity()["recipe"]).normalization
    statistics = run.read_statistics()
    if isinstance(normalization, PixelMean) or statistics is None:  # a mean image is no field of a recipe
        return {}
    if not isinstance(normalization, ChannelMeanStd):
        return {"normalization": normalization}
    mean, std = (tuple(map(float, each)) for each in (statistics.mean, statistics.scale))
    return {"normalization": FixedMeanStd(mean, std)}


def _of_published(recipe: Recipe, published: Preprocessing) -> dict[str, Any]:
    changes: dict[str, Any] = {"normalization": FixedMeanStd(published.mean, published.std)}
    augmentation = recipe.augmentation
    if _size(augmentation.eval) == published.crop:
        changes["augmentation.eval"] = published.transforms
    if published.bgr:
        for path, transforms in (("train", augmentation.train), ("eval", augmentation.eval)):
            changes.setdefault(f"augmentation.{path}", _reversed(transforms))
    return changes


def _size(transforms: tuple[Transform, ...]) -> int | None:
    """Returns height and width of the image after resize and crop; None if they are not fixed."""
    try:
        return output_size(split_host_transforms(transforms)[0])
    except ZooError:
        return None


def _reversed(transforms: tuple[Transform, ...]) -> tuple[Transform, ...]:
    """Returns the transforms with the channels reversed after normalization."""
    place = transforms.index(Normalize()) + 1
    return (
        transforms if ReverseChannels() in transforms else (*transforms[:place], ReverseChannels(), *transforms[place:])
    )
