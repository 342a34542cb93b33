"""Measures how fast a network trains or evaluates.

    python -m zoo.benchmark --model=alexnet --batch=32 --mode=train
    python -m zoo.benchmark --model=alexnet --against=torch

Sides are timed in turn, round by round, and compared round by round, so that the ratio holds on a noisy machine.
"""

import json

from absl import flags

from zoo import cli

FLAGS = flags.FlagValues()
flags.DEFINE_string("model", "alexnet", "Name of a network.", flag_values=FLAGS)
flags.DEFINE_integer("batch", 32, "Images a step.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_enum("mode", "train", ["train", "eval"], "What a step is.", flag_values=FLAGS)
flags.DEFINE_enum("dtype", "float32", ["float32", "bfloat16"], "Of the computation.", flag_values=FLAGS)
flags.DEFINE_enum("against", None, ["torch"], "What to compare with: PyTorch, eager and compiled.", flag_values=FLAGS)
flags.DEFINE_integer("rounds", 5, "How often each side has its turn.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer("steps", 3, "Steps in a turn.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_bool("json", False, "Print a JSON object instead of a table.", flag_values=FLAGS)


def main(args: flags.FlagValues) -> int:
    """Times the sides and prints what came out."""
    from rich import box
    from rich.progress import Progress
    from rich.table import Table

    from zoo.benchmark.timing import SideProcess, ratio, report, time_in_turn
    from zoo.benchmark.zoo_side import zoo_side
    from zoo.errors import ZooError
    from zoo.models.registry import find_entry
    from zoo.training.environment import environment

    find_entry(args.model)
    settings = (args.model, args.mode, args.batch, args.dtype)
    makers = {"zoo": (zoo_side, *settings)}
    if args.against:
        try:
            from zoo.benchmark.torch_side import torch_side
        except ImportError:
            raise ZooError("--against=torch needs PyTorch: python -m pip install 'zoo[bench]'") from None
        makers["torch eager"] = (torch_side, *settings, False)
        makers["torch compiled"] = (torch_side, *settings, True)
    console = cli.make_console(stderr=args.json)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("compiling", total=args.rounds)
        sides = {name: SideProcess(*maker) for name, maker in makers.items()}
        progress.update(task, description="timing")
        seconds = time_in_turn(sides, args.rounds, args.steps, lambda done: progress.update(task, completed=done))
    rows = [report(name, side, seconds[name], args.batch) for name, side in sides.items()]
    result = {"model": args.model, "mode": args.mode, "batch": args.batch, "dtype": args.dtype, "sides": rows}
    if args.against:
        result["ratio"] = ratio(seconds, "zoo", [name for name in sides if name != "zoo"])
    if args.json:
        print(json.dumps({**result, "environment": environment()}))
        return 0
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"{args.model}, {args.mode}, batch {args.batch}, {args.dtype}, median of {args.rounds} rounds",
    )
    for heading in ("", "images/s", "ms a step", "fastest", "slowest", "compile s", "peak MB"):
        table.add_column(heading, justify="left" if not heading else "right")
    for row in rows:
        numbers = (
            row["images_per_second"],
            row["step_ms"],
            row["fastest_ms"],
            row["slowest_ms"],
            row["compile_seconds"],
        )
        peak = f"{row['peak_mb']:,.0f}" if row["peak_mb"] else "-"
        table.add_row(row["side"], *(f"{number:,.1f}" for number in numbers), peak)
    console.print(table)
    if args.against:
        console.print(f"zoo is {result['ratio']:.2f} times as fast as the best of the others")
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
