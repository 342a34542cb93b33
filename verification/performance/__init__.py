"""What `python -m zoo.benchmark --json` measured, raw, a file a machine: steps of networks in `steps/`, reading images in
`reading/`, growth in `scaling/`, starts in `start/`. Of each measurement the last counts. `explanations.json` says why a target is missed.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
STARTS = {"alexnet": {"cold": 8}, "resnet50": {"warm": 4}}  # seconds
MEMORY = 1.1  # times PyTorch's that a training step may take


def read_steps() -> list[dict[str, Any]]:
    """The last measurement of each network, mode, batch and precision on each machine, in order of these."""
    return _read("steps", lambda result: (result["mode"] == "eval", result["dtype"], result["model"], result["batch"]))


def _read(kind, key):
    last = {}
    for path in sorted((FOLDER / kind).glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            result = json.loads(line)
            last[(path.stem, *key(result))] = result
    return [last[key] for key in sorted(last)]


def table_of_steps() -> str:
    """Steps of networks in Markdown: a row for each, and a line for each that misses a target."""
    lines = [
        "| network | mode | zoo, images/s | PyTorch, eager | compiled | ratio to the better | memory, of the better | MFU | measured on |",
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
        if round(result["ratio"], 2) < 1 or (result["mode"] == "train" and memory > MEMORY):
            missed.append(f"{result['model']}, {result['mode']}")
    return "\n".join(
        [*lines, "", "Below 1, or in training with more memory than 1.1 times PyTorch's:", "", *_why(missed)]
    )


def _why(missed):
    """A line for each explanation of what is missed now, and one for what has none."""
    unexplained = list(missed)
    for each in json.loads((FOLDER / "explanations.json").read_text(encoding="utf-8")):
        if of := [name for name in each["of"] if name in missed]:
            yield f"- {'; '.join(of)}: {each['why']}."
        unexplained = [name for name in unexplained if name not in of]
    if unexplained:
        yield f"- {'; '.join(unexplained)}: not explained yet."


def table_of_reading() -> str:
    """Reading image files in Markdown, a row for each side."""
    lines = ["| images | | images/s | a core | memory, MB | measured on |", "|---|---|---|---|---|---|"]
    for result in _read("reading", lambda result: (result["pipeline"], result["workers"], len(result["sides"]))):
        for side in result["sides"]:
            numbers = [f"{side[key]:,.0f}" for key in ("images_per_second", "images_per_second_and_core", "peak_mb")]
            lines.append(f"| `{result['pipeline']}` | {side['side']} | {' | '.join(numbers)} | {_machine(result)} |")
    return "\n".join(lines)


def table_of_starts() -> str:
    """Seconds from the command to the first step, in Markdown: a row for each network, and why a target is missed."""
    lines = [
        "| network | empty cache, s | with a cache, s | `import zoo`, s | measured on |",
        "|---|---|---|---|---|",
    ]
    missed = []
    for result in _read("start", lambda result: (result["start"], result["batch"])):
        numbers = [f"{result[key]:.1f}" for key in ("cold_seconds", "warm_seconds", "import_seconds")]
        lines.append(f"| `{result['start']}`, {result['batch']} images | {' | '.join(numbers)} | {_machine(result)} |")
        missed += [
            f"{result['start']}, {kind} start"
            for kind, seconds in STARTS.get(result["start"], {}).items()
            if result[f"{kind}_seconds"] > seconds
        ]
    targets = ", ".join(f"`{name}` {s} s, {kind}" for name, kinds in STARTS.items() for kind, s in kinds.items())
    return "\n".join([*lines, "", f"Targets: {targets}.", "", *_why(missed)])


def _machine(result):
    machine = result["environment"]
    on_host = machine["platform"] == "cpu"
    return f"{machine['processor']}, {machine['cores']} cores" if on_host else machine["device"]
