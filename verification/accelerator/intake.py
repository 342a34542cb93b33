"""Import of accelerator results: reference runs into ledgers, times into `performance/`, the rest into `results/`."""

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
    """Appends the lines of a results folder to their destination files; lines that are already there are skipped.

    Args:
      folder: output folder of `python -m verification.accelerator --output=`.

    Returns:
      The files that were extended.

    Raises:
      ZooError: the folder has no results, or is of a rehearsal.
    """
    lines = read_results([folder])
    if not lines:
        raise ZooError(f"{printable(folder)} has no results of python -m verification.accelerator")
    if any(line["machine"].get("rehearsal") for line in lines if "machine" in line):
        raise ZooError(f"{printable(folder)} is of a rehearsal, whose results are not valid")
    extended = []
    for line in lines:
        if "machine" not in line:  # the process died without reporting its machine
            continue
        for path, content in _places(line):
            if _add(path, content):
                extended.append(path)
    return list(dict.fromkeys(extended))


def _places(line: Mapping[str, Any]):
    """Yields the destination files of a line, each with the content to write."""
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
    """Appends a line to a JSON-lines file unless it is already there; returns whether it was appended."""
    text = json.dumps(content)
    if path.exists() and text in path.read_text(encoding="utf-8").splitlines():
        return False
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text + "\n")
    return True


def read_all() -> list[dict[str, Any]]:
    """Returns the last imported line of each piece on each device."""
    last = {(line["machine"]["device"], line["job"], line["unit"]): line for line in read_results([RESULTS])}
    return [last[key] for key in sorted(last)]


def table_of_agreement(lines: Sequence[Mapping[str, Any]] | None = None) -> str:
    """Returns the Markdown table of agreement with the CPU: a row per device and precision."""
    rows = [
        "| device | precision | networks | agree | largest logit error, stds | largest median gradient error |",
        "|---|---|---|---|---|---|",
    ]
    for device, found in _by_device(lines, "right"):
        for precision in PRECISIONS:
            agreeing = str(sum(line["agrees"] for line in found)) if precision == "highest" else "-"
            logits = max(found, key=lambda line: line[precision]["logits"])
            gradients = max(found, key=lambda line: line[precision]["gradients"])
            rows.append(
                f"| {device} | {PRECISIONS[precision]} | {len(found)} | {agreeing} |"
                f" {logits[precision]['logits']:.1e} (`{logits['unit']}`) |"
                f" {gradients[precision]['gradients']:.1e} (`{gradients['unit']}`) |"
            )
    return _or_none(rows)


PRECISIONS = {
    "highest": "float32, highest precision",
    "default": "float32, default precision",
    "bfloat16": "bfloat16",
}


def table_of_determinism(lines: Sequence[Mapping[str, Any]] | None = None) -> str:
    """Returns the Markdown table of determinism: a row per piece."""
    rows = ["| device | checked | identical |", "|---|---|---|"]
    for device, found in _by_device(lines, "deterministic"):
        for line in found:
            agrees = {True: "yes", False: "no", None: "not run"}[line["agrees"]]
            rows.append(f"| {device} | {line['unit']} | {agrees} |")
    return _or_none(rows)


def table_of_learning(lines: Sequence[Mapping[str, Any]] | None = None) -> str:
    """Returns the Markdown table of all runs of `resnet9_cifar10_fast`."""
    rows = [
        "| device | runs | reached 94 % | top-1, mean and range | training, s, median | with evaluation, s |",
        "|---|---|---|---|---|---|",
    ]
    for device, found in _by_device(lines, "converges"):
        accuracies = [line["top1"] or 0.0 for line in found]
        later = [line for line in found if not line["first"]] or found
        training, whole = (_median([line[name] for line in later]) for name in ("training_seconds", "seconds"))
        rows.append(
            f"| {device} | {len(found)} | {sum(top1 >= 0.94 for top1 in accuracies)} |"
            f" {sum(accuracies) / len(accuracies):.4f} ({min(accuracies):.4f} to {max(accuracies):.4f}) |"
            f" {training:.1f} | {whole:.1f} |"
        )
    return _or_none(rows)


def _median(values):
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _by_device(lines, job):
    found: dict[str, list[Mapping[str, Any]]] = {}
    for line in read_all() if lines is None else lines:
        if line["job"] == job and "error" not in line:
            found.setdefault(line["machine"]["device"], []).append(line)
    return sorted(found.items())


def _or_none(rows):
    return "\n".join(rows) if len(rows) > 2 else "Not run on an accelerator yet."
