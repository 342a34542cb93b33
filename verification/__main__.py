"""Checks that networks match their references and that recipes converge like their reference runs.

    python -m verification
    python -m verification --tier=full
    python -m verification --recipe=alexnet --json=report.json --html=report.html --junit=report.xml --badge=badge.json
    python -m verification --convolution=xla
    python -m verification --like=alexnet --model=mypackage.MyAlexNet
    python -m verification --like=lenet5 --recipe=mine.py
    python -m verification --baseline=report.json
    python -m verification --recipe=alexnet --certify=certificate.json
    python -m verification --certificate=certificate.json
    python -m verification --recipe=alexnet --record --seeds=8
    python -m verification --recipe=efficientnet_lite0_finetune --weights=FILE.pth --data=folder:imagenette
    python -m verification --recipe=resnet20_cifar10 --data=folder:cifar10 --record --first=60

Exit status: 0 all checks passed, 1 a check failed, 2 usage error, 3 none failed but some are undecided. With --baseline
or --certificate: 0 the same result, 1 another one, 3 undecided.
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
    "Groups of checks to run, in order: architecture, initialization, traces, step, fingerprint, convergence.",
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "tier",
    None,
    ["quick", "full"],
    "quick: train only recipes that take less than 10 s; full: train all. Default: full with --recipe, quick without.",
    flag_values=FLAGS,
)
cli.define_integer("seed", SEED, "Seed of the run under test.", lower_bound=0, upper_bound=2**32 - 1, flag_values=FLAGS)
flags.DEFINE_string(
    "data",
    None,
    "Location of the data set, such as folder:PATH, if it differs from the recipe's; requires --recipe or --like.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "weights",
    None,
    "Trained weights that the recipe starts from, if it does: a weight file or the folder of a run; requires --recipe.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "like",
    None,
    "Compare --model, --recipe or --data, all of one's own, with this built-in recipe, and name the first difference.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "model", None, "With --like: a Flax module, as PACKAGE.MODULE.NAME or FILE.py:NAME.", flag_values=FLAGS
)
flags.DEFINE_string(
    "baseline",
    None,
    "JSON report of another environment to compare with, see docs/regression-testing.md; runs its recipes by default.",
    flag_values=FLAGS,
)
flags.DEFINE_string("certify", None, "Path of a certificate to write, of one recipe's checks.", flag_values=FLAGS)
flags.DEFINE_string("certificate", None, "Certificate to check again.", flag_values=FLAGS)
flags.DEFINE_string("json", None, "Path of a JSON report of all checks, for --baseline as well.", flag_values=FLAGS)
flags.DEFINE_string("html", None, "Path of a report of all checks for a browser, in one file.", flag_values=FLAGS)
flags.DEFINE_string("junit", None, "Path of a JUnit XML report of all checks.", flag_values=FLAGS)
flags.DEFINE_string("badge", None, "Path of a JSON badge for shields.io.", flag_values=FLAGS)
flags.DEFINE_string(
    "fault",
    None,
    "Fault to inject, which the checks must detect: NAME or NAME:STRENGTH, see docs/faults.md.",
    flag_values=FLAGS,
)
flags.DEFINE_bool("record", False, "Record reference runs in the ledger instead of running checks.", flag_values=FLAGS)
cli.define_integer(
    "seeds",
    None,
    "With --record: number of seeds, starting from 0, that the ledger should contain. Default: 16 for recipes that take"
    " less than a minute, 8 for others.",
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

OUTPUTS = ("json", "html", "junit", "badge", "certify")
MODES = ("like", "baseline", "certificate", "record")


def main(args: flags.FlagValues) -> int:
    """Runs the checks, or records reference runs, and returns the exit status."""
    from zoo.errors import unknown

    check_flags(args)
    from verification import devices
    from verification.faults import inject
    from verification.suite import GROUPS

    for group in args.only:
        if group not in GROUPS:
            raise unknown("group of checks", group, GROUPS)
    cli.set_up_jax(args)
    devices.set_up_jax()
    with cli.chosen_convolution(args), inject(args.fault) if args.fault else contextlib.nullcontext():
        if args.record:
            from verification.commands.record import record

            return record(args)
        if args.like:
            from verification.commands.like import compare_with_reference

            return compare_with_reference(args)
        from verification.commands.check import check

        return check(args)


def check_flags(args: flags.FlagValues) -> None:
    """Raises `ZooError` for flags that contradict each other, and for outputs that cannot be written."""
    from zoo.errors import ZooError

    given = [mode for mode in MODES if getattr(args, mode)]
    if len(given) > 1:
        raise ZooError(f"--{given[0]} and --{given[1]} cannot be combined")
    if not args.record and (args.first or args["seeds"].present):
        raise ZooError(f"--{'first' if args.first else 'seeds'} requires --record")
    if args.fault and (args.record or args.certify):
        raise ZooError(f"--fault cannot be combined with --{'record' if args.record else 'certify'}")
    unused = ("only", "tier") if args.record else ("only", "tier", "seed") if args.certificate else ()
    for name in unused:
        if args[name].present:
            raise ZooError(f"--{name} cannot be combined with --{'record' if args.record else 'certificate'}")
    outputs = {name: Path(getattr(args, name)) for name in OUTPUTS if getattr(args, name)}
    if args.record and outputs:
        raise ZooError(f"--{next(iter(outputs))} cannot be combined with --record, which runs no checks")
    inputs = {name: Path(getattr(args, name)) for name in ("baseline", "certificate") if getattr(args, name)}
    named: dict[Path, str] = {}
    for name, path in (inputs | outputs).items():
        if (other := named.setdefault(path.resolve(), name)) != name:
            raise ZooError(f"--{other} and --{name} must be different files")
    for name, path in outputs.items():  # fail now, not after minutes of training
        streams.check_output(f"--{name}", path)
    if args.certify and (args.like or args.baseline or args.certificate or len(args.recipe) != 1):
        raise ZooError("--certify requires exactly one --recipe=NAME, and none of --like, --baseline, --certificate")
    if args.model and not args.like:
        raise ZooError("--model requires --like=RECIPE, the built-in recipe to compare with")
    if args.like and args.only:
        raise ZooError("--only cannot be combined with --like, which stops at what cannot be compared")
    if args.like and not (args.model or args.recipe or args.data):
        raise ZooError("--like requires something to compare: --model=MODULE.NAME, --recipe=FILE.py or --data=SOURCE")
    if args.like and len(args.recipe) > 1:
        raise ZooError("--like compares a single --recipe")
    if args.weights and (len(args.recipe) != 1 or args.like):
        raise ZooError("--weights requires exactly one --recipe=NAME, and cannot be combined with --like")
    if args.data and not (args.recipe or args.like or args.certificate):
        raise ZooError("--data requires --recipe=NAME")


if __name__ == "__main__":
    cli.run(main, FLAGS)
