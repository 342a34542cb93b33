"""Prints the layer table of a network, or a list of all networks.

    python -m zoo.summarize alexnet
    python -m zoo.summarize --model=alexnet --input=128,128,3 --num_classes=10
    python -m zoo.summarize --model=alexnet --compare=mine.csv

A layer table lists names, types, output shapes, parameters and multiply-adds (MACs). Without a network, the program
prints the list of `python -m zoo.models`.

Exit status: 0, or 2 if the command cannot be used; with --compare, 1 if a layer differs.
"""

import json
from typing import TYPE_CHECKING

from absl import flags

from zoo import cli, streams
from zoo.errors import ZooError
from zoo.listings import print_networks

if TYPE_CHECKING:
    from zoo.inspect.summary import Summary

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "model",
    None,
    "Name of a network; the same as an argument without a name. If omitted, networks are listed.",
    flag_values=FLAGS,
)
flags.DEFINE_string("filter", "*", "Shell-style pattern of the names to list.", flag_values=FLAGS)
flags.DEFINE_list("input", None, "Height, width and channels of an image, as in --input=227,227,3.", flag_values=FLAGS)
cli.define_integer("num_classes", None, "Number of classes.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_string(
    "compare",
    None,
    "Layer table to compare with the network's: a CSV or JSON file with name, shape and params.",
    flag_values=FLAGS,
)
flags.DEFINE_bool("json", False, "Print JSON instead of a table.", flag_values=FLAGS)


def main(args: flags.FlagValues) -> int:
    """Prints the table or the list; returns the exit status."""
    if not args.model:
        for name in ("input", "num_classes", "compare"):
            if getattr(args, name) is not None:
                raise ZooError(f"--{name} requires --model=NAME")
        print_networks(args.filter, as_json=args.json)
        return 0

    from zoo.console import Column, print_table
    from zoo.inspect.summary import summarize

    try:
        input_shape = tuple(cli.Integer(lower_bound=1).parse(part) for part in args.input) if args.input else None
    except ValueError:
        input_shape = ()
    if input_shape is not None and (len(input_shape) != 3 or min(input_shape) < 1):
        raise ZooError(f"--input={','.join(args.input)}: expected HEIGHT,WIDTH,CHANNELS, such as --input=227,227,3")
    summary = summarize(args.model, input_shape, args.num_classes)
    if args.compare:
        return show_comparison(args.model, summary, args.compare)
    if args.json:
        print(json.dumps({**summary._asdict(), "rows": [row._asdict() for row in summary.rows]}))
        return 0
    title = f"{args.model}, input {'x'.join(map(str, summary.input_shape))}"
    rows = summary.rows
    params_percent = [f"{100 * row.params / summary.params:.1f}" if row.params else "" for row in rows]
    macs_percent = [f"{100 * row.macs / summary.macs:.1f}" if row.macs else "" for row in rows]
    columns = (
        Column("layer", [row.name for row in rows], footer="total"),
        Column("type", [row.type for row in rows], needed=3),
        Column("output", ["x".join(map(str, row.output_shape)) for row in rows], numeric=True),
        Column("parameters", [_count(row.params) for row in rows], numeric=True, footer=f"{summary.params:,}"),
        Column("%", params_percent, numeric=True, needed=2),
        Column("MACs", [_count(row.macs) for row in rows], numeric=True, needed=4, footer=f"{summary.macs:,}"),
        Column("%", macs_percent, numeric=True, needed=1),
    )
    print_table(streams.make_console(), columns, title, more="--json has all")
    if summary.batch_stats:
        print(f"running statistics: {summary.batch_stats:,}")
    return 0


def _count(number):
    return f"{number:,}" if number else ""


def show_comparison(model_name: str, summary: "Summary", path: str) -> int:
    """Prints both tables side by side, up to the first difference; returns 0 if there is none, else 1."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from zoo.errors import printable
    from zoo.inspect.comparison import compare, read_table

    pairs, first = compare(summary, read_table(path))
    table = Table(title=escape(printable(f"{model_name} and {path}")), box=box.SIMPLE_HEAD)
    for heading in ("", model_name, "output", "parameters", "yours", "output", "parameters"):
        table.add_column(heading, justify="right" if heading in ("output", "parameters") else "left")
    for index, (ours, theirs) in enumerate(pairs if first is None else pairs[: first + 1]):
        left = [ours.name, "x".join(map(str, ours.output_shape)), f"{ours.params:,}"] if ours else ["-", "", ""]
        right = (
            [escape(printable(theirs.name)), "x".join(map(str, theirs.shape)), f"{theirs.params:,}"]
            if theirs
            else ["-", "", ""]
        )
        table.add_row("differs" if index == first else "", *left, *right, style="bold red" if index == first else None)
    console = streams.make_console()
    console.print(table)
    if first is None:
        console.print(f"all {len(pairs)} layers with parameters agree")
        return 0
    console.print(f"the first of {len(pairs)} layers that differs is number {first + 1}")
    return 1


if __name__ == "__main__":
    cli.run(main, FLAGS, positional="model")
