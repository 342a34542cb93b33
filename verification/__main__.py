"""Checks that networks are the right ones and that recipes converge as they always have.

    python -m verification
    python -m verification --tier=full
    python -m verification --recipe=alexnet --json=report.json --junit=report.xml
    python -m verification --convolution=xla
    python -m verification --recipe=alexnet --record --seeds=8
    python -m verification --recipe=resnet20_cifar10 --data=folder:cifar10 --record --first=60

Exit status: 0 all checks passed, 1 one failed, 2 the command cannot be used, 3 none failed but one is undecided.
"""

import contextlib
from pathlib import Path

from absl import flags

from verification import SEED
from zoo import cli, streams

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string("recipe", [], "Name of a recipe; all recipes and networks if not given.", flag_values=FLAGS)
flags.DEFINE_list("only", [], "Groups of checks: architecture, initialization, traces, convergence.", flag_values=FLAGS)
flags.DEFINE_enum(
    "tier",
    None,
    ["quick", "full"],
    "quick: train only recipes that take less than 20 s. full: all. The default is full for recipes that are named, quick"
    " for all.",
    flag_values=FLAGS,
)
cli.define_integer("seed", SEED, "Of the run that is judged.", lower_bound=0, upper_bound=2**32 - 1, flag_values=FLAGS)
flags.DEFINE_string(
    "data",
    None,
    "Where the data set of the named recipes is, such as folder:PATH, if it is not where they say.",
    flag_values=FLAGS,
)
flags.DEFINE_string("json", None, "File to write all checks to, as JSON.", flag_values=FLAGS)
flags.DEFINE_string("junit", None, "File to write all checks to, as JUnit XML.", flag_values=FLAGS)
flags.DEFINE_string(
    "fault", None, "Put a fault in first, to see it found; see verification/faults.py.", flag_values=FLAGS
)
flags.DEFINE_bool("record", False, "Add reference runs to the ledger instead of checking.", flag_values=FLAGS)
cli.define_integer(
    "seeds", 5, "With --record: how many seeds, from 0 on, the ledger shall have.", lower_bound=1, flag_values=FLAGS
)
cli.define_integer(
    "first",
    None,
    "With --record: make this many steps of each run, for recipes that are too long for this machine.",
    lower_bound=1,
    flag_values=FLAGS,
)
cli.define_jax_flags(FLAGS)
cli.define_convolution_flag(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Makes the checks and shows them."""
    from zoo.errors import ZooError, unknown

    if not args.record and (args.first or args["seeds"].present):
        raise ZooError(f"--{'first' if args.first else 'seeds'} is for --record")
    if args.record and (args.json or args.junit):
        raise ZooError("--json and --junit are for checks, and --record makes none")
    if args.json and args.junit and Path(args.json).resolve() == Path(args.junit).resolve():
        raise ZooError("--json and --junit are the same file")
    for flag, path in (("--json", args.json), ("--junit", args.junit)):
        if path:  # to be told now, not after minutes of training
            streams.check_output(flag, Path(path))

    from verification.faults import FAULTS
    from verification.suite import GROUPS

    for group in args.only:
        if group not in GROUPS:
            raise unknown("group of checks", group, GROUPS)
    if args.fault and args.fault not in FAULTS:
        raise unknown("fault", args.fault, FAULTS)
    if args.data and not args.recipe:
        raise ZooError("--data: for which recipe? --recipe=NAME")
    cli.set_up_jax(args)
    with cli.chosen_convolution(args), FAULTS[args.fault]() if args.fault else contextlib.nullcontext():
        return record(args) if args.record else check(args)


def check(args: flags.FlagValues) -> int:
    """Makes all checks that are asked for; the exit status."""
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
        # What compiles more than it computes: all but runs of minutes, which take every core there is.
        short = [group for group in others if group != "convergence" or tier == "quick"]
        if len(recipes) > 1 and short:
            for found in check_recipes(recipes, short, args.seed, tier, args.data, **options):
                add(found)
            others = [group for group in others if group not in short]
        for name in recipes if others else []:
            add(check_recipe(name, others, args.seed, [bar], tier, args.data))
    console.print(report.summary(checks))
    if args.json:
        report.write_json(Path(args.json), checks, environment())
    if args.junit:
        report.write_junit(Path(args.junit), checks)
    return report.exit_status(checks)


def record(args: flags.FlagValues) -> int:
    """Adds the reference runs that the ledgers of the recipes lack."""
    import jax

    from verification.convergence import record_run
    from verification.convergence.first_steps import record_first_steps
    from verification.ledger import of_data, read_first_steps, read_ledger
    from verification.report.progress import Bar
    from zoo.catalog import list_recipes, load_recipe
    from zoo.data.sources import open_data
    from zoo.errors import ZooError, unknown
    from zoo.training.prepare import prepare

    if not args.recipe:
        raise ZooError("--record: which recipe? --recipe=NAME")
    if strangers := sorted(set(args.recipe) - set(list_recipes())):
        raise unknown("recipe in recipes/, whose ledger could be kept,", strangers[0], list_recipes())
    console, platform = streams.make_console(), jax.default_backend()
    with Bar(console) as bar:
        for name in args.recipe:
            recipe = load_recipe(name)
            there = read_first_steps if args.first else read_ledger
            dataset = open_data(recipe.data, args.data)
            known = of_data(there(name, recipe, platform), dataset.spec)
            missing = set(range(args.seeds)) - {run["seed"] for run in known}
            if not missing:
                continue
            experiment = prepare(recipe, dataset, on_progress=bar.progress)
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
