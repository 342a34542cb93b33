"""Recording of reference runs."""

import jax
from absl import flags

from verification.convergence import record_run
from verification.convergence.first_steps import record_first_steps
from verification.devices import mesh_of_runs
from verification.ledger import SEEDS_OF_LONG_RUNS, default_seeds, of_data, read_first_steps, read_ledger
from verification.report.progress import Bar
from verification.suite import with_weights
from zoo import streams
from zoo.catalog import list_recipes, load_recipe
from zoo.data.sources import open_data
from zoo.errors import ZooError, unknown
from zoo.training.prepare import prepare


def record(args: flags.FlagValues) -> int:
    """Records the reference runs that are missing from the ledgers of the recipes; returns the exit status.

    Each run is appended when it ends, so that a recording that was interrupted continues. Runs that were recorded
    without the digest of their code are recorded again.
    """
    if not args.recipe:
        raise ZooError("--record requires --recipe=NAME")
    if custom := sorted(set(args.recipe) - set(list_recipes())):
        raise unknown("built-in recipe, and only these have ledgers,", custom[0], list_recipes())

    def missing_seeds(known, recipe):
        wanted = args.seeds or (SEEDS_OF_LONG_RUNS if args.first else default_seeds(known, recipe))
        return sorted({*range(wanted)} - {run["seed"] for run in known})

    console, platform = streams.make_console(), jax.default_backend()
    with Bar(console) as bar:
        for name in args.recipe:
            recipe = with_weights(load_recipe(name), args.weights)
            recipe.check_weights_given()
            read = read_first_steps if args.first else read_ledger
            dataset = open_data(recipe.data, args.data)
            known = of_data(read(name, recipe, platform), dataset.spec)
            known = [run for run in known if "code" in run and run.get("first_steps") == args.first]
            experiment = None
            while missing := missing_seeds(known, recipe):
                experiment = experiment or prepare(recipe, dataset, mesh=mesh_of_runs(), on_progress=bar.progress)
                if args.first:
                    run = record_first_steps(name, experiment, platform, missing[0], args.first, [bar])
                else:
                    run = record_run(name, experiment, platform, missing[0], [bar])
                known.append(run)
                left, measures = len(missing_seeds(known, recipe)), run["measures"].items()
                console.print(
                    f"{name}, seed {run['seed']}: {', '.join(f'{what} {value:.4f}' for what, value in measures)};"
                    f" {left} more to record",
                    soft_wrap=True,
                )
    return 0
