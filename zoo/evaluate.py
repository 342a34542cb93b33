"""Evaluates the last checkpoint of a run on the run's data, or on other data with the same classes.

    python -m zoo.evaluate --workdir=runs/flowers
    python -m zoo.evaluate --workdir=runs/flowers --data=folder:more-flowers
    python -m zoo.evaluate --workdir=runs/flowers --split=test

Exit status: 0, or 2 if the command, the run or the data cannot be used.
"""

import json

from absl import flags

from zoo import cli, streams

FLAGS = flags.FlagValues()
flags.DEFINE_string("workdir", None, "Folder of the run.", flag_values=FLAGS)
flags.DEFINE_string(
    "data",
    None,
    "Data to use instead of the run's: fashion_mnist, folder:PATH, tfds:NAME, csv:PATH or synthetic:NAME.",
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "split",
    None,
    ["whole", "train", "val", "test"],
    "Part of the data to evaluate. Default: of the run's own data, the part that it was not trained on; of other data,"
    " its evaluation split, or everything if it has none.",
    flag_values=FLAGS,
)
flags.DEFINE_bool("json", False, "Print a JSON object instead of a table.", flag_values=FLAGS)
cli.define_jax_flags(FLAGS)
cli.define_convolution_flag(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Evaluates and prints the metrics; returns 0."""
    from rich.markup import escape
    from rich.progress import Progress

    from zoo.console import Column, print_table
    from zoo.errors import ZooError, printable

    if not args.workdir:
        raise ZooError("missing --workdir=FOLDER")
    cli.set_up_jax(args)

    from zoo.data.dataset import Dataset
    from zoo.terminal import print_classes
    from zoo.training.evaluate import evaluate
    from zoo.training.evaluation import BY_CLASS
    from zoo.training.run.load_run import load_run

    console = streams.make_console(stderr=args.json)
    run = load_run(args.workdir, lambda text: console.print(escape(printable(text)), soft_wrap=True))
    data: list[Dataset] = []
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    with bar as progress, cli.chosen_convolution(args):
        task = progress.add_task("evaluating", total=None)
        metrics = evaluate(
            run,
            args.data,
            split=args.split,
            on_data=data.append,
            on_corrupt=streams.corrupt_printer(console, "not counted"),
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    (dataset,) = data
    examples = f"{metrics['examples']:,} of {len(dataset.eval):,} {dataset.examples}"
    if dataset.train is not dataset.eval:
        examples += f"; {len(dataset.train):,} others belong to its training split"
    console.print(escape(f"evaluated on {examples}"), soft_wrap=True)
    for line in dataset.report.lines()[2:]:
        console.print(escape(line), soft_wrap=True)
    if args.json:
        print(json.dumps({"step": run.step, **metrics}))
        return 0
    numbers = {name: value for name, value in metrics.items() if name not in BY_CLASS}
    values = [f"{value:,}" if isinstance(value, int) else f"{value:.4f}" for value in numbers.values()]
    title = printable(f"{args.workdir}, step {run.step}, {args.data or run.recipe.data.source}")
    print_table(console, (Column("metric", list(numbers)), Column("value", values, numeric=True)), title)
    print_classes(console, run.class_names, metrics["recall"], metrics.get("confusion"))
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
