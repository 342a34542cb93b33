"""What several networks or recipes share, which the quick tier checks in the first of them only."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from zoo.catalog import load_recipe
from zoo.models.registry import find_entry
from zoo.recipe import Augmentation, Recipe, ReduceOnPlateau, TenCrop
from zoo.recipe.augmentation import Mixing, Transform
from zoo.recipe.part import Part

NOTHING: Mapping[str, str] = MappingProxyType({})  # what `recipes_before` returns if no other recipe shows anything
# The fields of a recipe that its training and evaluation steps are made of, apart from the network.
OF_STEPS = (
    "data.source", "normalization", "augmentation", "optimizer", "schedule", "regularization", "precision", "loss",
    "clipping", "weight_average", "early_stopping", "imbalance",
)  # fmt: skip
# Those that decide which weights a run evaluates and when it ends; and the schedule, if evaluations decide on it.
OF_RUNS = ("weight_average", "early_stopping")


def network_before(name: str, names: Sequence[str]) -> str | None:
    """Returns the first of the names, if it comes before `name`, of a network that is defined in the same file."""
    module = find_entry(name).module
    first = next(each for each in (*names, name) if find_entry(each).module is module)
    return first if first != name else None


def recipes_before(name: str, names: Sequence[str]) -> Mapping[str, str]:
    """Returns, by the names of checks, which earlier recipes show what these would show of this one.

    - distributions: one with the same network, but for the number of classes, and the same initializers;
    - splits: one with the same data;
    - statistics: one with the same data and normalization, of images resized and cropped in the same way;
    - programs, the checks of compiled steps: those that together have every kind of part of this recipe. Two parts are
      of a kind if they are of one class and have the same fields that are not zero, false or empty;
    - run, the checks of a short run: those that have the kinds of what decides in it, see `with_ramp`;
    - transforms: those that together have the same random transforms, and mixing.

    Args:
      name: of a recipe.
      names: of the recipes that are checked, in order.
    """
    earlier = {each: load_recipe(each) for each in names[: [*names, name].index(name)]}
    recipe, shown = load_recipe(name), {}
    for each, other in earlier.items():
        if _initial(other) == _initial(recipe) and not recipe.transfer and not other.transfer:
            shown["distributions"] = each
            break
    for each, other in earlier.items():
        if other.data == recipe.data:
            shown.setdefault("splits", each)
            if other.normalization == recipe.normalization and other.augmentation.eval == recipe.augmentation.eval:
                shown.setdefault("statistics", each)
    of_run = (*OF_RUNS, "schedule") if isinstance(recipe.schedule, ReduceOnPlateau) else OF_RUNS
    parts: dict[str, Callable[[Recipe], Iterable[Any]]] = {
        "programs": kinds_of_parts,
        "run": lambda each: kinds_of_parts(with_ramp(each), of_run),
        "transforms": lambda each: random_parts(each.augmentation),
    }
    for check, of in parts.items():
        if covering := _covering(set(of(recipe)), {each: set(of(other)) for each, other in earlier.items()}):
            shown[check] = ", ".join(covering)
    return shown


def _covering(parts, earlier):
    """Returns the names of the first earlier recipes that together have these parts; None if none have all."""
    covering = []
    for name, others in earlier.items():
        if parts & others:
            covering.append(name)
            parts = parts - others
    return None if parts else covering


def random_parts(augmentation: Augmentation) -> list[Transform | Mixing]:
    """Returns the transforms whose results vary, and mixing if there is any."""
    found: list[Transform | Mixing] = [
        transform
        for transform in (*augmentation.train, *augmentation.eval)
        if transform.random or isinstance(transform, TenCrop)
    ]
    return [*found, augmentation.mixing] if augmentation.mixing else found


def with_ramp(recipe: Recipe) -> Recipe:
    """Returns the recipe with an average of weights, if any, that follows them at once, as a short run needs."""
    return recipe.override({"weight_average.ramp": True}) if recipe.weight_average is not None else recipe


def _initial(recipe):
    return dataclasses.replace(recipe.model, num_classes=None), recipe.initialization


def kinds_of_parts(recipe: Recipe, fields: Sequence[str] = OF_STEPS) -> Iterator[tuple[Any, ...]]:
    """Yields place, class and set fields of all parts in some fields of a recipe, down to single transforms."""
    for field in fields:
        value: Any = recipe
        for attribute in field.split("."):
            value = getattr(value, attribute)
        yield from _kinds(field, value)


def _kinds(place, value):
    if isinstance(value, tuple):
        for each in value:
            yield from _kinds(place, each)
    elif isinstance(value, Part):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        inner = {name: part for name, part in fields.items() if _has_parts(part)}
        yield place, type(value).__name__, tuple(name for name in fields if name not in inner and fields[name])
        for name, part in inner.items():
            yield from _kinds(f"{place}.{name}", part)
    else:
        yield place, value


def _has_parts(value):
    return isinstance(value, Part) or (isinstance(value, tuple) and any(isinstance(each, Part) for each in value))
