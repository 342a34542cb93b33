"""Takes in what came back from an accelerator: reference runs into ledgers, times into the tables, all into `results/`."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from verification import ledger, performance
from verification.accelerator.runner import read_results
from zoo.errors import ZooError, printable

RESULTS = Path(__file__).parent / "results"
REFERENCES = ("ledgers", "long")


def take_in(folder: Path) -> list[Path]:
    """Adds the lines of a folder to the files that they belong to, each once however often it is taken in.

    Args:
      folder: that `python -m verification.accelerator --output=` wrote.

    Returns:
      The files that have grown.

    Raises:
      ZooError: there is nothing in the folder, or it is of a rehearsal.
    """
    lines = read_results([folder])
    if not lines:
        raise ZooError(f"{printable(folder)} has no results of python -m verification.accelerator")
    if any(line["machine"].get("rehearsal") for line in lines if "machine" in line):
        raise ZooError(f"{printable(folder)} is of a rehearsal, which says nothing")
    grown = []
    for line in lines:
        if "machine" not in line:  # its process ended, and could not say on what
            continue
        for path, content in _places(line):
            if _add(path, content):
                grown.append(path)
    return list(dict.fromkeys(grown))


def _places(line: Mapping[str, Any]):
    """The files that a line belongs to, each with what is written there."""
    card = re.sub(r"\W+", "-", line["machine"]["device"]).strip("-").lower()
    if "error" in line:
        yield RESULTS / f"{card}.jsonl", line
    elif line["job"] in REFERENCES:
        own = ("job", "unit", "took", "machine", "platform")
        run = {name: value for name, value in line.items() if name not in own}
        yield ledger.ledger_path(run["recipe"], line["platform"]), run
    else:
        yield RESULTS / f"{card}.jsonl", line
        if line["job"] == "fast" and "sides" in line:
            own = ("job", "unit", "took", "machine")
            result = {name: value for name, value in line.items() if name not in own}
            yield performance.FOLDER / "steps" / f"{card}.jsonl", result


def _add(path, content):
    """Whether a file of JSON lines lacked this one, which is then added."""
    text = json.dumps(content)
    if path.exists() and text in path.read_text(encoding="utf-8").splitlines():
        return False
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text + "\n")
    return True


def read_all() -> list[dict[str, Any]]:
    """All lines that were taken in; of each piece on each card the last counts."""
    last = {(line["machine"]["device"], line["job"], line["unit"]): line for line in read_results([RESULTS])}
    return [last[key] for key in sorted(last)]


def table_of_agreement(lines: Sequence[Mapping[str, Any]] | None = None) -> str:
    """How closely each card agrees with the CPU, in Markdown: a row for each card and way of computing."""
    rows = [
        "| card | computed in | networks | agree | worst logit, standard deviations | worst gradient, median of a network |",
        "|---|---|---|---|---|---|",
    ]
    for card, of_card in _by_card(lines, "right"):
        for way in ("highest", "default", "bfloat16"):
            agreeing = str(sum(line["agrees"] for line in of_card)) if way == "highest" else "-"
            logits = max(of_card, key=lambda line: line[way]["logits"])
            gradients = max(of_card, key=lambda line: line[way]["gradients"])
            rows.append(
                f"| {card} | {WAYS[way]} | {len(of_card)} | {agreeing} | {logits[way]['logits']:.1e} (`{logits['unit']}`) |"
                f" {gradients[way]['gradients']:.1e} (`{gradients['unit']}`) |"
            )
    return _or_none(rows)


WAYS = {
    "highest": "float32, highest precision",
    "default": "float32, default precision",
    "bfloat16": "bfloat16",
}


def table_of_determinism(lines: Sequence[Mapping[str, Any]] | None = None) -> str:
    """What gives the same bits twice, in Markdown: a row for each trial."""
    rows = ["| card | tried | the same |", "|---|---|---|"]
    for card, of_card in _by_card(lines, "deterministic"):
        for line in of_card:
            agrees = {True: "yes", False: "no", None: "not tried"}[line["agrees"]]
            rows.append(f"| {card} | {line['unit']} | {agrees} |")
    return _or_none(rows)


def table_of_learning(lines: Sequence[Mapping[str, Any]] | None = None) -> str:
    """The runs of `resnet9_cifar10_fast`, in Markdown: every run counts."""
    rows = [
        "| card | runs | reached 94 % | top-1, mean and range | training, s, median | with evaluation, s |",
        "|---|---|---|---|---|---|",
    ]
    for card, of_card in _by_card(lines, "converges"):
        reached = [line["top1"] or 0.0 for line in of_card]
        later = [line for line in of_card if not line["first"]] or of_card
        training, whole = (_median([line[name] for line in later]) for name in ("training_seconds", "seconds"))
        rows.append(
            f"| {card} | {len(of_card)} | {sum(top1 >= 0.94 for top1 in reached)} | {sum(reached) / len(reached):.4f}"
            f" ({min(reached):.4f} to {max(reached):.4f}) | {training:.1f} | {whole:.1f} |"
        )
    return _or_none(rows)


def _median(values):
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _by_card(lines, job):
    found: dict[str, list[Mapping[str, Any]]] = {}
    for line in read_all() if lines is None else lines:
        if line["job"] == job and "error" not in line:
            found.setdefault(line["machine"]["device"], []).append(line)
    return sorted(found.items())


def _or_none(rows):
    return "\n".join(rows) if len(rows) > 2 else "Not run on an accelerator yet."
