"""Checks of the first steps, for recipes that take too long on this machine."""

from collections.abc import Iterator, Sequence
from typing import Any

from verification.check import Check, Group
from verification.convergence import (
    MIN_RUNS,
    check_bands,
    check_seed,
    different_data,
    ends_of_parts,
    losses_of_parts,
    reference_run,
)
from verification.convergence.sequential import Watch, recipe_alpha, run_trial
from verification.ledger import append_run, of_data
from verification.ledger.code import other_code
from verification.loss import of_equal_logits
from zoo.errors import TrainingInterrupted, ZooError
from zoo.training.experiment import Experiment
from zoo.training.fit import fit
from zoo.training.tracking import Tracker


class _Done(Exception):
    """Raised when a run has made the requested number of steps."""


class _First(Tracker):
    """Stops a run after some steps, and keeps their records."""

    def __init__(self, steps):
        self.steps, self.records = steps, []

    def train(self, record):
        self.records.append(record)
        if record["step"] == self.steps:
            raise _Done


def first_steps(
    experiment: Experiment, steps: int, seed: int, trackers: Sequence[Tracker] = ()
) -> list[dict[str, Any]]:
    """Trains the first steps of a run, with the schedule of the complete run, and returns their records.

    Raises:
      ZooError: the complete run is not longer than `steps`, or its loss is not finite.
    """
    if steps >= experiment.total_steps:
        raise ZooError(f"--first={steps}: the run has only {experiment.total_steps} steps; omit --first")
    first = _First(steps)
    try:
        result = fit(experiment.recipe, seed=seed, trackers=[*trackers, first], experiment=experiment)
    except _Done:
        return first.records
    raise ZooError(f"training failed within the first {steps} steps: {result.verdict.explanation}")


def record_first_steps(
    recipe_name: str, experiment: Experiment, platform: str, seed: int, steps: int, trackers: Sequence[Tracker] = ()
) -> dict[str, Any]:
    """Trains the first steps of a reference run and appends them to the ledger."""
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
    """Trains the first steps with a seed that is not in the ledger, and compares them with the reference runs.

    As for whole runs, one or two more seeds are trained where the first leaves doubt.

    Args:
      recipe_name, experiment: the recipe to train.
      runs: reference runs from the ledger, with the same number of `first_steps`.
      seed: seed of the run under test.
      trackers: trackers of that run.
    """
    check_seed(recipe_name, seed, runs)
    group, steps = Group(recipe_name, "convergence"), runs[0]["first_steps"]
    known, runs = runs, of_data(runs, experiment.dataset.spec)
    if len(runs) < MIN_RUNS:
        yield group.undecided("bands", different_data(known, experiment))
        return

    def train(seed, stop_if):
        watch = Watch(stop_if, ends_of_parts(steps))
        records = first_steps(experiment, steps, seed, [watch, *trackers])
        return losses_of_parts([record["loss"] for record in records])

    try:
        trial = run_trial(runs, seed, recipe_alpha(experiment.mesh.devices.flat[0].platform), train)
    except TrainingInterrupted:
        raise
    except ZooError as error:  # the loss is not finite
        yield group.check("bands", False, str(error))
        return
    if trial.stopped:
        yield group.check("bands", False, f"first {steps} steps: {trial.stopped}; training was stopped")
        return
    measures = trial.fresh[-1]
    uninformed = of_equal_logits(experiment.recipe.loss, len(experiment.dataset.class_names))
    last = list(measures)[-1]
    if all(run["measures"][last] < uninformed for run in runs):
        detail = (
            f"the loss is {measures[last]:.4f} at the end of the first {steps} steps, {uninformed:.4f} for equal logits"
        )
        yield group.check("start", measures[last] < uninformed, detail)
    else:  # during a long warmup, or with the additional losses of auxiliary heads
        yield group.skip(
            "start", f"the loss of the reference runs is not below that of equal logits after {steps} steps"
        )
    yield from check_bands(group, trial, len(other_code(runs, experiment.recipe)), f"first {steps} steps: ")
    yield group.skip("target", f"the complete run of {experiment.total_steps:,} steps takes too long on this machine")
