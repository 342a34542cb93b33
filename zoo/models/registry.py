"""Registry of architectures by name, collected from the `MODELS` tables of the modules of this package."""

import dataclasses
import fnmatch
import functools
import importlib
import pkgutil
import re
import typing
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

import zoo.models
from zoo.errors import ZooError, shown, unknown
from zoo.models.layout import Layout
from zoo.recipe.part import LARGEST_INT, check_values, conform, describe

BLOCK_COUNTS = {"depths", "blocks"}  # options that are numbers of blocks, which may be zero in a stage
DROP_RATES = {"dropout", "input_dropout", "aux_dropout", "drop_path"}


@dataclasses.dataclass(frozen=True)
class Entry:
    """Metadata of a model.

    Attributes:
      module: class of the flax module, whose `smallest` is the minimum height and width of an image in pixels.
      input_shape: the canonical input, (height, width, channels).
      paper: reference for the network.
      num_classes: of the canonical network.
      options: constructor arguments that define this variant.
      rates: constructor arguments that only affect training, such as dropout; other values are the same variant.
      layouts: names of its layers in other frameworks, by framework; see `zoo.import_weights`.
    """

    module: type[nn.Module]
    input_shape: tuple[int, int, int]
    paper: str
    num_classes: int = 1000
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    rates: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    layouts: Mapping[str, Layout] = dataclasses.field(default_factory=dict)

    @property
    def year(self) -> int:
        """Year of the paper."""
        year = re.search(r"\b(19|20)\d\d\b", self.paper)
        assert year is not None, self.paper
        return int(year[0])


@functools.cache
def entries() -> Mapping[str, Entry]:
    """Returns the entries of all models by name."""
    found: dict[str, Entry] = {}
    for module in pkgutil.iter_modules(zoo.models.__path__):
        if module.name == "__main__":
            continue
        family = getattr(importlib.import_module(f"zoo.models.{module.name}"), "MODELS", {})
        if twice := found.keys() & family.keys():
            raise ValueError(f"zoo.models.{module.name}: duplicate model {min(twice)!r}")
        found |= family
    return MappingProxyType(dict(sorted(found.items())))


def find_entry(name: str) -> Entry:
    """Returns the entry of the model `name`.

    Raises:
      ZooError: there is no such model; the message suggests the nearest name.
    """
    if name not in entries():
        raise unknown("model", name, entries())
    return entries()[name]


def name_of(model: nn.Module) -> str | None:
    """Returns the name with which `create_model` creates such a network, or None if it is not from the zoo."""
    for name, entry in entries().items():
        if type(model) is entry.module and all(
            getattr(model, option) == value for option, value in entry.options.items()
        ):
            return name
    return None


def list_models(pattern: str = "*") -> list[str]:
    """Returns the names of the models that match a shell-style pattern, such as "resnet*"."""
    return fnmatch.filter(entries(), pattern)


def create_model(name: str, num_classes: int | None = None, dtype: Any = jnp.float32, **overrides: Any) -> nn.Module:
    """Creates a model by name.

    Args:
      name: see `list_models`.
      num_classes: number of logits; the canonical network's if None.
      dtype: of the computation; parameters are always float32.
      **overrides: further attributes of the module, such as `dropout=0.0`.

    Returns:
      A flax module with `model.init(key, images, train=False)` and `model.apply(variables, images, train=False)`, which
      returns logits [N, num_classes] for float images [N, H, W, C].

    Raises:
      ZooError: there is no such model or attribute (the message suggests the nearest name), or a value has the wrong
        type or is out of range.
    """
    entry = find_entry(name)
    overrides = {option: _checked(name, entry, option, value) for option, value in overrides.items()}
    if num_classes is None:
        num_classes = entry.num_classes
    if isinstance(num_classes, bool) or not isinstance(num_classes, int | np.integer):
        raise ZooError(f"{name}: num_classes must be an integer, not {shown(num_classes)}")
    if not 1 <= num_classes <= LARGEST_INT:
        raise ZooError(f"{name}: num_classes must be from 1 to {LARGEST_INT:,}, not {shown(num_classes)}")
    return entry.module(num_classes=num_classes, dtype=dtype, **{**entry.options, **entry.rates, **overrides})


def _checked(name, entry, option, value):
    """Returns the value of an attribute of a module, converted to the annotated type."""
    attributes = [field.name for field in dataclasses.fields(entry.module) if field.name not in ("parent", "name")]
    if option not in attributes:
        raise unknown(f"option of {name}", option, attributes)
    hint = typing.get_type_hints(entry.module)[option]
    try:
        value = conform(value, hint)
    except TypeError:
        raise ZooError(f"{name}: {option} must be {describe(hint)}, not {shown(value)}") from None
    check_values(f"{name}: {option}", value)
    least = 0 if option in BLOCK_COUNTS else 1
    if hint in (int, tuple[int, ...]) and any(
        each < least for each in (value if isinstance(value, tuple) else (value,))
    ):
        raise ZooError(f"{name}: {option} must be at least {least}, not {shown(value)}")
    if option in DROP_RATES and not 0 <= value < 1:
        raise ZooError(f"{name}: {option} must be in [0, 1), not {value:g}")
    return value
