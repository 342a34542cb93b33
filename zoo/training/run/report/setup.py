"""What a run was made of: recipe with provenance, data, environment, and the commands that make it again."""

import itertools
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import ZooError, listed, short
from zoo.page.elements import Markup, code, pairs, paragraph, scrolled, text
from zoo.page.values import value_text
from zoo.recipe import Recipe

MOST_CLASSES = 12  # whose counts are listed
MOST_REMARKS = 8  # lines about data
MOST_NAME = 40  # characters of a class name
MOST_VALUE = 200  # characters of a value
PROGRAM = "zoo.train"


def fields(recipe: Recipe) -> Markup:
    """Returns a table of all fields of a recipe, with the source of each; consecutive fields share a cell."""
    rows = [(path, short(value_text(value), MOST_VALUE), source) for path, value, source in _sourced(recipe)]
    lines = []
    for source, group in itertools.groupby(rows, lambda row: row[2]):
        same = list(group)
        for place, (path, value, _) in enumerate(same):
            cell = f'<td rowspan="{len(same)}">{text(source)}</td>' if place == 0 else ""
            lines.append(f"<tr><td>{text(path)}</td><td>{text(value)}</td>{cell}</tr>\n")
    head = "".join(f'<th scope="col">{name}</th>' for name in ("field", "value", "source of the value"))
    return scrolled(f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{''.join(lines)}</tbody>\n</table>")


def _sourced(recipe: Recipe) -> Iterator[tuple[str, Any, str]]:
    """Yields path, value and provenance of each field; the kind of a part has the path of the part."""
    for path, value in recipe.flat().items():
        path = path.removesuffix("kind").rstrip(".")
        if not path:
            continue
        try:
            source = recipe.source_of(path)
        except ZooError:  # below a mapping whose keys have dots
            source = recipe.source_of(path.split(".")[0])
        yield path, value, source or ("-" if value is None else "not stated")


def data(content: Mapping[str, Any]) -> list[str]:
    """Returns what the data set contains, from `data.json`."""
    if not content:
        return []
    counts = content.get("examples by class")
    rows = {name: content.get(name) for name in ("source", "training", "evaluation")}
    if isinstance(counts, Mapping):
        numbers = (each if isinstance(each, list) else [each] for each in counts.values())
        named = [
            f"{short(name, MOST_NAME)} {' + '.join(map(value_text, each))}"
            for name, each in zip(counts, numbers, strict=True)
        ]
        rows["by class, training + evaluation"] = listed(named, MOST_CLASSES)
    for name in ("left out", "notes"):
        lines = content.get(name)
        if isinstance(lines, list) and lines:
            rows[name] = listed([str(line) for line in lines], MOST_REMARKS, "; ")
    rows["digest"] = content.get("digest")
    return [pairs(rows)]


def environment(content: Mapping[str, Any]) -> list[str]:
    """Returns versions, devices and machine, from `environment.json`."""
    return [pairs({name: value for name, value in content.items() if name != "command"})] if content else []


def commands(path: Path, seed: int, command: Any, *, finished: bool, failed: bool) -> list[str]:
    """Returns how to find out why a run failed, how to resume it, if it is not finished, and how to repeat it.

    Args:
      path: of the run's folder.
      seed: of the run.
      command: that started it, from `environment.json`.
      finished: whether it has a verdict.
      failed: whether it did not converge.
    """
    words = _without_workdir(command) if isinstance(command, list) else None
    if words is None:  # started from Python
        resume, repeat = _python(path, seed, path), _python(path, seed, f"{path}-again")
        condition = ", with the same dataset and model if they were passed to zoo.fit"
    else:
        resume, repeat = (shlex.join([*words, f"--workdir={folder}"]) for folder in (path, f"{path}-again"))
        condition = ""
    diagnose = shlex.join(["python", "-m", "zoo.doctor", str(path)])
    parts = [paragraph("To find out why it did not converge:"), code(diagnose)] if failed else []
    if not finished:
        parts += [paragraph(f"To resume it{condition}:"), code(resume)]
    return [*parts, paragraph(f"To repeat it from the start{condition}:"), code(repeat)]


def _without_workdir(command: Sequence[Any]) -> list[str] | None:
    """Returns the words of a command of `zoo.train` without --workdir; None if it is another command."""
    words = [str(word) for word in command]
    if ("-m", PROGRAM) not in itertools.pairwise(words):
        return None
    kept, skipped = [], False
    for word in words:
        if not skipped and not word.startswith(("--workdir=", "-workdir=")) and word not in ("--workdir", "-workdir"):
            kept.append(word)
        skipped = word in ("--workdir", "-workdir")
    return kept


def _python(path, seed, folder):
    return (
        "import zoo\nfrom zoo.training.run.files import RunFiles\n"
        f"recipe = zoo.recipe.Recipe.from_json(RunFiles({str(path)!r}).read_identity()['recipe'])\n"
        f"zoo.fit(recipe, {str(folder)!r}, seed={seed})"
    )
