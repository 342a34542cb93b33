"""Comparison of two runs with the same seed, in the order of computation, so that the first failure names the cause."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import scipy.stats

from verification.check import Check, Group
from verification.convergence import MIN_RUNS
from verification.ledger import read_ledger
from zoo.catalog import list_recipes, load_recipe
from zoo.errors import printable

# Relative differences. JAX 0.10 and 0.12 on one machine agree to 2e-7 in the losses and gradient norms of five steps of
# mlp, lenet5 and bn_cnn; an Intel Xeon and an AMD EPYC agree in the losses of mlp and lenet5 to 1e-6, and in those of
# bn_cnn, whose rounding errors grow with each step, to 6e-6.
ALPHA = 0.01  # false-alarm rate of the comparison of two whole runs, all measures together
TOLERANCE = 1e-5  # of values before the first update
STEP_TOLERANCE = 1e-4  # of the losses after it, and of the first gradient; ten times this of the later gradients


def compare_runs(name: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[Check]:
    """Yields the checks of a pair of runs.

    Args:
      name: of the recipe.
      ours, theirs: its runs here and in the baseline, see `recording.Recorder`.
    """
    group = Group(name, "pairs")
    what = ("fingerprint", "data", "seed", "platform")
    different = [
        f"{each} is {ours[each]}, {theirs[each]} in the baseline" for each in what if ours[each] != theirs[each]
    ]
    if different:
        yield group.undecided("run", f"not the same run: {'; '.join(different)}")
        return
    deviations = [{path: each[1] for path, each in run["initial"].items()} for run in (ours, theirs)]
    means = [{path: each[0] for path, each in run["initial"].items()} for run in (ours, theirs)]
    scales = {path: max(deviations[1][path], abs(means[1][path])) for path in means[1]}
    yield _compare(group, "initial weights", *deviations, TOLERANCE, scales)
    yield _compare(group, "mean of initial weights", *means, TOLERANCE, scales)
    # Accuracy counts, so that a rounding error at a boundary would change it.
    losses = [{"loss": run["evaluation"]["loss"]} for run in (ours, theirs)]
    yield _compare(group, "evaluation before training", *losses, TOLERANCE)
    numbered = {
        key: [{f"step {step}": value for step, value in enumerate(run[key], 1)} for run in (ours, theirs)]
        for key in ("losses", "gradient_norms")
    }
    first = {key: [{"step 1": run.get("step 1", math.nan)} for run in runs] for key, runs in numbered.items()}
    yield _compare(group, "first loss", *first["losses"], TOLERANCE)
    gradient = _compare(group, "first gradient", *first["gradient_norms"], STEP_TOLERANCE)
    update = _compare(group, "first update", ours["first_update"], theirs["first_update"], STEP_TOLERANCE)
    if {gradient.status, update.status} == {"fail"}:  # the update tells which layer
        gradient = dataclasses.replace(gradient, detail=f"{gradient.detail}; first update: {update.detail}")
    yield from (gradient, update)
    yield _compare(group, "losses", *numbered["losses"], STEP_TOLERANCE)
    yield _compare(group, "gradients", *numbered["gradient_norms"], 10 * STEP_TOLERANCE)
    yield from _compare_measures(group, name, ours, theirs)


def _compare(group, name, ours, theirs, tolerance, scales=None) -> Check:
    """Compares named numbers; relative to the baseline's, or to `scales`."""
    if ours.keys() != theirs.keys():
        odd = printable(min(ours.keys() ^ theirs.keys()))
        return group.check(name, False, f"{odd} is {'missing here' if odd in theirs else 'not in the baseline'}")
    scales = scales or {key: abs(value) for key, value in theirs.items()}
    off = {key: _relative(ours[key], theirs[key], scales[key]) for key in theirs}
    if not off:
        return group.skip(name, "nothing to compare")
    wrong = [key for key, value in off.items() if not value <= tolerance]
    worst = max(off, key=lambda key: math.inf if math.isnan(off[key]) else off[key])
    shown = wrong[0] if wrong else worst
    many = f"; {len(wrong)} of {len(off)} differ" if len(wrong) > 1 else ""
    detail = (
        f"{printable(shown)} is {ours[shown]:.7g}, {theirs[shown]:.7g} in the baseline: a relative {off[shown]:.1e},"
        f" tolerance {tolerance:.0e}{many}"
    )
    return group.check(name, not wrong, detail, {"value": off[worst], "high": tolerance})


def _relative(value, expected, scale):
    if value == expected:
        return 0.0
    return abs(value - expected) / scale if scale else math.inf


def _compare_measures(group, name, ours, theirs) -> Iterator[Check]:
    """Compares the measures of whole runs: their difference against that of two independent runs.

    That of two healthy runs, over the deviation of n reference runs and sqrt(2), follows Student's t with n - 1 degrees
    of freedom; the false-alarm rate of all measures together is `ALPHA`, if the two runs were independent. Runs with
    the same seed are closer.
    """
    if "measures" not in ours or "measures" not in theirs:
        lacking = [where for where, run in (("here", ours), ("in the baseline", theirs)) if "measures" not in run]
        yield group.skip("measures", f"no complete run {' and '.join(lacking)}")
        return
    runs = read_ledger(name, load_recipe(name), ours["platform"]) if name in list_recipes() else []
    if len(runs) < MIN_RUNS:
        yield group.undecided("measures", f"{len(runs)} reference runs, needs {MIN_RUNS} for the spread of runs")
        return
    quantile = scipy.stats.t.ppf(1 - ALPHA / 2 / len(theirs["measures"]), len(runs) - 1)
    for measure, expected in theirs["measures"].items():
        values = [run["measures"][measure] for run in runs if measure in run["measures"]]
        value = ours["measures"].get(measure, math.nan)
        most = float(quantile * math.sqrt(2) * np.std(values, ddof=1)) if len(values) == len(runs) else 0.0
        detail = (
            f"{printable(measure)} is {value:.4f}, {expected:.4f} in the baseline; two of {len(runs)} runs differ by"
            f" less than {most:.4f}"
        )
        figures = {"value": value - expected, "low": -most, "high": most, "n": len(runs), "alpha": ALPHA}
        yield group.check(measure, abs(value - expected) <= most, detail, figures)
