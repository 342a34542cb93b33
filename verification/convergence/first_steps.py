"""The first steps of recipes that are too long for the machine at hand: do they begin as they always have?"""

from collections.abc import Iterator, Sequence
from typing import Any

from verification.check import Check, Group
from verification.convergence import (
    ALPHA,
    FEWEST_RUNS,
    check_seed,
    describe,
    losses_of_parts,
    measure_bands,
    of_other_data,
    reference_run,
)
from verification.ledger import append_run, of_data
from verification.losses import of_equal_logits
from zoo.errors import ZooError
from zoo.training.experiment import Experiment
from zoo.training.fit import fit
from zoo.training.tracking import Tracker


class _Enough(Exception):
    """A run has made the steps that were asked for."""


class _First(Tracker):
    """Ends a run after some steps, and keeps their records."""

    def __init__(self, steps):
        self.steps, self.records = steps, []

    def train(self, record):
        self.records.append(record)
        if record["step"] == self.steps:
            raise _Enough


def first_steps(
    experiment: Experiment, steps: int, seed: int, trackers: Sequence[Tracker] = ()
) -> list[dict[str, Any]]:
    """The records of the first steps of a run, which has the schedule of the whole one.

    Raises:
      ZooError: the run has no more than so many steps, or its loss is not finite.
    """
    if steps >= experiment.total_steps:
        raise ZooError(f"--first={steps}: the run has {experiment.total_steps} steps; leave it out to make all of them")
    first = _First(steps)
    try:
        result = fit(experiment.recipe, seed=seed, trackers=[*trackers, first], experiment=experiment)
    except _Enough:
        return first.records
    raise ZooError(f"the first {steps} steps cannot be made: {result.verdict.explanation}")


def record_first_steps(
    recipe_name: str, experiment: Experiment, platform: str, seed: int, steps: int, trackers: Sequence[Tracker] = ()
) -> dict[str, Any]:
    """Makes the first steps of a reference run and adds them to the ledger."""
    records = first_steps(experiment, steps, seed, trackers)
    measures = losses_of_parts([record["loss"] for record in records])
    run = reference_run(recipe_name, experiment, seed, records, measures) | {"first_steps": steps}
    append_run(recipe_name, platform, run)
    return run


def check_first_steps(
    recipe_name: str,
    experiment: Experiment,
    runs: Sequence[dict[str, Any]],
    seed: int,
    trackers: Sequence[Tracker] = (),
) -> Iterator[Check]:
    """Makes the first steps with a seed that is not in the ledger, and holds them against those of the reference runs.

    Args:
      recipe_name, experiment: what is trained.
      runs: the ledger's, all with equally many `first_steps`.
      seed: of the run that is judged.
      trackers: are told of it.
    """
    check_seed(recipe_name, seed, runs)
    group, steps = Group(recipe_name, "convergence"), runs[0]["first_steps"]
    others, runs = runs, of_data(runs, experiment.dataset.spec)
    if len(runs) < FEWEST_RUNS:
        yield group.undecided("bands", of_other_data(others, experiment))
        return
    losses = [record["loss"] for record in first_steps(experiment, steps, seed, trackers)]
    measures, bands = losses_of_parts(losses), measure_bands([run["measures"] for run in runs], ALPHA)
    ignorant = of_equal_logits(experiment.recipe.loss, len(experiment.dataset.class_names))
    last = list(measures)[-1]
    if all(run["measures"][last] < ignorant for run in runs):
        detail = (
            f"the loss is {measures[last]:.4f} at the end of the first {steps} steps, {ignorant:.4f} for equal logits"
        )
        yield group.check("start", measures[last] < ignorant, detail)
    else:  # a warm-up has just begun, or classifiers on the way have losses of their own
        yield group.skip("start", f"reference runs have learned nothing either after {steps} steps")
    for name, band in bands.items():
        yield group.check(
            f"band of {name}", measures[name] in band, f"first {steps} steps: {describe(name, measures[name], band)}"
        )
    yield group.skip("target", f"the whole run of {experiment.total_steps:,} steps is for faster machines")
