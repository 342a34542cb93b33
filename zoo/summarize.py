"""Prints a network's layer table: names, types, output shapes, parameters and multiply-adds (MACs).

python -m zoo.summarize --model=alexnet
"""

import json

from absl import flags

from zoo import cli

FLAGS = flags.FlagValues()
flags.DEFINE_string("model", None, "Name of a network.", flag_values=FLAGS)
flags.DEFINE_list("input", None, "Height, width and channels of an image, as in --input=227,227,3.", flag_values=FLAGS)
flags.DEFINE_integer("num_classes", None, "Logits.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_bool("json", False, "Print a JSON object instead of a table.", flag_values=FLAGS)


def main(args: flags.FlagValues) -> int:
    """Prints the table."""
    from rich import box
    from rich.table import Table

    from zoo.errors import ZooError
    from zoo.models.registry import list_models
    from zoo.summary import summarize

    if not args.model:
        raise ZooError(f"which network? --model=NAME, where NAME is one of {', '.join(list_models())}")
    try:
        input_shape = tuple(int(part) for part in args.input) if args.input else None
    except ValueError:
        input_shape = ()
    if input_shape is not None and (len(input_shape) != 3 or min(input_shape) < 1):
        raise ZooError(f"--input={','.join(args.input)}: it takes height, width and channels, as in --input=227,227,3")
    summary = summarize(args.model, input_shape, args.num_classes)
    if args.json:
        print(json.dumps({**summary._asdict(), "rows": [row._asdict() for row in summary.rows]}))
        return 0
    title = f"{args.model}, input {'x'.join(map(str, summary.input_shape))}"
    table = Table(title=title, show_footer=True, box=box.SIMPLE_HEAD)
    table.add_column("layer", "total")
    table.add_column("type")
    table.add_column("output", justify="right")
    table.add_column("parameters", f"{summary.params:,}", justify="right")
    table.add_column("%", justify="right")
    table.add_column("MACs", f"{summary.macs:,}", justify="right")
    table.add_column("%", justify="right")
    for row in summary.rows:
        shape = "x".join(map(str, row.output_shape))
        params, macs = (f"{number:,}" if number else "" for number in (row.params, row.macs))
        params_share = f"{100 * row.params / summary.params:.1f}" if row.params else ""
        macs_share = f"{100 * row.macs / summary.macs:.1f}" if row.macs else ""
        table.add_row(row.name, row.type, shape, params, params_share, macs, macs_share)
    cli.make_console().print(table)
    if summary.batch_stats:
        print(f"moving statistics: {summary.batch_stats:,}")
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
