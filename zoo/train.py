"""Trains a network as a recipe says, and says whether it converged.

    python -m zoo.train --recipe=alexnet
    python -m zoo.train --recipe=alexnet --data=folder:flowers --set=budget.steps=500 --workdir=runs/flowers
    python -m zoo.train --recipe=alexnet --data=folder:flowers --folds=5

With --folds it trains that many times on all but one part of the training images and evaluates on that part
(cross-validation), and reports mean and deviation.

Exit status: 0 converged, 1 did not, 2 the command or the data cannot be used, 128 + n stopped by signal n (the same
command goes on from there), 70 a mistake of the program's own.
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
flags.DEFINE_string(
    "workdir", None, "Folder of the run; runs/RECIPE-FINGERPRINT-seedSEED if not given.", flag_values=FLAGS
)
cli.define_integer("seed", 0, "Decides all that is random.", lower_bound=0, upper_bound=2**32 - 1, flag_values=FLAGS)
cli.define_integer(
    "folds", None, "Cross-validate on the training split, with this many folds.", lower_bound=2, flag_values=FLAGS
)
flags.DEFINE_enum("parallel", "shard_map", ["shard_map", "pmap"], "How steps reach the devices.", flag_values=FLAGS)
cli.define_integer("workers", 0, "Processes that decode images; 0 for threads.", lower_bound=0, flag_values=FLAGS)
cli.define_integer(
    "steps_per_execution",
    1,
    "Training steps that one compiled program does at most; 0 for all from one evaluation to the next.",
    lower_bound=0,
    flag_values=FLAGS,
)
flags.DEFINE_bool("json", False, "Print the verdict as JSON, and all else to standard error.", flag_values=FLAGS)
cli.define_jax_flags(FLAGS)
cli.define_convolution_flag(FLAGS)
cli.define_distributed_flags(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Runs the training; 0 if it converged, in every fold if there are folds, 1 if not."""
    name, recipe = cli.read_recipe(args)
    cli.set_up_jax(args)
    with cli.chosen_convolution(args):
        return train(args, name, recipe)


def train(args: flags.FlagValues, name: str, recipe: "Recipe") -> int:
    """The same, once flags and recipe are read."""
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
        report |= {"converged": converged, "folds": args.folds, "mean": found.mean, "deviation": found.deviation}
        for metric, mean in found.mean.items() if main_process else ():
            console.print(
                f"{metric} over {args.folds} folds: {mean:.4f}, standard deviation {found.deviation[metric]:.4f}"
            )
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
