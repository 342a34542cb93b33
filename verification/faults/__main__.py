"""Tries faults: injects each into recipes, and records which check finds it first, in how many seconds.

    python -m verification.faults --output=out.jsonl                    # all, which takes hours; can be interrupted
    python -m verification.faults --fault=weight_decay:10 --base=squeezenet1_1 --output=out.jsonl
    python -m verification.faults --matters --train                     # only the strengths that matter; also trains
    python -m verification.faults --write                               # writes verification/faults/matrix.jsonl

`python -m verification.results --write` makes docs/faults.md from verification/faults/matrix.jsonl.

Recipes are also tried without a fault, and must pass.

Exit status: 0 every fault at the strength that matters was caught, or says why it cannot be, and no recipe without a
fault failed; 1 otherwise.
"""

from pathlib import Path

from absl import flags

from zoo import cli, streams

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string("fault", [], "NAME or NAME:STRENGTH; repeatable. Default: all.", flag_values=FLAGS)
flags.DEFINE_multi_string(
    "base", [], "Recipe to try them on, where they apply; repeatable. Default: chosen for each.", flag_values=FLAGS
)
flags.DEFINE_list("groups", [], "Groups of checks. Default: all that do not train.", flag_values=FLAGS)
flags.DEFINE_bool("matters", False, "Try only the strength that matters of each fault.", flag_values=FLAGS)
flags.DEFINE_bool("train", False, "Train where the other checks find nothing.", flag_values=FLAGS)
flags.DEFINE_string("output", None, "JSON lines file to add the outcomes to.", flag_values=FLAGS)
flags.DEFINE_bool("write", False, "Add the outcomes to verification/faults/matrix.jsonl.", flag_values=FLAGS)
cli.define_integer("processes", 1, "Trials at the same time.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_bool("again", False, "Repeat trials that the file has.", flag_values=FLAGS)
flags.DEFINE_bool("compilation_cache", True, "Use JAX's persistent compilation cache.", flag_values=FLAGS)


def main(args: flags.FlagValues) -> int:
    """Runs the trials that are missing, prints a line for each, and returns the exit status."""
    from verification.faults import FAULTS
    from verification.faults.fault import label, parse
    from verification.faults.trial import HEALTHY, MATRIX, append_outcome, read_outcomes, run_trials, trials
    from verification.suite import GROUPS
    from zoo.errors import ZooError, unknown

    if args.output and args.write:
        raise ZooError("--write is --output=verification/faults/matrix.jsonl: omit one of them")
    if args.train and args.groups:
        raise ZooError("--train adds training to the default groups: with --groups, add convergence there")
    for group in args.groups:
        if group not in GROUPS:
            raise unknown("group of checks", group, GROUPS)
    if args.fault:
        chosen = [(found, [strength]) for found, strength in (parse(text, FAULTS) for text in args.fault)]
    else:
        chosen = [(fault, [fault.matters] if args.matters else fault.variants()) for fault in FAULTS.values()]
    wanted = trials(chosen, args.base)
    if not wanted:
        raise ZooError("none of the faults applies to any of the recipes: choose another --base")
    path = MATRIX if args.write else Path(args.output) if args.output else None
    known = read_outcomes(path) if path else {}
    groups = args.groups or [group for group in GROUPS if group != "convergence" or args.train]
    missing = [
        trial
        for trial in wanted
        if args.again
        or trial not in known
        or (known[trial].caught_by is None and "convergence" in groups and not known[trial].trained)
    ]
    console = streams.make_console()
    outcomes = run_trials(missing, groups, processes=args.processes, compilation_cache=args.compilation_cache)
    for number, outcome in enumerate(outcomes, start=1):
        known[outcome.trial] = outcome
        if path:
            append_outcome(path, outcome)
        caught = outcome.caught_by or ("passes" if outcome.fault == HEALTHY else "NOT CAUGHT")
        name, took = f"{outcome.fault}:{outcome.strength}".rstrip(":"), f"{outcome.seconds:g} s of CPU time"
        console.print(
            f"{number}/{len(missing)} {name} in {outcome.base}: {caught}, {took}. {outcome.detail}",
            soft_wrap=True,
            markup=False,
            highlight=False,
        )
    controls = [known[trial] for trial in wanted if trial.fault == HEALTHY]
    alarms = [each for each in controls if each.caught_by]
    of_faults = [known[trial] for trial in wanted if trial.fault != HEALTHY]
    tried = [each for each in of_faults if each.strength == label(FAULTS[each.fault].matters)]
    caught = sum(each.caught_by is not None for each in tried)
    console.print(
        f"caught {caught} of {len(tried)} at the strength that matters; {len(alarms)} of {len(controls)} controls"
        " without a fault failed",
        soft_wrap=True,
    )
    return 1 if caught < len(tried) or alarms else 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
