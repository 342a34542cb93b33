"""What evaluations decide, by the docstrings of the rules: the learning rate on a plateau, and early stopping."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from verification.check import Check, Group
from zoo.recipe import EarlyStopping, Recipe, ReduceOnPlateau
from zoo.recipe.metric import METRIC_NAMES
from zoo.training import loop

SEQUENCES, LENGTH, LONGEST = 50, 60, 2000  # of random evaluations: longer ones for a larger patience
LOOKED = 60  # evaluations of a sequence, at most, after which decisions are compared


def decides(recipe: Recipe) -> bool:
    """Returns whether the evaluations of a run decide how it goes on."""
    return recipe.early_stopping is not None or isinstance(recipe.schedule, ReduceOnPlateau)


def plateau_factor(schedule: ReduceOnPlateau, evaluations: Sequence[dict[str, Any]]) -> float:
    """Returns the factor on the learning rate after some evaluations, by the docstring of `ReduceOnPlateau`."""
    factor, best, waited = 1.0, None, 0
    for value in _losses(schedule.metric, evaluations):
        if best is None or value < best - schedule.minimum_change:
            best, waited = value, 0
        else:
            waited += 1
            if waited >= schedule.patience:
                factor, waited = max(factor * schedule.factor, schedule.final), 0
    return factor


def stopping(rule: EarlyStopping, evaluations: Sequence[dict[str, Any]]) -> tuple[int, bool]:
    """Returns the index of the best evaluation, and whether the run ends, by the docstring of `EarlyStopping`."""
    best, values = 0, _losses(rule.metric, evaluations)
    for place, value in enumerate(values):
        if value < values[best] - rule.minimum_change:
            best = place
    return best, len(values) - 1 - best >= rule.patience


def _losses(metric, evaluations):
    """Returns the values of a metric, negative where higher is better."""
    return [evaluation[metric] if metric == "loss" else -evaluation[metric] for evaluation in evaluations]


def check_decisions(group: Group, recipe: Recipe) -> Check:
    """Checks the decisions of a recipe after each of many sequences of evaluations, with the recipe's own patience.

    A short run has too few evaluations for it, and shows that decisions are applied.
    """
    random, problems, lower, ends = np.random.default_rng(0), [], 0, 0
    rule, schedule = recipe.early_stopping, recipe.schedule
    patience = max((part.patience for part in (rule, schedule) if hasattr(part, "patience")), default=0)
    length = min(max(LENGTH, 4 * patience), LONGEST)
    for _ in range(SEQUENCES):
        records = _evaluations(random, length, "validation" if recipe.data.validation else "eval")
        counts = range(1, length + 1) if length <= LOOKED else np.sort(random.integers(1, length + 1, LOOKED)).tolist()
        factor, over = 1.0, False
        for count in counts:
            seen, found = records[:count], loop.Decisions(recipe, records[:count])
            if isinstance(schedule, ReduceOnPlateau):
                factor = plateau_factor(schedule, seen)
                if not np.isclose(found.rate_factor, factor, rtol=1e-6, atol=0):
                    problems.append(
                        f"after {count} evaluations, the rate's factor is {found.rate_factor}, not {factor}"
                    )
            if rule is not None:
                best, over = stopping(rule, seen)
                if found.best_step != records[best]["step"]:
                    problems.append(f"of {count} evaluations, that after step {found.best_step} is taken for the best")
                if found.over != over:
                    problems.append(f"after {count} evaluations, the run {'goes on' if over else 'is stopped'}")
            if problems:
                return group.check("decisions", False, "; ".join(problems))
            if over:
                break
        lower, ends = lower + (factor < 1), ends + over
    found = [f"a lower rate in {lower}"] * isinstance(schedule, ReduceOnPlateau) + [f"the end in {ends}"] * bool(rule)
    detail = (
        f"{SEQUENCES} sequences of up to {length} evaluations lead to the recipe's decisions, {' and '.join(found)}"
    )
    return group.check("decisions", True, detail)


def _evaluations(random, length, kind):
    """Returns records of random evaluations; their noise differs between metrics."""
    slope = random.uniform(0, 0.05)

    def values():
        return slope * np.arange(length) + random.normal(0, 0.2, length)

    metrics = {name: 10 - values() if name == "loss" else 1 / (1 + np.exp(-values())) for name in METRIC_NAMES}
    return [
        {"kind": kind, "step": 10 * (place + 1), **{name: float(each[place]) for name, each in metrics.items()}}
        for place in range(length)
    ]
