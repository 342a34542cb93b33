"""Checks that a recipe reaches its target and that its run agrees with the reference runs."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from verification.check import Check, Group
from verification.ledger import append_run, data_name, fingerprint, of_data, read_ledger
from verification.ledger.code import code_digest
from verification.ledger.correct import correct_examples, to_text
from verification.statistics import Band, prediction_band
from zoo.errors import ZooError
from zoo.training.experiment import Experiment
from zoo.training.fit import FitResult, fit
from zoo.training.run.environment import environment
from zoo.training.tracking import Tracker

ALPHA = 0.01  # false-alarm rate of all bands of a run together, on average over ledgers and seeds
MIN_RUNS = 5  # reference runs needed for bands
FIRST_STEPS = 20  # steps whose loss and gradient norm a ledger holds unrounded
PARTS = 4  # equal parts of a run; the mean training loss of each is a measure


def check_convergence(
    recipe_name: str, experiment: Experiment, platform: str, seed: int, trackers: Sequence[Tracker] = ()
) -> Iterator[Check]:
    """Trains with a seed that is not in the ledger, and compares the run with the target and the reference runs."""
    group, recipe = Group(recipe_name, "convergence"), experiment.recipe
    known = read_ledger(recipe_name, recipe, platform)
    runs = of_data(known, experiment.dataset.spec)
    bands = measure_bands([run["measures"] for run in runs], ALPHA) if len(runs) >= MIN_RUNS else {}
    check_seed(recipe_name, seed, runs)
    try:
        result = fit(recipe, seed=seed, trackers=[_Watch(bands), *trackers], experiment=experiment)
    except _OutOfBand as early:
        yield group.check("bands", False, f"{early}; training was stopped")
        return
    yield group.check("target", result.verdict.converged, result.verdict.explanation)
    if not bands:
        other = known and not runs
        reason = different_data(known, experiment) if other else too_few_runs(recipe_name, runs, platform)
        yield group.undecided("bands", reason)
    elif result.verdict.value is not None:
        measures = measure(result)
        for name, band in bands.items():
            yield group.check(f"band of {name}", measures[name] in band, describe(name, measures[name], band))


def check_seed(recipe_name: str, seed: int, runs: Sequence[dict[str, Any]]) -> None:
    """Raises `ZooError` if the seed is one of the reference runs', so that a run would be compared with itself."""
    if seed in [run["seed"] for run in runs]:
        raise ZooError(f"seed {seed} is that of a reference run of {recipe_name}: choose another")


def too_few_runs(recipe_name: str, runs: Sequence[dict[str, Any]], platform: str) -> str:
    """Returns the message for too few reference runs, with the command that records them."""
    return (
        f"unverified: {len(runs)} reference runs of this recipe on {platform}, needs {MIN_RUNS}; record them with"
        f" python -m verification --recipe={recipe_name} --record --seeds=8"
    )


def different_data(runs: Sequence[dict[str, Any]], experiment: Experiment) -> str:
    """Returns the message for reference runs on another data set."""
    return f"the reference runs used {runs[-1]['data']}, this run uses {data_name(experiment.dataset.spec)}"


def measure(result: FitResult) -> dict[str, float]:
    """Returns the measures of a run: final accuracy and loss, and the mean training loss of each of its parts."""
    losses = [record["loss"] for record in result.history if record["kind"] == "train"]
    return {**losses_of_parts(losses), "final loss": result.metrics["loss"], "final top1": result.metrics["top1"]}


def losses_of_parts(losses: Sequence[float]) -> dict[str, float]:
    """Returns the mean training loss of each part of a run, or of its first steps."""
    return {f"loss, part {number}": float(np.mean(part)) for number, part in enumerate(_parts(losses), 1)}


def _parts(values):
    return [part for part in np.array_split(values, PARTS) if len(part)]


def measure_bands(runs: Sequence[dict[str, float]], alpha: float) -> dict[str, Band]:
    """Returns a two-sided band for each measure, with a family-wise false-alarm rate of at most `alpha` (Bonferroni).

    Runs that are too good fail as well, since this indicates leaked labels.
    """
    return {name: prediction_band([run[name] for run in runs], alpha / len(runs[0])) for name in runs[0]}


def describe(name: str, value: float, band: Band) -> str:
    """Returns a description of a measure and its band."""
    runs = f"{band.n} runs with mean {band.mean:.4f}, std {band.std:.4f}"
    return f"{name} is {value:.4f}; band {band.low:.4f} to {band.high:.4f}, from {runs}"


class _OutOfBand(Exception):
    """Raised when a run has left its bands."""


class _Watch(Tracker):
    """Stops a run as soon as a measure of it is outside its band."""

    def __init__(self, bands):
        self.bands, self.losses = bands, []

    def begin(self, experiment, first_step):
        self.ends = [part[-1] + 1 for part in _parts(np.arange(experiment.total_steps))]

    def train(self, record):
        self.losses.append(record["loss"])
        if record["step"] in self.ends:
            number = self.ends.index(record["step"]) + 1
            start = self.ends[number - 2] if number > 1 else 0
            name, value = f"loss, part {number}", float(np.mean(self.losses[start:]))
            if name in self.bands and value not in self.bands[name]:
                raise _OutOfBand(describe(name, value, self.bands[name]))


def record_run(
    recipe_name: str, experiment: Experiment, platform: str, seed: int, trackers: Sequence[Tracker] = ()
) -> dict[str, Any]:
    """Makes a reference run and appends it to the ledger; see `make_reference`."""
    run = make_reference(recipe_name, experiment, seed, trackers)
    append_run(recipe_name, platform, run)
    return run


def make_reference(
    recipe_name: str, experiment: Experiment, seed: int, trackers: Sequence[Tracker] = ()
) -> dict[str, Any]:
    """Trains a reference run and returns its ledger entry.

    Raises:
      ZooError: the run diverged. Diverged runs are an error, since omitting them silently would bias the ledger.
    """
    result = fit(experiment.recipe, seed=seed, trackers=trackers, experiment=experiment)
    if result.verdict.value is None:
        raise ZooError(f"no reference run of {recipe_name} with seed {seed}: {result.verdict.explanation}")
    run = reference_run(recipe_name, experiment, seed, result.history, measure(result))
    correct = to_text(correct_examples(experiment, result.variables))
    return run | {"converged": result.verdict.converged, "correct": correct}


def reference_run(
    recipe_name: str, experiment: Experiment, seed: int, history: Sequence[dict[str, Any]], measures: dict[str, float]
) -> dict[str, Any]:
    """Returns the ledger entry of a run; its fields are described in `verification.ledger`."""
    trained = [record for record in history if record["kind"] == "train"]
    return {
        "recipe": recipe_name,
        "fingerprint": fingerprint(experiment.recipe),
        "code": code_digest(experiment.recipe),
        "data": data_name(experiment.dataset.spec),
        "seed": seed,
        "measures": measures,
        "first": {name: [record[name] for record in trained[:FIRST_STEPS]] for name in ("loss", "grad_norm")},
        "train_loss": [round(record["loss"], 6) for record in trained],
        "train_top1": [round(record["top1"], 6) for record in trained],
        "evaluations": [record for record in history if record["kind"] == "eval"],
        "images_per_second": float(
            np.median([record["images_per_second"] for record in trained if "images_per_second" in record])
        ),
        "environment": {name: value for name, value in environment().items() if name != "command"},
    }
