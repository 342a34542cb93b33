"""Raw times of steps, JSON lines of `python -m zoo.benchmark --json`: one file a machine, of each measurement the last counts."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def read_performance() -> list[dict[str, Any]]:
    """The last measurement of each network, mode, batch and precision on each machine, in order of these."""
    last = {}
    for path in sorted(FOLDER.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            result = json.loads(line)
            key = (path.stem, result["mode"] == "eval", result["dtype"], result["model"], result["batch"])
            last[key] = result
    return [last[key] for key in sorted(last)]


def table() -> str:
    """The measurements in Markdown, a row for each."""
    lines = [
        "| network | mode | batch | zoo, images/s | PyTorch, eager | compiled | ratio to the better | compiling the zoo's, s | measured on |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in read_performance():
        sides = {side["side"]: side for side in result["sides"]}
        machine = result["environment"]
        on = f"{machine['processor']}, {machine['cores']} cores" if machine["platform"] == "cpu" else machine["device"]
        cells = [
            f"`{result['model']}`",
            result["mode"] if result["dtype"] == "float32" else f"{result['mode']}, {result['dtype']}",
            str(result["batch"]),
            *(f"{sides[name]['images_per_second']:,.1f}" for name in ("zoo", "torch eager", "torch compiled")),
            f"{result['ratio']:.2f}",
            f"{sides['zoo']['compile_seconds']:.1f}",
            f"{on}; jax {machine['versions']['jax']}, torch {result['against']['torch']}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
