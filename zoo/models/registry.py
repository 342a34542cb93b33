"""Finds architectures by name: every module of this package that has a `MODELS` table is a family."""

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

LAYERS = {"depths", "blocks"}  # numbers of layers, of which there may be none in a stage
SHARES = {"dropout", "input_dropout", "aux_dropout", "drop_path"}  # of what is dropped


@dataclasses.dataclass(frozen=True)
class Entry:
    """What is known of a model besides its code.

    Attributes:
      module: the flax module's class, whose `smallest` is the number of pixels that an image must have on each side.
      input_shape: the canonical input, (height, width, channels).
      paper: where the network is from.
      num_classes: of the canonical network.
      options: constructor arguments that make this variant.
      rates: constructor arguments that only training minds, such as dropout: with others it is the same variant.
      layouts: what other frameworks call its layers, by the name of the framework; see `zoo.import_weights`.
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
        """Of the paper."""
        year = re.search(r"\b(19|20)\d\d\b", self.paper)
        assert year is not None, self.paper
        return int(year[0])


@functools.cache
def entries() -> Mapping[str, Entry]:
    """All models by name."""
    found: dict[str, Entry] = {}
    for module in pkgutil.iter_modules(zoo.models.__path__):
        if module.name == "__main__":
            continue
        family = getattr(importlib.import_module(f"zoo.models.{module.name}"), "MODELS", {})
        if twice := found.keys() & family.keys():
            raise ValueError(f"zoo.models.{module.name}: there is a model {min(twice)!r} already")
        found |= family
    return MappingProxyType(dict(sorted(found.items())))


def find_entry(name: str) -> Entry:
    """The entry of the model `name`.

    Raises:
      ZooError: there is no such model; the message names the nearest one.
    """
    if name not in entries():
        raise unknown("model", name, entries())
    return entries()[name]


def name_of(model: nn.Module) -> str | None:
    """The name under which `create_model` makes a network like this, whatever its classes; None for a stranger."""
    for name, entry in entries().items():
        if type(model) is entry.module and all(
            getattr(model, option) == value for option, value in entry.options.items()
        ):
            return name
    return None


def list_models(pattern: str = "*") -> list[str]:
    """Names of the models that match a shell-style pattern, such as "resnet*"."""
    return fnmatch.filter(entries(), pattern)


def create_model(name: str, num_classes: int | None = None, dtype: Any = jnp.float32, **overrides: Any) -> nn.Module:
    """Builds an architecture.

    Args:
      name: see `list_models`.
      num_classes: logits; the canonical network's number if None.
      dtype: of the computation; parameters are float32 whatever it is.
      **overrides: further attributes of the module, such as `dropout=0.0`.

    Returns:
      A flax module: `model.init(key, images, train=False)`, `model.apply(variables, images, train=False)` give logits
      [N, num_classes] for float images [N, H, W, C].

    Raises:
      ZooError: there is no such model, or it has no such attribute, and then the message names the nearest one; or a
        value is of another type than the attribute, or is no rate of dropout or stochastic depth.
    """
    entry = find_entry(name)
    overrides = {option: _checked(name, entry, option, value) for option, value in overrides.items()}
    if num_classes is None:
        num_classes = entry.num_classes
    if isinstance(num_classes, bool) or not isinstance(num_classes, int | np.integer):
        raise ZooError(f"{name}: num_classes is {shown(num_classes)}, it must be a whole number")
    if not 1 <= num_classes <= LARGEST_INT:
        raise ZooError(f"{name}: num_classes is {shown(num_classes)}, it must be from 1 to {LARGEST_INT:,}")
    return entry.module(num_classes=num_classes, dtype=dtype, **{**entry.options, **entry.rates, **overrides})


def _checked(name, entry, option, value):
    """The value of an attribute of a module, as its annotation has it."""
    attributes = [field.name for field in dataclasses.fields(entry.module) if field.name not in ("parent", "name")]
    if option not in attributes:
        raise unknown(f"option of {name}", option, attributes)
    hint = typing.get_type_hints(entry.module)[option]
    try:
        value = conform(value, hint)
    except TypeError:
        raise ZooError(f"{name}: {option} must be {describe(hint)}, not {shown(value)}") from None
    check_values(f"{name}: {option}", value)
    least = 0 if option in LAYERS else 1
    if hint in (int, tuple[int, ...]) and any(
        each < least for each in (value if isinstance(value, tuple) else (value,))
    ):
        raise ZooError(f"{name}: {option} must be at least {least}, not {shown(value)}")
    if option in SHARES and not 0 <= value < 1:
        raise ZooError(f"{name}: {option} must be in [0, 1), not {value:g}")
    return value
