"""Diagnoses seeded faults and healthy programs, and reports how often the doctor is right.

python -m verification.doctor --processes=2    # all cases that were not diagnosed yet
python -m verification.doctor --case='rate*'   # those whose names match, again
python -m verification.doctor --learn          # learns likelihoods from one part
python -m verification.doctor --write          # writes the figures of the other part into the documentation
"""

import fnmatch

from absl import flags

from verification.doctor import learn, page, trials
from zoo import cli, streams

FLAGS = flags.FlagValues()
cli.define_integer("processes", 1, "Cases that are diagnosed at the same time.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_string("case", None, "Pattern of names of cases, which are diagnosed again.", flag_values=FLAGS)
flags.DEFINE_bool("learn", False, "Learn likelihoods from the results, and write them.", flag_values=FLAGS)


def main(args: flags.FlagValues) -> int:
    """Diagnoses cases, or learns from them; returns 0."""
    console = streams.make_console()
    if args.learn:
        console.print(learn.learn(trials.read_results()))
        return 0
    done = {result["case"] for result in trials.read_results() if "error" not in result}
    chosen = [
        case
        for case in trials.all_cases()
        if (fnmatch.fnmatchcase(case.name, args.case) if args.case else case.name not in done)
    ]
    for number, result in enumerate(trials.run(chosen, args.processes), 1):
        console.print(f"{number}/{len(chosen)} {page.line(result)}", markup=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
