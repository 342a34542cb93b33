"""Trains a network with a recipe, and reports whether it converged.

    python -m zoo.train --recipe=alexnet
    python -m zoo.train --recipe=alexnet --data=folder:flowers --set=budget.steps=500 --workdir=runs/flowers
    python -m zoo.train --recipe=alexnet --data=folder:flowers --folds=5

With --folds=K it cross-validates on the training split: it trains K times on all folds but one, evaluates on that one,
and reports the mean and standard deviation over folds.

Exit status: 0 converged, 1 did not converge, 2 the command or the data is invalid, 128 + n stopped by signal n (the
same command resumes the run), 70 a bug in the program.
"""

import json
import sys
from typing import TYPE_CHECKING

from absl import flags

from zoo import cli, streams

if TYPE_CHECKING:
    from zoo.recipe import Recipe

FLAGS = flags.FlagValues()
cli.define_recipe_flags(FLAGS)
flags.DEFINE_string("workdir", None, "Folder of the run; default: runs/RECIPE-FINGERPRINT-seedSEED.", flag_values=FLAGS)
cli.define_integer("seed", 0, "Seed of all random numbers.", lower_bound=0, upper_bound=2**32 - 1, flag_values=FLAGS)
cli.define_integer(
    "folds", None, "Number of folds for cross-validation on the training split.", lower_bound=2, flag_values=FLAGS
)
flags.DEFINE_enum("parallel", "shard_map", ["shard_map", "pmap"], "How steps are parallelized.", flag_values=FLAGS)
cli.define_integer("workers", 0, "Processes that decode images; 0 for threads.", lower_bound=0, flag_values=FLAGS)
cli.define_integer(
    "steps_per_execution",
    1,
    "Maximum number of training steps in one compiled program; 0 for all steps between evaluations.",
    lower_bound=0,
    flag_values=FLAGS,
)
flags.DEFINE_bool("json", False, "Print the verdict as JSON, and everything else on standard error.", flag_values=FLAGS)
cli.define_jax_flags(FLAGS)
cli.define_convolution_flag(FLAGS)
cli.define_distributed_flags(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Trains; returns 0 if the run, or every fold, converged, and 1 if not."""
    name, recipe = cli.read_recipe(args)
    cli.set_up_jax(args)
    with cli.chosen_convolution(args):
        return train(args, name, recipe)


def train(args: flags.FlagValues, name: str, recipe: "Recipe") -> int:
    """Trains with a parsed recipe, as `main`; `name` is what the output calls the recipe."""
    import jax

    from zoo.terminal import Terminal
    from zoo.training.cross_validation import FitOptions, cross_validate
    from zoo.training.fit import fit

    folds = f"-folds{args.folds}" if args.folds else ""
    workdir = args.workdir or f"runs/{name}-{recipe.fingerprint[:8]}-seed{args.seed}{folds}"
    main_process, console = jax.process_index() == 0, streams.make_console(stderr=args.json)
    options: FitOptions = {
        "strategy": args.parallel,
        "workers": args.workers,
        "steps_per_execution": args.steps_per_execution,
    }
    report = {"recipe": name, "workdir": workdir, "seed": args.seed}
    if args.folds:

        def trackers_of(fold):
            return [Terminal(console, name, f"{workdir}/{fold}")] if main_process else []

        found = cross_validate(recipe, args.folds, workdir, args.seed, trackers=trackers_of, **options)
        converged = all(result.verdict.converged for result in found.results)
        report |= {"converged": converged, "folds": args.folds, "mean": found.mean, "deviation": found.std}
        for metric, mean in found.mean.items() if main_process else ():
            console.print(f"{metric} over {args.folds} folds: {mean:.4f}, standard deviation {found.std[metric]:.4f}")
    else:
        trackers = [Terminal(console, name, workdir)] if main_process else []
        verdict = fit(recipe, workdir, args.seed, trackers=trackers, **options).verdict
        converged, report = verdict.converged, {**report, **vars(verdict)}
    if args.json and main_process:
        json.dump(report, sys.stdout)
        print()
    return 0 if converged else 1


if __name__ == "__main__":
    cli.run(main, FLAGS)
