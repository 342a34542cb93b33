"""Raw measurements of `python -m zoo.benchmark --json`, and the tables of them.

There is a JSON-lines file per machine in each of `steps/` (steps of networks), `reading/` (reading of images),
`scaling/` and `start/` (startup times). The last of repeated measurements counts. `explanations.json` explains missed
targets.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
STARTUP_TARGETS = {"alexnet": {"cold": 8}, "resnet50": {"warm": 4}}  # seconds
MAX_MEMORY_RATIO = 1.1  # memory of a training step, relative to PyTorch's


def read_steps() -> list[dict[str, Any]]:
    """Returns the last measurement of each network, mode, batch size and precision on each machine, sorted."""
    return _read("steps", lambda result: (result["mode"] == "eval", result["dtype"], result["model"], result["batch"]))


def _read(kind, key):
    last = {}
    for path in sorted((FOLDER / kind).glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            result = json.loads(line)
            last[(path.stem, *key(result))] = result
    return [last[key] for key in sorted(last)]


def table_of_steps() -> str:
    """Returns the Markdown table of training and evaluation steps, and an explanation of each missed target."""
    lines = [
        "| network | mode | zoo, images/s | PyTorch eager, images/s | PyTorch compiled, images/s |"
        " speed / faster PyTorch | memory / faster PyTorch | MFU | measured on |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    missed = []
    for result in read_steps():
        sides = {side["side"]: side for side in result["sides"]}
        ours, *theirs = (sides[name] for name in ("zoo", "torch eager", "torch compiled"))
        better = max(theirs, key=lambda side: side["images_per_second"])
        memory = ours["peak_mb"] / better["peak_mb"]
        cells = [
            f"`{result['model']}`",
            f"{result['mode']}, {result['batch']}" + (f", {result['dtype']}" if result["dtype"] != "float32" else ""),
            *(f"{side['images_per_second']:,.1f}" for side in (ours, *theirs)),
            f"{result['ratio']:.2f}",
            f"{memory:.2f}",
            f"{ours['mfu']:.2f}" if ours["mfu"] else "-",
            f"{_machine(result)}; jax {result['environment']['versions']['jax']}, torch {result['against']['torch']}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
        if round(result["ratio"], 2) < 1 or (result["mode"] == "train" and memory > MAX_MEMORY_RATIO):
            missed.append(f"{result['model']}, {result['mode']}")
    return "\n".join(
        [*lines, "", "Slower than PyTorch, or in training with more than 1.1 times its memory:", "", *_why(missed)]
    )


def _why(missed):
    """Yields a line for each explanation of missed targets, and one for those without."""
    unexplained = list(missed)
    for each in json.loads((FOLDER / "explanations.json").read_text(encoding="utf-8")):
        if of := [name for name in each["of"] if name in missed]:
            yield f"- {'; '.join(of)}: {each['why']}."
        unexplained = [name for name in unexplained if name not in of]
    if unexplained:
        yield f"- {'; '.join(unexplained)}: no explanation yet."


def table_of_reading() -> str:
    """Returns the Markdown table of reading image files, with a row per library."""
    lines = [
        "| images | library | images/s | images/s per core | memory, MB | measured on |",
        "|---|---|---|---|---|---|",
    ]
    for result in _read("reading", lambda result: (result["pipeline"], result["workers"], len(result["sides"]))):
        for side in result["sides"]:
            numbers = [f"{side[key]:,.0f}" for key in ("images_per_second", "images_per_second_and_core", "peak_mb")]
            lines.append(f"| `{result['pipeline']}` | {side['side']} | {' | '.join(numbers)} | {_machine(result)} |")
    return "\n".join(lines)


def table_of_starts() -> str:
    """Returns the Markdown table of startup times to the first step, and an explanation of each missed target."""
    lines = [
        "| network | cold cache, s | warm cache, s | `import zoo`, s | measured on |",
        "|---|---|---|---|---|",
    ]
    missed = []
    for result in _read("start", lambda result: (result["start"], result["batch"])):
        numbers = [f"{result[key]:.1f}" for key in ("cold_seconds", "warm_seconds", "import_seconds")]
        lines.append(f"| `{result['start']}`, {result['batch']} images | {' | '.join(numbers)} | {_machine(result)} |")
        missed += [
            f"{result['start']}, {kind} start"
            for kind, seconds in STARTUP_TARGETS.get(result["start"], {}).items()
            if result[f"{kind}_seconds"] > seconds
        ]
    targets = ", ".join(
        f"`{name}` {s} s, {kind}" for name, kinds in STARTUP_TARGETS.items() for kind, s in kinds.items()
    )
    return "\n".join([*lines, "", f"Targets: {targets}.", "", *_why(missed)])


def _machine(result):
    machine = result["environment"]
    on_host = machine["platform"] == "cpu"
    return f"{machine['processor']}, {machine['cores']} cores" if on_host else machine["device"]
