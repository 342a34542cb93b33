"""Records the first steps of recipes as reference values, and how fast rounding grows in them.

python -m verification.fingerprint --recipe=lenet5
python -m verification.fingerprint                      # all recipes whose data is in the project
"""

import json

from absl import flags

from zoo import cli, streams

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string("recipe", [], "Name of a recipe; repeatable. Default: all.", flag_values=FLAGS)
flags.DEFINE_bool("missing", False, "Record only recipes without reference values.", flag_values=FLAGS)
cli.define_jax_flags(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Records the reference values, and returns the exit status."""
    import dataclasses

    import jax

    import zoo.data.sources
    from verification import devices
    from verification.devices import mesh_of_runs
    from verification.fingerprint import make_reference, path_of, trace
    from verification.step.probe import Probe, small
    from zoo.catalog import list_recipes, load_recipe
    from zoo.errors import DataNotPrepared
    from zoo.training.prepare import prepare

    cli.set_up_jax(args)
    devices.set_up_jax()
    console, platform = streams.make_console(), jax.default_backend()
    for name in args.recipe or list_recipes():
        recipe, path = load_recipe(name), path_of(name, platform)
        if args.missing and path.exists():
            continue
        try:
            dataset = zoo.data.sources.open_data(recipe.data, None)
        except DataNotPrepared as error:
            console.print(f"{name}: not recorded: {error}", soft_wrap=True)
            continue
        experiment = prepare(recipe, dataset, mesh=mesh_of_runs())
        other = "xla" if experiment.convolution == "fast" else "fast"
        # XLA's depthwise convolutions and kernel gradients take minutes in larger networks.
        variants = [dataclasses.replace(experiment, convolution=other)] if small(experiment) else []
        reference = make_reference(experiment, [trace(Probe(variant)) for variant in variants])
        path.write_text(json.dumps(reference, indent=1) + "\n", encoding="utf-8")
        last = {kind: values[-1] for kind, values in reference["tolerance"].items()}
        console.print(f"{name}: {len(reference['loss'])} steps, tolerances of the last one {last}", soft_wrap=True)
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
