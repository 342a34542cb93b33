"""Measures how fast networks train or evaluate.

    python -m zoo.benchmark --model=alexnet --batch=32 --mode=train
    python -m zoo.benchmark --model=resnet18,resnet50 --mode=train,eval --against=torch
    python -m zoo.benchmark --model=resnet50 --against=torch --json >> verification/performance/MACHINE.jsonl

Sides are timed in turn, round by round, and compared round by round, so that the ratio holds on a noisy machine.
"""

import json
from typing import Any

from absl import flags

from zoo import cli

MODES = ("train", "eval")

FLAGS = flags.FlagValues()
flags.DEFINE_list("model", ["alexnet"], "Names of networks.", flag_values=FLAGS)
flags.DEFINE_integer("batch", 32, "Images a step.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_list("mode", ["train"], "What a step is: train, eval, or both.", flag_values=FLAGS)
flags.DEFINE_enum("dtype", "float32", ["float32", "bfloat16"], "Of the computation.", flag_values=FLAGS)
flags.DEFINE_enum("against", None, ["torch"], "What to compare with: PyTorch, eager and compiled.", flag_values=FLAGS)
flags.DEFINE_integer("rounds", 5, "How often each side has its turn.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer("steps", 3, "Steps in a turn.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_bool("json", False, "Print a line of JSON for each network and mode, not a table.", flag_values=FLAGS)


def main(args: flags.FlagValues) -> int:
    """Times the sides and prints what came out, network by network."""
    from zoo.errors import unknown
    from zoo.models.registry import find_entry
    from zoo.training.environment import environment

    for mode in args.mode:
        if mode not in MODES:
            raise unknown("mode", mode, MODES)
    for model in args.model:
        find_entry(model)
    console = cli.make_console(stderr=args.json)
    results = []
    for model in args.model:
        for mode in args.mode:
            results.append(measure(model, mode, args, console))
            if args.json:
                print(json.dumps({**results[-1], "environment": environment()}), flush=True)
    if not args.json:
        show(results, args, console)
    return 0


def measure(model: str, mode: str, args: flags.FlagValues, console) -> dict[str, Any]:
    """Times one network in one mode."""
    from rich.progress import Progress

    from zoo.benchmark.timing import SideProcess, ratio, report, time_in_turn
    from zoo.benchmark.zoo_side import zoo_side
    from zoo.errors import ZooError

    settings = (model, mode, args.batch, args.dtype)
    makers = {"zoo": (zoo_side, *settings)}
    versions = {}
    if args.against:
        try:
            import torch

            from zoo.benchmark.torch_side import torch_side
        except ImportError:
            raise ZooError("--against=torch needs PyTorch: python -m pip install 'zoo[bench]'") from None
        versions = {"torch": torch.__version__}
        makers["torch eager"] = (torch_side, *settings, False)
        makers["torch compiled"] = (torch_side, *settings, True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"{model}, {mode}: compiling", total=args.rounds)
        sides = {name: SideProcess(*maker) for name, maker in makers.items()}
        progress.update(task, description=f"{model}, {mode}: timing")
        seconds = time_in_turn(sides, args.rounds, args.steps, lambda done: progress.update(task, completed=done))
        for side in sides.values():
            side.close()
    result = {
        "model": model,
        "mode": mode,
        "batch": args.batch,
        "dtype": args.dtype,
        "rounds": args.rounds,
        "sides": [report(name, side, seconds[name], args.batch) for name, side in sides.items()],
    }
    if args.against:
        result |= {"ratio": ratio(seconds, "zoo", [name for name in sides if name != "zoo"]), "against": versions}
    return result


def show(results: list[dict[str, Any]], args: flags.FlagValues, console) -> None:
    """Prints all results as one table."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=f"batches of {args.batch}, {args.dtype}, median of {args.rounds} rounds")
    headings = ("network", "mode", "", "images/s", "ms a step", "fastest", "slowest", "compile s", "peak MB", "ratio")
    for column, heading in enumerate(headings):
        table.add_column(heading, justify="left" if column < 3 else "right")
    for result in results:
        for row in result["sides"]:
            names = ("images_per_second", "step_ms", "fastest_ms", "slowest_ms", "compile_seconds")
            numbers = [f"{row[name]:,.1f}" for name in names]
            peak = f"{row['peak_mb']:,.0f}" if row["peak_mb"] else "-"
            times = f"{result['ratio']:.2f}" if row["side"] == "zoo" and "ratio" in result else ""
            table.add_row(result["model"], result["mode"], row["side"], *numbers, peak, times)
    console.print(table)
    if args.against:
        console.print("ratio: how many times as fast the zoo is as the best of the others")


if __name__ == "__main__":
    cli.run(main, FLAGS)
