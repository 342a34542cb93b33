"""Records fresh healthy runs, and prints how often the checks of convergence reject a good run.

    python -m verification.convergence.alarms --recipe=mlp --seeds=500
    python -m verification.convergence.alarms

A recording that was interrupted continues. Runs are kept by processor: on another machine, the same command records
them again. `python -m verification.results --write` writes the tables into docs/error-rates.md.
"""

from absl import flags

from zoo import cli, streams

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string("recipe", [], "Name of a recipe to train; repeatable.", flag_values=FLAGS)
cli.define_integer(
    "seeds",
    500,
    "Number of fresh runs that each recipe should have on this processor.",
    lower_bound=1,
    flag_values=FLAGS,
)
cli.define_jax_flags(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Records the missing runs and prints the tables."""
    import jax

    from verification.convergence import rates
    from verification.convergence.fresh import record_fresh
    from verification.report.progress import Bar
    from zoo.catalog import load_recipe
    from zoo.data.sources import open_data
    from zoo.training.prepare import prepare

    cli.set_up_jax(args)
    console, platform = streams.make_console(), jax.default_backend()
    with Bar(console) as bar:
        for name in args.recipe:
            recipe = load_recipe(name)
            experiment = prepare(recipe, open_data(recipe.data), on_progress=bar.progress)

            def tell(done, seeds, name=name):
                if done % 50 == 0 or done == seeds:
                    console.print(f"{name}: {done} of {seeds} fresh runs")

            record_fresh(name, experiment, platform, args["seeds"].value, [bar], tell)
    for table in (rates.table_of_fresh_runs, rates.table_of_left_out_runs, rates.table_of_power):
        print(table())
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
