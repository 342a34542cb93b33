"""Draws the images of a recipe's first training step, before and after augmentation.

    python -m zoo.preview --recipe=alexnet
    python -m zoo.preview --recipe=alexnet --data=folder:flowers --count=24 --output=flowers.png

Exit status: 0, or 2 if the command or the data cannot be used.
"""

from pathlib import Path

from absl import flags

from zoo import cli, recipe_flags, streams

FLAGS = flags.FlagValues()
recipe_flags.define_recipe_flags(FLAGS)
cli.define_integer("count", 12, "Number of images.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_string("output", None, "PNG file to write; default: runs/preview-RECIPE.png.", flag_values=FLAGS)
cli.define_integer("seed", 0, "Seed of the run.", lower_bound=0, upper_bound=2**32 - 1, flag_values=FLAGS)
cli.define_jax_flags(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Draws the picture and prints its path; returns 0."""
    from zoo.errors import ZooError, printable

    name, recipe = recipe_flags.read_recipe(args)
    output = Path(args.output or f"runs/preview-{name}.png")
    if output.suffix.lower() != ".png":
        raise ZooError(f"--output={output}: expected the name of a PNG file, ending in .png")
    streams.check_output("--output", output, make_folder=True)
    cli.set_up_jax(args)
    recipe = recipe_flags.prepare_as_trained(args, recipe)

    from rich.markup import escape
    from rich.progress import Progress

    from zoo.data.sources import open_data
    from zoo.inspect.contact_sheet import draw_contact_sheet, first_examples

    console = streams.make_console()
    dataset = open_data(recipe.data)
    for line in dataset.report.lines():
        console.print(escape(printable(line)), soft_wrap=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading", total=None)
        examples = first_examples(
            recipe,
            dataset,
            args.count,
            seed=args.seed,
            on_corrupt=streams.corrupt_printer(console, "left out"),
            on_progress=lambda what, done, total: progress.update(task, description=what, completed=done, total=total),
        )
    size = " x ".join(map(str, examples[0].received.shape)) if examples else ""
    title = (
        f"{printable(name)} ({recipe.fingerprint}) on {printable(dataset.spec)}, first step with seed {args.seed}\n"
        f"above: the images; below: what the network receives, {size}"
    )
    try:
        draw_contact_sheet(examples, output, title=title)
    except OSError as error:
        raise ZooError(f"--output={output}: {error.strerror or error}") from None
    console.print(escape(printable(f"{output}: {len(examples)} images of {dataset.spec}, network input {size}")))
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
