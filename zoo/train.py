"""Trains a network with a recipe, and reports whether it converged.

    python -m zoo.train --recipe=alexnet
    python -m zoo.train --recipe=alexnet --data=folder:flowers --set=budget.steps=500 --workdir=runs/flowers
    python -m zoo.train --recipe=alexnet --data=folder:flowers --folds=5
    python -m zoo.train --recipe=resnet18_finetune --data=folder:flowers --weights=resnet18.safetensors

With --folds=K it cross-validates on the training split: it trains K times on all folds but one, evaluates on that one,
and reports the mean and standard deviation over folds.

With --weights it starts from trained weights of the recipe's network instead of random ones: from a run, or from a file
of another framework, whose layout is found. The last layer is new if the classes are others, and images are prepared as
the weights were trained. The recipe says what else is frozen or slow, as --set=transfer.frozen and transfer.rates do.

A run that does not converge ends with what its records point to, and with the command that finds out more;
--diagnose=full runs it (docs/doctor.md).

Exit status: 0 converged, 1 did not converge, 2 the command or the data is invalid, 128 + n stopped by signal n (the
same command resumes the run), 70 a bug in the program.
"""

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

from absl import flags

from zoo import cli, recipe_flags, streams
from zoo.errors import ZooError, printable

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.recipe import Recipe
    from zoo.training.fit import FitResult

FLAGS = flags.FlagValues()
recipe_flags.define_recipe_flags(FLAGS)
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
flags.DEFINE_enum(
    "diagnose",
    "auto",
    ["auto", "off", "full"],
    "At the end of a run that does not converge: say what its records point to (auto), nothing (off), or diagnose it"
    " for two minutes (full).",
    flag_values=FLAGS,
)
flags.DEFINE_bool("json", False, "Print the verdict as JSON, and everything else on standard error.", flag_values=FLAGS)
cli.define_jax_flags(FLAGS)
cli.define_convolution_flag(FLAGS)
cli.define_distributed_flags(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Trains; returns 0 if the run, or every fold, converged, and 1 if not."""
    if args.diagnose == "full" and (args.folds or args.distributed):
        other = "folds" if args.folds else "distributed"
        raise ZooError(f"--diagnose=full and --{other} cannot be combined: run python -m zoo.doctor afterwards")
    name, recipe = recipe_flags.read_recipe(args)
    recipe.check_weights_given()
    cli.set_up_jax(args)
    recipe = recipe_flags.prepare_as_trained(args, recipe)
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
        result = fit(recipe, workdir, args.seed, trackers=trackers, **options)
        converged, report = result.verdict.converged, {**report, **vars(result.verdict)}
        if main_process and not converged and args.diagnose != "off":
            report["diagnosis"] = explain(args, result, workdir, None if args.json else console)
    if args.json and main_process:
        json.dump(report, sys.stdout)
        print()
    return 0 if converged else 1


def explain(args: flags.FlagValues, result: "FitResult", workdir: str, console: "Console | None") -> dict[str, Any]:
    """Says why a run did not converge, as far as its records or a diagnosis show; returns that for JSON as well.

    Args:
      args: the program's flags.
      result: of the run.
      workdir: its folder.
      console: prints it; None to print nothing.
    """
    from rich.markup import escape

    from zoo.doctor.history import explain_history
    from zoo.doctor.report.terminal import print_diagnosis, print_findings
    from zoo.json_files import strict

    command = f"python -m zoo.doctor {shlex.quote(workdir)}"
    if args.diagnose == "full":
        from zoo.doctor import diagnose

        try:
            diagnosis = diagnose(workdir, seconds=120.0, seed=args.seed)
        except ZooError as error:  # the run is over, and its verdict stands
            if console:
                console.print(f"[yellow]note:[/yellow] {escape(printable(error))}", soft_wrap=True)
        else:
            diagnosis.save(f"{workdir}/doctor")
            if console:
                print_diagnosis(console, diagnosis, f"{workdir}/doctor/report.html")
            return {"command": command, **strict(diagnosis.to_json())}
    findings = explain_history(result.recipe, result.history, result.verdict, len(result.class_names))
    if console:
        print_findings(console, findings, command)
    return {"command": command, "findings": strict([vars(finding) for finding in findings])}


if __name__ == "__main__":
    cli.run(main, FLAGS)
