"""Does as much as fits into some minutes on a GPU or TPU: is it right, is it fast, does it converge, reference runs.

    python -m verification.accelerator --minutes=9 --output=results --data=cifar10=folder:cifar10
    python -m verification.accelerator --minutes=9 --output=more --after=results --data=cifar10=folder:cifar10
    python -m verification.accelerator --rehearse --output=rehearsal

Each piece writes a line of JSON into the output folder when it is over; a later call that is told of that folder goes on
with what is left. A rehearsal does a little of everything on any machine.

Exit status: 0 all that was done agrees with the CPU, 1 something does not or failed, 2 the command cannot be used.
"""

import time
from pathlib import Path

from absl import flags

from zoo import cli, streams

FLAGS = flags.FlagValues()
flags.DEFINE_float("minutes", 9.0, "At most.", lower_bound=0.0, flag_values=FLAGS)
flags.DEFINE_string("output", "accelerator", "Folder for the results.", flag_values=FLAGS)
flags.DEFINE_list("after", [], "Folders of earlier results, whose pieces are not done again.", flag_values=FLAGS)
flags.DEFINE_list(
    "data", [], "Where data sets are: NAME=folder:PATH, such as cifar10=folder:cifar10.", flag_values=FLAGS
)
flags.DEFINE_list(
    "jobs", [], "Only these: right, deterministic, fast, converges, ledgers, reading, long.", flag_values=FLAGS
)
flags.DEFINE_bool("rehearse", False, "Few steps of small networks, to see that all goes through.", flag_values=FLAGS)


def main(args: flags.FlagValues) -> int:
    """Does the jobs; 0 if nothing failed or differed."""
    until = time.time() + 60 * args.minutes
    from verification.accelerator.jobs import jobs
    from verification.accelerator.runner import read_results, run
    from verification.accelerator.unit import Settings
    from zoo.errors import ZooError, unknown

    data = {}
    for each in args.data:
        name, found, source = each.partition("=")
        if not found:
            raise ZooError(f"--data={each}: say NAME=folder:PATH, such as cifar10=folder:cifar10")
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
    bad = [line for line in lines if "error" in line or line.get("agrees") is False]
    console.print(f"{len(lines)} pieces, {len(bad)} of them failed or differ; results in {args.output}", soft_wrap=True)
    return 1 if bad else 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
