"""Diagnoses seeded faults and healthy programs, and reports how often the doctor is right.

python -m verification.doctor --processes=2    # all cases that this version of the code did not diagnose yet: first
                                               # those of one part, from which likelihoods are learned, then the others
python -m verification.doctor --colour=folder:cifar10   # with cases on colour images, which the project does not carry
python -m verification.doctor --case='rate*'   # those whose names match, again
python -m verification.doctor --learn          # learns likelihoods from what is recorded
python -m verification.results --write         # writes the figures into the documentation
"""

import fnmatch

from absl import flags

from verification.doctor import learn, page, trials
from zoo import cli, streams

FLAGS = flags.FlagValues()
cli.define_integer("processes", 1, "Cases that are diagnosed at the same time.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_string("case", None, "Pattern of names of cases, which are diagnosed again.", flag_values=FLAGS)
flags.DEFINE_string("colour", None, "Source of colour images, such as folder:PATH.", flag_values=FLAGS)
flags.DEFINE_bool("learn", False, "Learn likelihoods from the results, and write them.", flag_values=FLAGS)


def main(args: flags.FlagValues) -> int:
    """Diagnoses cases, or learns from them; returns 0."""
    console = streams.make_console()
    if args.learn:
        console.print(learn.learn(trials.read_results()))
        return 0
    done = {result["case"] for result in trials.read_results() if trials.is_present(result) and "error" not in result}
    cases = trials.all_cases(args.colour)
    if args.case:
        _diagnose([case for case in cases if fnmatch.fnmatchcase(case.name, args.case)], args, console)
        return 0
    for learned in (True, False):
        chosen = [case for case in cases if case.learned == learned and case.name not in done]
        _diagnose(chosen, args, console)
        if learned and chosen:
            console.print(learn.learn(trials.read_results()))
    return 0


def _diagnose(cases, args, console):
    for number, result in enumerate(trials.run(cases, args.processes, args.colour), 1):
        console.print(f"{number}/{len(cases)} {page.line(result)}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    cli.run(main, FLAGS)
