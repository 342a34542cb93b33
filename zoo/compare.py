"""Trains variants of a recipe with several seeds each, and compares them in a table and a plot.

    python -m zoo.compare --study=learning_rate
    python -m zoo.compare --recipe=alexnet --vary=schedule.peak=1e-4,1e-2,1 --seeds=3

The results are written to runs.jsonl, table.md and curves.png in the folder of the comparison. The same command resumes
a comparison that was stopped. A variant that diverges is recorded like any other.

Exit status: 0 all runs are done, 2 the command or the data is invalid, 128 + n stopped by signal n, 70 a bug in the
program.
"""

import dataclasses
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from zoo import cli, recipe_flags, streams

if TYPE_CHECKING:
    from zoo.recipe import Study

FLAGS = flags.FlagValues()
flags.DEFINE_string("study", None, "Name of a study in recipes/studies/, or path of a study file.", flag_values=FLAGS)
flags.DEFINE_string("recipe", None, "Recipe to vary: name, path or dotted module.", flag_values=FLAGS)
flags.DEFINE_multi_string(
    "vary",
    [],
    "Values of a field, such as --vary=schedule.peak=0.01,0.1; all combinations if given several times.",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "set", [], "Override a field in all variants, such as --set=budget.steps=100.", flag_values=FLAGS
)
cli.define_integer(
    "seeds", None, "Runs per variant; default: the study's number, or 3.", lower_bound=1, flag_values=FLAGS
)
flags.DEFINE_string("output", None, "Folder of the comparison; default: a folder in runs/.", flag_values=FLAGS)
flags.DEFINE_bool("json", False, "Print the table as JSON, and everything else on standard error.", flag_values=FLAGS)
cli.define_jax_flags(FLAGS)
cli.define_convolution_flag(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Trains all variants and writes the results; returns 0."""
    study, name = read_study(args)
    trained = [*study.recipes().values(), *([study.start] if study.start else [])]
    digest = hashlib.sha256("".join(recipe.fingerprint for recipe in trained).encode()).hexdigest()[:8]
    folder = Path(args.output or f"runs/compare-{name}-{digest}")
    for name in ("table.md", "curves.png", "runs.jsonl"):
        streams.check_output("--output", folder / name, make_folder=True)
    cli.set_up_jax(args)

    from zoo.errors import printable
    from zoo.studies.picture import draw_study
    from zoo.studies.runs import run_study
    from zoo.studies.table import make_rows, markdown, terminal_table
    from zoo.studies.terminal import Progress

    console = streams.make_console(stderr=args.json)
    with Progress(console, study) as progress, cli.chosen_convolution(args):
        runs = run_study(study, folder, on_run=progress.done, on_begin=progress.begin)
    given = [argument for argument in sys.argv[1:] if not argument.startswith(("--output", "--json"))]
    command = " ".join(["python -m zoo.compare", *given])
    (folder / "table.md").write_text(markdown(study, runs, "curves.png", command), encoding="utf-8")
    target = study.base.target
    marked = target.value if target and target.metric == study.metric else None
    draw_study(runs, folder / "curves.png", title=study.title, metric=study.metric, target=marked)
    console.print(terminal_table(study, runs))
    if study.conclusion:
        console.print(study.conclusion, markup=False, soft_wrap=True)
    console.print(printable(f"written: {folder / 'table.md'}, {folder / 'curves.png'}"), markup=False, soft_wrap=True)
    if args.json:
        rows = [dataclasses.asdict(row) for row in make_rows(runs)]
        json.dump({"title": study.title, "seeds": study.seeds, "folder": str(folder), "variants": rows}, sys.stdout)
        print()
    return 0


def read_study(args: flags.FlagValues) -> tuple["Study", str]:
    """Returns the study that the flags select or describe, and its short name.

    Raises:
      ZooError: no study is given, or flags contradict each other.
    """
    from zoo.catalog import list_studies, load_recipe, load_study
    from zoo.errors import ZooError
    from zoo.recipe import Study
    from zoo.recipe.assignments import parse_changes, parse_variants

    if bool(args.study) == bool(args.recipe):
        raise ZooError(
            "expected either --recipe=NAME --vary=... or --study=NAME, where NAME is one of"
            f" {', '.join(list_studies())}"
        )
    if args.study and args.vary:
        raise ZooError("--vary requires --recipe: a study defines its own variants")
    if args.recipe and not args.vary:
        raise ZooError("missing --vary=PATH=VALUE,..., such as --vary=schedule.peak=0.01,0.1")
    name = recipe_flags.short_name(args.study or args.recipe)
    if args.study:
        study = load_study(args.study)
        if args.set:  # the conclusion holds for the unchanged recipe only
            base = study.base.override(parse_changes(study.base, args.set))
            study = dataclasses.replace(study, base=base, conclusion="")
        return dataclasses.replace(study, seeds=args.seeds or study.seeds), name
    recipe = load_recipe(args.recipe)
    recipe = recipe.override(parse_changes(recipe, args.set))
    varied = ", ".join(sweep.partition("=")[0] for sweep in args.vary)
    return Study(f"{name}: {varied}", recipe, parse_variants(recipe, args.vary), seeds=args.seeds or 3), name


if __name__ == "__main__":
    cli.run(main, FLAGS)
