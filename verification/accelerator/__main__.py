"""Runs as many checks, benchmarks and reference runs as possible in a few minutes on a GPU or TPU.

    python -m verification.accelerator --minutes=9 --output=results --data=cifar10=folder:cifar10
    python -m verification.accelerator --minutes=9 --output=more --after=results --data=cifar10=folder:cifar10
    python -m verification.accelerator --rehearse --output=rehearsal

Each piece appends a line of JSON to the output folder when it finishes; a later call with --after skips these pieces.
--rehearse runs a little of everything, on any machine.

Exit status: 0 all results agree with the CPU, 1 a piece failed or disagrees, 2 usage error.
"""

import time
from pathlib import Path

from absl import flags

from zoo import cli, streams

FLAGS = flags.FlagValues()
flags.DEFINE_float("minutes", 9.0, "Time limit in minutes.", lower_bound=0.0, flag_values=FLAGS)
flags.DEFINE_string("output", "accelerator", "Folder for the results.", flag_values=FLAGS)
flags.DEFINE_list("after", [], "Folders of earlier results, whose pieces are skipped.", flag_values=FLAGS)
flags.DEFINE_list(
    "data", [], "Locations of data sets: NAME=folder:PATH, such as cifar10=folder:cifar10.", flag_values=FLAGS
)
flags.DEFINE_list(
    "jobs",
    [],
    "Jobs to run: right, deterministic, fast, converges, ledgers, reading, long. Default: all.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "rehearse", False, "Run few steps of small networks only, to test the program itself.", flag_values=FLAGS
)


def main(args: flags.FlagValues) -> int:
    """Runs the jobs; returns 0 if nothing failed or disagreed."""
    until = time.time() + 60 * args.minutes
    from verification.accelerator.jobs import jobs
    from verification.accelerator.runner import read_results, run
    from verification.accelerator.unit import Settings
    from zoo.errors import ZooError, unknown

    data = {}
    for each in args.data:
        name, found, source = each.partition("=")
        if not found:
            raise ZooError(f"--data={each}: expected NAME=folder:PATH, such as cifar10=folder:cifar10")
        data[name] = source
    output = Path(args.output)
    settings = Settings(args.rehearse, data, read_results([output, *map(Path, args.after)]))
    planned = jobs(settings)
    names = list(dict.fromkeys(job.name for job in planned))
    for name in args.jobs:
        if name not in names:
            raise unknown("job", name, names)
    chosen = [job for job in planned if not args.jobs or job.name in args.jobs]
    console = streams.make_console()
    lines = run(chosen, settings, output, until, lambda text: console.print(text, soft_wrap=True, markup=False))
    failed = [line for line in lines if "error" in line or line.get("agrees") is False]
    console.print(
        f"{len(lines)} pieces, {len(failed)} of them failed or disagree; results in {args.output}", soft_wrap=True
    )
    return 1 if failed else 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
