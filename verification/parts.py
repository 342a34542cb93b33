"""The table of the parts of recipes, generated from the fields of `zoo.recipe.Recipe` and the classes that fit them."""

import typing
from collections.abc import Iterator

import zoo.recipe
from zoo.recipe import Recipe
from zoo.recipe.part import Part, field_types

PUBLIC = [getattr(zoo.recipe, name) for name in zoo.recipe.__all__]


def table_of_parts() -> str:
    """Makes a table in Markdown: a row for each field, with its public parts and a description.

    Fields below a part have a dotted path. Where many parts fit, as transforms do, there is a row for each module.
    """
    lines = ["| field | parts | description |", "|---|---|---|"]
    for path, base, parts in _rows(Recipe, "", set()):
        modules = {part.__module__ for part in parts}
        for module in sorted(modules) if len(parts) > 12 else [None]:
            of_module = [part for part in parts if module in (None, part.__module__)]
            subject = f" ({module.rsplit('.', 1)[1].replace('_', ' ')})" if module else ""
            names = ", ".join(f"`{part.__name__}`" for part in of_module)
            lines.append(f"| `{path}`{subject} | {names} | {_summary(base)} |")
    return "\n".join(lines)


def _rows(cls: type[Part], prefix: str, seen: set[type]) -> Iterator[tuple[str, type[Part], list[type[Part]]]]:
    """The path, the class of the field and its public parts, depth first; a class is listed where it appears first."""
    for name, hint in field_types(cls).items():
        for base in _part_classes(hint):
            parts = [each for each in PUBLIC if isinstance(each, type) and issubclass(each, base)]
            if base in seen or not parts:
                continue
            seen.add(base)
            yield f"{prefix}{name}", base, parts
            if parts == [base]:
                yield from _rows(base, f"{prefix}{name}.", seen)


def _part_classes(hint) -> Iterator[type[Part]]:
    """The subclasses of `Part` in a type, such as in `tuple[Transform, ...]`, also behind unions."""
    if isinstance(hint, type) and issubclass(hint, Part):
        yield hint
    for argument in typing.get_args(hint):
        yield from _part_classes(argument)


def _summary(cls: type[Part]) -> str:
    """The first sentence of a class's docstring."""
    paragraph = (cls.__doc__ or "").split("\n\n")[0]
    return " ".join(paragraph.split()).split(". ")[0].rstrip(".")
