"""Lists all networks: year, paper, parameters, multiply-adds (MACs), canonical input, and recipes that train them.

python -m zoo.models
python -m zoo.models --filter='resnet*' --json
"""

import json
from typing import Any

from absl import flags

from zoo import cli, streams

FLAGS = flags.FlagValues()
flags.DEFINE_string("filter", "*", "Shell-style pattern of names.", flag_values=FLAGS)
flags.DEFINE_bool("json", False, "Print a JSON list instead of a table.", flag_values=FLAGS)


def main(args: flags.FlagValues) -> int:
    """Prints the list."""
    from rich import box
    from rich.progress import track
    from rich.table import Table

    from zoo.catalog import list_recipes, load_recipe
    from zoo.errors import ZooError
    from zoo.inspect.summary import summarize
    from zoo.models.registry import find_entry, list_models

    names = list_models(args.filter)
    if not names:
        raise ZooError(f"--filter={args.filter}: there is no such network; python -m zoo.models lists all")
    recipes: dict[str, list[str]] = {}
    for recipe in list_recipes():
        recipes.setdefault(load_recipe(recipe).model.name, []).append(recipe)
    console = streams.make_console(stderr=args.json)
    rows: list[dict[str, Any]] = []
    for name in track(names, "counting", console=console, transient=True, disable=not console.is_terminal):
        entry, summary = find_entry(name), summarize(name)
        rows.append(
            {
                "name": name,
                "year": entry.year,
                "paper": entry.paper,
                "params": summary.params,
                "macs": summary.macs,
                "input_shape": entry.input_shape,
                "num_classes": entry.num_classes,
                "recipes": recipes.get(name, []),
            }
        )
    if args.json:
        print(json.dumps(rows))
        return 0
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("network", "year", "parameters", "MACs", "input", "classes", "paper", "recipes"):
        table.add_column(heading, justify="right" if heading in ("parameters", "MACs", "classes") else "left")
    for row in sorted(rows, key=lambda row: (row["year"], row["name"])):
        table.add_row(
            row["name"],
            str(row["year"]),
            f"{row['params']:,}",
            f"{row['macs']:,}",
            "x".join(map(str, row["input_shape"])),
            str(row["num_classes"]),
            row["paper"],
            ", ".join(row["recipes"]),
        )
    console.print(table)
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
