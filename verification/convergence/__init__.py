"""Checks that a recipe reaches its target and that its run agrees with the reference runs."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from verification.check import Check, Group
from verification.convergence.sequential import Trial, Watch, recipe_alpha, run_trial
from verification.ledger import append_run, data_name, fingerprint, of_data, read_ledger
from verification.ledger.code import code_digest, other_code
from verification.ledger.correct import correct_examples, to_text
from zoo.catalog import list_recipes
from zoo.errors import ZooError
from zoo.training.experiment import Experiment
from zoo.training.fit import FitResult, fit
from zoo.training.run.environment import environment
from zoo.training.tracking import Tracker

MIN_RUNS = 5  # reference runs needed for bands
FIRST_STEPS = 20  # steps whose loss and gradient norm a ledger holds unrounded
PARTS = 4  # equal parts of a run; the mean training loss of each is a measure


def check_convergence(
    recipe_name: str, experiment: Experiment, platform: str, seed: int, trackers: Sequence[Tracker] = ()
) -> Iterator[Check]:
    """Trains with a seed that is not in the ledger, and compares the run with the target and the reference runs.

    If the run leaves doubt, one or two more are trained, with the following seeds; see
    `verification.convergence.sequential`. The target fails if none of them reaches it. Where there are bands, a target
    below them is reached by every run that the bands accept; the check is then of the recipe, which may promise more.
    """
    group, recipe = Group(recipe_name, "convergence"), experiment.recipe
    known = read_ledger(recipe_name, recipe, platform)
    runs = of_data(known, experiment.dataset.spec)
    if len(runs) < MIN_RUNS:
        check_seed(recipe_name, seed, runs)
        result = fit(recipe, seed=seed, trackers=trackers, experiment=experiment)
        yield group.check("target", result.verdict.converged, result.verdict.explanation)
        if result.verdict.value is not None:
            yield check_examples(group, experiment, result)
        other = known and not runs
        reason = different_data(known, experiment) if other else too_few_runs(recipe_name, runs, platform)
        yield group.undecided("bands", reason)
        return
    check_seed(recipe_name, seed, runs)
    results: list[FitResult] = []

    def train(seed, stop_if):
        watch = Watch(stop_if, ends_of_parts(experiment.total_steps))
        results.append(fit(recipe, seed=seed, trackers=[watch, *trackers], experiment=experiment))
        return None if results[-1].verdict.value is None else measure(results[-1])

    trial = run_trial(runs, seed, recipe_alpha(platform), train, lambda: any(one.verdict.converged for one in results))
    if trial.stopped:
        yield group.check("bands", False, f"{trial.stopped}; training was stopped")
        return
    if results[-1].verdict.value is None:
        yield group.check("target", False, results[-1].verdict.explanation)
        return
    reached = next((result for result in results if result.verdict.converged), results[-1])
    yield group.check("target", reached.verdict.converged, reached.verdict.explanation)
    yield check_examples(group, experiment, results[-1])
    yield from check_bands(group, trial, len(other_code(runs, recipe)))


def check_bands(group: Group, trial: Trial, of_other_code: int, prefix: str = "") -> Iterator[Check]:
    """Yields a check for each measure of a trial that ran to its end.

    Args:
      group: of the checks.
      trial: of the fresh runs.
      of_other_code: how many of the reference runs were made by other code, or do not say which.
      prefix: of the descriptions.
    """
    note = f", {of_other_code} of them made by other code" if of_other_code else ""
    for name in trial.bands:
        detail, band = f"{prefix}{trial.describe(name)}{note}", trial.bands[name]
        figures = {
            "value": trial.fresh[-1][name],
            "low": float(band.low),
            "high": float(band.high),
            "n": band.n,
            "runs": len(trial.fresh),
        }
        yield group.check(f"band of {name}", name not in trial.failed, detail, figures)


def check_examples(group: Group, experiment: Experiment, result: FitResult) -> Check:
    """Checks that each evaluation counted every example of its split once, or as many as the recipe says."""
    evaluations = [record for record in result.history if record["kind"] != "train"]
    some, wrong = experiment.recipe.budget.interim_examples, []
    for record in evaluations:
        validation = record["kind"] == "validation"
        size = len(experiment.validation_pipeline.split if validation else experiment.dataset.eval)
        wanted = size if some is None or record is evaluations[-1] else min(some, size)
        correct = record["top1"] * record["examples"]
        whole = math.isfinite(correct) and abs(correct - round(correct)) <= 1e-6 * wanted
        if record["examples"] != wanted or not whole:
            found = f"{record['examples']:,} examples of {wanted:,}, {correct:.6g} of them correct"
            wrong.append(f"at step {record['step']}: {found}")
    last = f"{evaluations[-1]['examples']:,} examples in the last of {len(evaluations)} evaluations"
    return group.check("examples", not wrong, wrong[0] if wrong else last)


def check_seed(recipe_name: str, seed: int, runs: Sequence[dict[str, Any]]) -> None:
    """Raises `ZooError` if the seed is one of the reference runs', so that a run would be compared with itself."""
    if seed in [run["seed"] for run in runs]:
        raise ZooError(f"seed {seed} is that of a reference run of {recipe_name}: choose another")


def too_few_runs(recipe_name: str, runs: Sequence[dict[str, Any]], platform: str) -> str:
    """Returns the message for too few reference runs, with the command that records those of a built-in recipe."""
    command = f"; record them with python -m verification --recipe={recipe_name} --record"
    found = f"unverified: {len(runs)} reference runs of this recipe on {platform}, needs {MIN_RUNS}"
    return found + (command if recipe_name in list_recipes() else "")


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


def ends_of_parts(steps: int) -> list[int]:
    """Returns the last step of each part of a run of this many steps."""
    return [int(part[-1]) + 1 for part in _parts(np.arange(steps))]


def _parts(values):
    return [part for part in np.array_split(values, PARTS) if len(part)]


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
