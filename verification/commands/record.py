"""Recording of reference runs."""

import jax
from absl import flags

from verification.convergence import record_run
from verification.convergence.first_steps import record_first_steps
from verification.ledger import of_data, read_first_steps, read_ledger
from verification.report.progress import Bar
from zoo import streams
from zoo.catalog import list_recipes, load_recipe
from zoo.data.sources import open_data
from zoo.errors import ZooError, unknown
from zoo.training.prepare import prepare


def record(args: flags.FlagValues) -> int:
    """Records the reference runs that are missing from the ledgers of the recipes; returns the exit status."""
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
            experiment = prepare(recipe, dataset, on_progress=bar.progress)
            for seed in sorted(missing):
                if args.first:
                    run = record_first_steps(name, experiment, platform, seed, args.first, [bar])
                else:
                    run = record_run(name, experiment, platform, seed, [bar])
                measures = ", ".join(f"{measure} {value:.4f}" for measure, value in run["measures"].items())
                console.print(f"{name}, seed {seed}: {measures}", soft_wrap=True)
    return 0
