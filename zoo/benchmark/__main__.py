"""Benchmarks training and evaluation steps, their scaling, and image reading.

    python -m zoo.benchmark --model=alexnet --batch=32 --mode=train
    python -m zoo.benchmark --model=resnet18,resnet50 --mode=train,eval --against=torch
    python -m zoo.benchmark --model=resnet50 --against=torch --json >> verification/performance/MACHINE.jsonl
    python -m zoo.benchmark --model=resnet50 --profile=trace
    python -m zoo.benchmark --model=resnet18 --scaling
    python -m zoo.benchmark --pipeline=folder:flowers --against=torch
    python -m zoo.benchmark --start --model=alexnet,resnet50 --batch=8

The zoo and what it is compared with are timed alternately, and the ratio is taken within each round, so that it is
reliable on a noisy machine.
"""

import json
import os
from pathlib import Path

from absl import flags

from zoo import cli, streams

MODES = ("train", "eval")

FLAGS = flags.FlagValues()
flags.DEFINE_list("model", ["alexnet"], "Names of networks.", flag_values=FLAGS)
cli.define_integer("batch", 32, "Images per step.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_list("mode", ["train"], "Kinds of steps to time: train, eval, or both.", flag_values=FLAGS)
flags.DEFINE_enum("dtype", "float32", ["float32", "bfloat16"], "Dtype of the computation.", flag_values=FLAGS)
flags.DEFINE_enum(
    "against",
    None,
    ["torch", "keras", "tf"],
    "Framework to compare with: PyTorch (eager and compiled; with --pipeline its DataLoader), Keras on JAX, or tf.data"
    " (with --pipeline).",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "scaling",
    False,
    "Instead, time steps as a function of batch, image side, width, devices and processes.",
    flag_values=FLAGS,
)
flags.DEFINE_string("picture", "scaling.png", "PNG file for the plot of --scaling.", flag_values=FLAGS)
flags.DEFINE_bool(
    "start", False, "Instead, measure the time from the command to the first training step.", flag_values=FLAGS
)
flags.DEFINE_string(
    "pipeline", None, "Instead, time the input pipeline on folder:PATH or tfds:NAME.", flag_values=FLAGS
)
cli.define_integer(
    "workers", 0, "With --pipeline: worker processes for decoding; 0 for threads.", lower_bound=0, flag_values=FLAGS
)
flags.DEFINE_string(
    "profile", None, "Folder for a trace of the zoo's steps, for TensorBoard and ui.perfetto.dev.", flag_values=FLAGS
)
cli.define_integer("rounds", 5, "Rounds of alternating timings.", lower_bound=1, flag_values=FLAGS)
cli.define_integer("steps", 3, "Steps timed in each round.", lower_bound=1, flag_values=FLAGS)
cli.define_convolution_flag(FLAGS)
flags.DEFINE_bool("json", False, "Print a line of JSON for each result instead of a table.", flag_values=FLAGS)


def main(args: flags.FlagValues) -> int:
    """Runs the requested benchmark and prints the results."""
    # The main process only queries the device: the memory is for the benchmarked processes.
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
        raise ZooError("--pipeline runs no network: it cannot be combined with --scaling, --profile or --against=keras")
    if args.against == "tf" and not args.pipeline:
        raise ZooError("--against=tf compares with tf.data: it requires --pipeline=folder:PATH")
    if args.scaling and (args.against or args.profile):
        raise ZooError("--scaling times only the zoo: it cannot be combined with --against or --profile")
    if args.scaling:
        streams.check_output("--picture", Path(args.picture))
    if args.profile and Path(args.profile).exists() and not Path(args.profile).is_dir():
        raise ZooError(f"--profile={printable(args.profile)} is a file: expected a folder")
    console = streams.make_console(stderr=args.json)

    def put(result):
        if args.json:
            print(json.dumps({**result, "environment": environment()}), flush=True)

    if args.start and (args.scaling or args.pipeline or args.against or args.profile):
        raise ZooError(
            "--start times whole commands: it cannot be combined with --scaling, --pipeline, --against or --profile"
        )
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
        console.print(
            f"wrote traces to {args.profile}: view with tensorboard --logdir={args.profile}, or ui.perfetto.dev"
        )


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
    console.print(f"wrote the plot to {args.picture}")


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
