"""Measures how fast networks train or evaluate, how they scale, and how fast images are read.

    python -m zoo.benchmark --model=alexnet --batch=32 --mode=train
    python -m zoo.benchmark --model=resnet18,resnet50 --mode=train,eval --against=torch
    python -m zoo.benchmark --model=resnet50 --against=torch --json >> verification/performance/MACHINE.jsonl
    python -m zoo.benchmark --model=resnet50 --profile=trace
    python -m zoo.benchmark --model=resnet18 --scaling
    python -m zoo.benchmark --pipeline=folder:flowers --against=torch
    python -m zoo.benchmark --start --model=alexnet,resnet50 --batch=8

Sides are timed in turn, round by round, and compared round by round, so that the ratio holds on a noisy machine.
"""

import json
import os
from pathlib import Path

from absl import flags

from zoo import cli, streams

MODES = ("train", "eval")

FLAGS = flags.FlagValues()
flags.DEFINE_list("model", ["alexnet"], "Names of networks.", flag_values=FLAGS)
cli.define_integer("batch", 32, "Images a step.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_list("mode", ["train"], "What a step is: train, eval, or both.", flag_values=FLAGS)
flags.DEFINE_enum("dtype", "float32", ["float32", "bfloat16"], "Of the computation.", flag_values=FLAGS)
flags.DEFINE_enum(
    "against",
    None,
    ["torch", "keras", "tf"],
    "What to compare with: PyTorch (eager and compiled; with --pipeline its DataLoader), Keras on JAX, or tf.data (with"
    " --pipeline).",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "scaling", False, "Time steps over batch, image side, width, devices and processes instead.", flag_values=FLAGS
)
flags.DEFINE_string("picture", "scaling.png", "Where --scaling draws its picture.", flag_values=FLAGS)
flags.DEFINE_bool(
    "start", False, "Time how long it takes from the command to the first training step instead.", flag_values=FLAGS
)
flags.DEFINE_string("pipeline", None, "Time the reading of folder:PATH or tfds:NAME instead.", flag_values=FLAGS)
cli.define_integer(
    "workers", 0, "With --pipeline: processes that decode; 0 for threads.", lower_bound=0, flag_values=FLAGS
)
flags.DEFINE_string(
    "profile", None, "Folder for a trace of the zoo's steps, for TensorBoard and ui.perfetto.dev.", flag_values=FLAGS
)
cli.define_integer("rounds", 5, "How often each side has its turn.", lower_bound=1, flag_values=FLAGS)
cli.define_integer("steps", 3, "Steps in a turn.", lower_bound=1, flag_values=FLAGS)
cli.define_convolution_flag(FLAGS)
flags.DEFINE_bool("json", False, "Print a line of JSON for each result, not a table.", flag_values=FLAGS)


def main(args: flags.FlagValues) -> int:
    """Times what was asked for, and prints what came out."""
    # The main process only asks which device there is: the memory is for the sides.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    from zoo.errors import ZooError, printable, unknown
    from zoo.models.registry import find_entry
    from zoo.training.run.environment import environment

    for mode in args.mode:
        if mode not in MODES:
            raise unknown("mode", mode, MODES)
    for model in args.model:
        find_entry(model)
    if args.pipeline and (args.scaling or args.profile or args.against == "keras"):
        raise ZooError("--pipeline reads images and runs no network: it takes neither --scaling, --profile nor Keras")
    if args.against == "tf" and not args.pipeline:
        raise ZooError("--against=tf is for --pipeline=folder:PATH: it is tf.data")
    if args.scaling and (args.against or args.profile):
        raise ZooError("--scaling times the zoo alone: it takes neither --against nor --profile")
    if args.scaling:
        streams.check_output("--picture", Path(args.picture))
    if args.profile and Path(args.profile).exists() and not Path(args.profile).is_dir():
        raise ZooError(f"--profile={printable(args.profile)} is a file, and has to be a folder")
    console = streams.make_console(stderr=args.json)

    def put(result):
        if args.json:
            print(json.dumps({**result, "environment": environment()}), flush=True)

    if args.start and (args.scaling or args.pipeline or args.against or args.profile):
        raise ZooError("--start times whole commands: it takes neither --scaling, --pipeline, --against nor --profile")
    with cli.chosen_convolution(args):
        (_read if args.pipeline else _scale if args.scaling else _start if args.start else _step)(args, console, put)
    return 0


def _step(args, console, put):
    from zoo.benchmark import networks
    from zoo.benchmark.work import Work

    results = []
    for model in args.model:
        for mode in args.mode:
            work = Work(model, mode, args.batch, args.dtype, args.convolution)
            profile = Path(args.profile) / f"{model}-{mode}" if args.profile else None
            results.append(
                networks.measure(
                    work, args.against, rounds=args.rounds, steps=args.steps, console=console, profile=profile
                )
            )
            put(results[-1])
    if not args.json:
        networks.show(results, console)
    if args.profile:
        console.print(f"traces are in {args.profile}: tensorboard --logdir={args.profile}, or ui.perfetto.dev")


def _scale(args, console, put):
    from zoo.benchmark import scaling
    from zoo.benchmark.work import Work

    results = []
    for model in args.model:
        for mode in args.mode:
            work = Work(model, mode, args.batch, args.dtype, args.convolution)
            for result in scaling.measure(work, rounds=args.rounds, steps=args.steps, console=console):
                results.append(result)
                put(result)
    if not args.json:
        scaling.show(results, console)
    scaling.draw(results, Path(args.picture))
    console.print(f"the picture is {args.picture}")


def _start(args, console, put):
    from zoo.benchmark import start

    results = []
    for model in args.model:
        results.append(
            start.measure(model, args.batch, rounds=args.rounds, console=console, convolution=args.convolution)
        )
        put(results[-1])
    if not args.json:
        start.show(results, console)


def _read(args, console, put):
    from zoo.benchmark import pipeline

    result = pipeline.measure(
        args.pipeline, args.batch, args.against, workers=args.workers, rounds=args.rounds, console=console
    )
    put(result)
    if not args.json:
        pipeline.show(result, console)


if __name__ == "__main__":
    cli.run(main, FLAGS)
