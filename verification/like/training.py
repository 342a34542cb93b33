"""A run of a user's experiment against the bands of the reference runs of a built-in recipe."""

import fnmatch
import glob
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import jax
import numpy as np

from verification.check import Check, Group
from verification.convergence import MIN_RUNS, check_seed, losses_of_parts, too_few_runs
from verification.convergence.first_steps import first_steps
from verification.convergence.sequential import describe
from verification.ledger import read_first_steps, read_ledger, seconds
from verification.like.weights import Pair
from verification.statistics import prediction_band
from zoo.errors import TrainingInterrupted, ZooError
from zoo.recipe import Initialization, Recipe
from zoo.training.experiment import Experiment
from zoo.training.fit import fit
from zoo.training.step.initialization import distribution_of
from zoo.training.tracking import Tracker

SHORT_SECONDS = 20.0  # that a short run takes the reference
MIN_STEPS = 20  # of a short run
ALPHA = 0.01  # false-alarm rate of the bands of one run together


def with_paths_of(recipe: Recipe, pairs: Sequence[Pair]) -> Recipe:
    """Returns a recipe whose initializers and weight decay apply to the parameters of a user's network.

    Args:
      recipe: the reference recipe, whose patterns match paths of the zoo's network.
      pairs: the counterparts in the user's network.
    """
    paths = {
        "/".join(pair.ours[1:]): glob.escape("/".join(pair.theirs[1:])) for pair in pairs if pair.ours[0] == "params"
    }
    drawn = {path: distribution_of(recipe.initialization, path) for path in paths}
    exceptions = {paths[path]: distribution for path, distribution in drawn.items() if distribution}
    decayed = tuple(
        theirs
        for path, theirs in paths.items()
        if any(fnmatch.fnmatchcase(path, pattern) for pattern in recipe.regularization.decayed)
    )
    return recipe.override({"initialization": Initialization(exceptions=exceptions), "regularization.decayed": decayed})


def check_run(
    subject: str,
    experiment: Experiment,
    reference_name: str,
    reference: Recipe,
    seed: int,
    tier: Literal["quick", "full"],
    trackers: Sequence[Tracker] = (),
) -> Iterator[Check]:
    """Trains, and compares the losses, and the result of a whole run, with bands of the reference runs.

    Args:
      subject: name of what is tested, for the checks.
      experiment: the user's.
      reference_name, reference: the built-in recipe.
      seed: of the run; another one than the reference runs'.
      tier: "quick" for the first steps only, if the whole run takes the reference longer than `SHORT_SECONDS`.
      trackers: trackers of the run.
    """
    group, platform = Group(subject, "convergence"), jax.default_backend()
    complete = read_ledger(reference_name, reference, platform)
    runs = complete if len(complete) >= MIN_RUNS else read_first_steps(reference_name, reference, platform)
    if len(runs) < MIN_RUNS:
        yield group.undecided("bands", too_few_runs(reference_name, complete, platform))
        return
    check_seed(reference_name, seed, runs)
    total, known = experiment.total_steps, min(len(run["train_loss"]) for run in runs)
    steps = min(total, known)
    if tier == "quick" and seconds(runs, reference) > SHORT_SECONDS:
        speed = np.median([run["images_per_second"] for run in runs]) / reference.budget.batch_size
        steps = min(steps, max(MIN_STEPS, int(SHORT_SECONDS * speed)))
    whole = runs is complete and steps == total == known
    try:
        losses, results = _train(experiment, steps, seed, trackers)
    except TrainingInterrupted:
        raise
    except ZooError as error:
        yield group.check("run", False, str(error))
        return
    measures = losses_of_parts(losses) | (results if whole else {})
    references = [_measures(run, steps, whole) for run in runs]
    share = ALPHA / len(measures)
    bands = {name: prediction_band([run[name] for run in references], share) for name in measures}
    for name, band in bands.items():
        value = measures[name]
        said = "" if whole else f"first {steps} steps: "
        figures = {"value": value, "low": float(band.low), "high": float(band.high), "n": band.n, "alpha": ALPHA}
        detail = f"{said}{describe(name, [value], band)} of {reference_name}"
        yield group.check(f"band of {name}", value in band, detail, figures)


def _train(experiment, steps, seed, trackers) -> tuple[list[float], dict[str, float]]:
    """Returns the training losses of the first steps, and the results of a whole run."""
    if steps < experiment.total_steps:
        return [record["loss"] for record in first_steps(experiment, steps, seed, trackers)], {}
    result = fit(experiment.recipe, seed=seed, trackers=trackers, experiment=experiment)
    if result.verdict.value is None:
        raise ZooError(f"training failed: {result.verdict.explanation}")
    losses = [record["loss"] for record in result.history if record["kind"] == "train"]
    return losses, {"final loss": result.metrics["loss"], "final top1": result.metrics["top1"]}


def _measures(run: dict[str, Any], steps: int, whole: bool) -> dict[str, float]:
    """Returns the measures of a reference run's first steps, or of all of it."""
    final = {name: run["measures"][name] for name in ("final loss", "final top1")} if whole else {}
    return losses_of_parts(run["train_loss"][:steps]) | final
