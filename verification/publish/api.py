"""The pages of the API reference: an entry for each public name, which mkdocstrings replaces by its documentation."""

from collections.abc import Iterable

import verification
import zoo
import zoo.recipe
from zoo.recipe.part import Part


def page_of_zoo() -> str:
    """Returns the page of the names of `zoo`."""
    said = "The public names of `import zoo`. Each is imported when it is first used."
    return _page("zoo", said, (_entry(f"zoo.{name}", f"{zoo._HOME[name]}.{name}", 2) for name in zoo.__all__))


def page_of_parts() -> str:
    """Returns the page of the parts of recipes, in the order of the modules that define them."""
    by_module: dict[str, list[str]] = {}
    for name in zoo.recipe.__all__:
        value = getattr(zoo.recipe, name)
        if isinstance(value, type) and issubclass(value, Part):
            by_module.setdefault(value.__module__, []).append(name)
    entries = []
    for module, names in by_module.items():
        entries.append(f"## {module.rpartition('.')[2].replace('_', ' ').capitalize()}")
        entries += [_entry(name, f"{module}.{name}", 3) for name in names]
    said = "The parts of recipes, `from zoo.recipe import *`. All are frozen, and equal if all their fields are."
    return _page("zoo.recipe", said, entries)


def page_of_verification() -> str:
    """Returns the page of the names of `verification`."""
    said = "The public names of `import verification`; the program is described in [Verification](../verification.md)."
    homes = {"SEED": "verification.SEED", "check": "verification.like.check"}
    return _page(
        "verification", said, (_entry(f"verification.{name}", homes[name], 2) for name in verification.__all__)
    )


PAGES = {"zoo": page_of_zoo, "zoo.recipe": page_of_parts, "verification": page_of_verification}


def _page(title: str, said: str, entries: Iterable[str]) -> str:
    return "\n\n".join([f"# {title}", said, *entries, ""])


def _entry(name: str, home: str, level: int) -> str:
    """Returns the documentation of an object, by where it is defined, under the name that users import."""
    options = {"heading": name, "toc_label": name, "heading_level": level, "show_root_heading": "true"}
    options["show_root_toc_entry"] = "true"
    return "\n".join([f"::: {home}", "    options:", *(f"      {key}: {value}" for key, value in options.items())])
