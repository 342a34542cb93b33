"""Checks that networks match their references and that recipes converge like their reference runs.

    python -m verification
    python -m verification --tier=full
    python -m verification --recipe=alexnet --json=report.json --junit=report.xml
    python -m verification --convolution=xla
    python -m verification --recipe=alexnet --record --seeds=8
    python -m verification --recipe=resnet20_cifar10 --data=folder:cifar10 --record --first=60

Exit status: 0 all checks passed, 1 a check failed, 2 usage error, 3 none failed but some are undecided.
"""

import contextlib
from pathlib import Path

from absl import flags

from verification import SEED
from zoo import cli, streams

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string(
    "recipe", [], "Name of a recipe; repeatable. Default: all recipes and networks.", flag_values=FLAGS
)
flags.DEFINE_list(
    "only",
    [],
    "Groups of checks to run: architecture, initialization, traces, step, fingerprint, convergence.",
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "tier",
    None,
    ["quick", "full"],
    "quick: train only recipes that take less than 20 s; full: train all. Default: full with --recipe, quick without.",
    flag_values=FLAGS,
)
cli.define_integer("seed", SEED, "Seed of the run under test.", lower_bound=0, upper_bound=2**32 - 1, flag_values=FLAGS)
flags.DEFINE_string(
    "data",
    None,
    "Location of the data set, such as folder:PATH, if it differs from the recipe's; requires --recipe.",
    flag_values=FLAGS,
)
flags.DEFINE_string("json", None, "Path of a JSON report of all checks.", flag_values=FLAGS)
flags.DEFINE_string("junit", None, "Path of a JUnit XML report of all checks.", flag_values=FLAGS)
flags.DEFINE_string(
    "fault",
    None,
    "Fault to inject, which the checks must detect: NAME or NAME:STRENGTH, see docs/faults.md.",
    flag_values=FLAGS,
)
flags.DEFINE_bool("record", False, "Record reference runs in the ledger instead of running checks.", flag_values=FLAGS)
cli.define_integer(
    "seeds",
    5,
    "With --record: number of seeds, starting from 0, that the ledger should contain.",
    lower_bound=1,
    flag_values=FLAGS,
)
cli.define_integer(
    "first",
    None,
    "With --record: record only this many first steps of each run, for recipes that are too long for this machine.",
    lower_bound=1,
    flag_values=FLAGS,
)
cli.define_jax_flags(FLAGS)
cli.define_convolution_flag(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Runs the checks, or records reference runs, and returns the exit status."""
    from zoo.errors import ZooError, unknown

    if not args.record and (args.first or args["seeds"].present):
        raise ZooError(f"--{'first' if args.first else 'seeds'} requires --record")
    if args.record and (args.json or args.junit):
        raise ZooError("--json and --junit cannot be combined with --record, which runs no checks")
    if args.json and args.junit and Path(args.json).resolve() == Path(args.junit).resolve():
        raise ZooError("--json and --junit must be different files")
    for flag, path in (("--json", args.json), ("--junit", args.junit)):
        if path:  # fail now, not after minutes of training
            streams.check_output(flag, Path(path))

    from verification.devices import offer_second_device
    from verification.faults import inject
    from verification.suite import GROUPS

    for group in args.only:
        if group not in GROUPS:
            raise unknown("group of checks", group, GROUPS)
    if args.data and not args.recipe:
        raise ZooError("--data requires --recipe=NAME")
    cli.set_up_jax(args)
    offer_second_device()
    with cli.chosen_convolution(args), inject(args.fault) if args.fault else contextlib.nullcontext():
        return record(args) if args.record else check(args)


def check(args: flags.FlagValues) -> int:
    """Runs the requested checks, prints and writes the results, and returns the exit status."""
    from verification import report
    from verification.pool import check_networks, check_recipes
    from verification.report.progress import Bar
    from verification.suite import GROUPS, check_recipe
    from zoo.catalog import list_recipes, load_recipe
    from zoo.models.registry import list_models
    from zoo.training.run.environment import environment

    groups, tier = args.only or GROUPS, args.tier or ("full" if args.recipe else "quick")
    recipes = args.recipe or list_recipes()
    networks = [load_recipe(name).model.name for name in recipes]
    console, checks = streams.make_console(), []
    with Bar(console) as bar:

        def add(found):
            for one in found:
                checks.append(one)
                report.show(console, one)

        options = {
            "fault": args.fault,
            "compilation_cache": args.compilation_cache,
            "convolution": args.convolution,
        }
        if "architecture" in groups:
            chosen = list(dict.fromkeys(networks)) if args.recipe else list_models()
            for found in check_networks(chosen, **options):
                checks += found
                report.show_network(console, found)
        others = [group for group in groups if group != "architecture"]
        # Checks dominated by compilation go to the process pool; trainings of minutes use all cores by themselves.
        pooled = [group for group in others if group != "convergence" or tier == "quick"]
        if len(recipes) > 1 and pooled:
            for found in check_recipes(recipes, pooled, args.seed, tier, args.data, **options):
                add(found)
            others = [group for group in others if group not in pooled]
        for name in recipes if others else []:
            add(check_recipe(name, others, args.seed, [bar], tier, args.data))
    console.print(report.summary(checks))
    if args.json:
        report.write_json(Path(args.json), checks, environment())
    if args.junit:
        report.write_junit(Path(args.junit), checks)
    return report.exit_status(checks)


def record(args: flags.FlagValues) -> int:
    """Records the reference runs that are missing from the ledgers of the recipes; returns the exit status."""
    import jax

    from verification.convergence import record_run
    from verification.convergence.first_steps import record_first_steps
    from verification.devices import mesh_of_runs
    from verification.ledger import of_data, read_first_steps, read_ledger
    from verification.report.progress import Bar
    from zoo.catalog import list_recipes, load_recipe
    from zoo.data.sources import open_data
    from zoo.errors import ZooError, unknown
    from zoo.training.prepare import prepare

    if not args.recipe:
        raise ZooError("--record requires --recipe=NAME")
    if custom := sorted(set(args.recipe) - set(list_recipes())):
        raise unknown("built-in recipe, and only these have ledgers,", custom[0], list_recipes())
    console, platform = streams.make_console(), jax.default_backend()
    with Bar(console) as bar:
        for name in args.recipe:
            recipe = load_recipe(name)
            read = read_first_steps if args.first else read_ledger
            dataset = open_data(recipe.data, args.data)
            known = of_data(read(name, recipe, platform), dataset.spec)
            missing = set(range(args.seeds)) - {run["seed"] for run in known}
            if not missing:
                continue
            experiment = prepare(recipe, dataset, mesh=mesh_of_runs(), on_progress=bar.progress)
            for seed in sorted(missing):
                if args.first:
                    run = record_first_steps(name, experiment, platform, seed, args.first, [bar])
                else:
                    run = record_run(name, experiment, platform, seed, [bar])
                measures = ", ".join(f"{measure} {value:.4f}" for measure, value in run["measures"].items())
                console.print(f"{name}, seed {seed}: {measures}", soft_wrap=True)
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
