"""Access to the fields of a recipe by dotted path, such as "schedule.peak"."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from zoo.errors import ZooError, shown, unknown
from zoo.recipe.part import Part, conform, describe, field_types, warn_renamed


def get(part: Any, path: str) -> Any:
    """Returns the value at a dotted path below a part.

    Raises:
      ZooError: the path does not exist; the message names the nearest one.
    """
    value = part
    for name in path.split("."):
        value = _child(value, name, path)
    return value


def current_path(part: Any, path: str, *, warn: bool = True) -> str:
    """A dotted path below a part, in which earlier names of fields are replaced by the current ones.

    Args:
      part: the part that the path starts from.
      path: the dotted path; what does not exist is left as it is.
      warn: whether an earlier name causes a `ZooWarning`.
    """
    names = path.split(".")
    for index, name in enumerate(names):
        if isinstance(part, Part) and name in part.earlier_names:
            names[index] = part.earlier_names[name]
            if warn:
                warn_renamed(path, ".".join(names))
        try:
            part = _child(part, names[index], path)
        except ZooError:
            break
    return ".".join(names)


def type_at(recipe: Part, path: str) -> Any:
    """Returns the type of the field at a dotted path; `Any` below a mapping or a list."""
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
    if isinstance(value, tuple) and name in map(str, range(len(value))):  # but not "00", which `replace` would not find
        return value[int(name)]
    if isinstance(value, Mapping) and name in value:
        return value[name]
    raise ZooError(f"unknown recipe field {shown(path)}: {shown(name)} is not in {shown(value)}")


def replace(parent: Any, changes: Iterable[tuple[list[str], Any]], prefix: str) -> Any:
    """Returns a copy of a part, mapping or tuple with changed values.

    Changes to the same part are made together, so that it is validated once.

    Args:
      parent: the part, mapping or tuple to copy.
      changes: pairs of a path, as a list of names, and a value.
      prefix: the path of `parent`, for error messages.

    Raises:
      ZooError: a path does not exist, or a value is invalid.
    """
    by_name: dict[str, list[tuple[list[str], Any]]] = {}
    for (name, *rest), value in changes:
        by_name.setdefault(name, []).append((rest, value))
    values = {}
    for name, below in by_name.items():
        path = f"{prefix}{name}"
        rest, value = below[-1]
        if len(below) > 1 and not all(rest for rest, _ in below):
            raise ZooError(f"{path} and a field below it are both changed: change one of them")
        # Mappings, such as a model's options, accept new keys.
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
    """Yields the dotted path, below `prefix`, and the value of each leaf of nested mappings and lists."""
    items = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else None
    if items is None or not data:
        yield prefix, data
        return
    for name, item in items:
        yield from flatten(item, f"{prefix}.{name}" if prefix else str(name))
