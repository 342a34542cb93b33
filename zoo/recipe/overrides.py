"""The fields of a recipe by dotted path, such as "schedule.peak"."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from zoo.errors import ZooError, shown, unknown
from zoo.recipe.part import Part, conform, describe, field_types


def get(part: Any, path: str) -> Any:
    """The value at a dotted path below a part.

    Raises:
      ZooError: the path does not exist; the message names the nearest one.
    """
    value = part
    for name in path.split("."):
        value = _child(value, name, path)
    return value


def type_at(recipe: Part, path: str) -> Any:
    """The type that the field at a dotted path has to have."""
    *parents, name = path.split(".")
    parent = get(recipe, ".".join(parents)) if parents else recipe
    if isinstance(parent, Part):
        _child(parent, name, path)
        return field_types(type(parent))[name]
    return Any


def _child(value, name, path):
    if isinstance(value, Part):
        if name not in field_types(type(value)):
            names = path.split(".")
            index = names.index(name)
            raise unknown(
                "recipe field",
                path,
                [".".join([*names[:index], field, *names[index + 1 :]]) for field in field_types(type(value))],
            )
        return getattr(value, name)
    if isinstance(value, tuple) and name in map(str, range(len(value))):  # not 00, which `replace` would not find
        return value[int(name)]
    if isinstance(value, Mapping) and name in value:
        return value[name]
    raise ZooError(f"unknown recipe field {shown(path)}: there is no {shown(name)} in {shown(value)}")


def replace(parent: Any, changes: Iterable[tuple[list[str], Any]], prefix: str) -> Any:
    """A copy of `parent` with changes [(names, value)]; those to one part are made together, so it is checked once.

    Raises:
      ZooError: a path does not exist, or a value does not fit; `prefix` is what its message puts in front of the path.
    """
    by_name: dict[str, list[tuple[list[str], Any]]] = {}
    for (name, *rest), value in changes:
        by_name.setdefault(name, []).append((rest, value))
    values = {}
    for name, below in by_name.items():
        path = f"{prefix}{name}"
        rest, value = below[-1]
        if len(below) > 1 and not all(rest for rest, _ in below):
            raise ZooError(f"{path} is changed as a whole and in parts at once: say it in one")
        # A new key of a mapping, such as a model's option, is as good as an old one.
        child = parent.get(name) if isinstance(parent, Mapping) and not rest else _child(parent, name, path)
        values[name] = replace(child, below, f"{path}.") if rest else value
        if isinstance(parent, Part):
            hint = field_types(type(parent))[name]
            try:
                values[name] = conform(values[name], hint)
            except TypeError:
                raise ZooError(f"{path} must be {describe(hint)}, not {shown(value)}") from None
    if isinstance(parent, Mapping):
        return {**parent, **values}
    if isinstance(parent, tuple):
        return tuple(values.get(str(index), item) for index, item in enumerate(parent))
    return dataclasses.replace(parent, **values)


def flatten(data: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Every single value of nested mappings and lists, with its dotted path below `prefix`."""
    items = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else None
    if items is None or not data:
        yield prefix, data
        return
    for name, item in items:
        yield from flatten(item, f"{prefix}.{name}" if prefix else str(name))
