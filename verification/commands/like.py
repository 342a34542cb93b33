"""Comparison of a user's network, recipe or data with a reference."""

from absl import flags
from rich.markup import escape

from verification import report
from verification.like import check
from verification.report.progress import Bar
from zoo import streams
from zoo.catalog import load_object
from zoo.errors import printable
from zoo.training.run.environment import environment


def compare_with_reference(args: flags.FlagValues) -> int:
    """Compares what the flags name with the recipe --like, prints and writes the results; returns the exit status."""
    model = load_object(args.model, "network") if args.model else None
    recipe = args.recipe[0] if args.recipe else None
    console = streams.make_console()
    subject = recipe if recipe is not None else model
    with Bar(console) as bar:
        result = check(
            subject,
            args.like,
            model=model if recipe is not None else None,
            dataset=args.data,
            tier=args.tier or "quick",
            seed=args.seed,
            trackers=[bar],
            on_check=lambda found: report.show(console, found),
        )
    if result.first_difference:
        console.print(f"first difference: {escape(printable(result.first_difference))}", soft_wrap=True)
    console.print(report.summary(result.checks))
    report.write_files(args, result.checks, environment())
    return report.exit_status(result.checks)
