"""What evaluations decide, by the docstrings of the rules: the learning rate on a plateau, and early stopping."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from verification.check import Check, Group
from zoo.recipe import EarlyStopping, Recipe, ReduceOnPlateau
from zoo.training import loop

SEQUENCES, LENGTH = 50, 60  # of random evaluations, which improve now and then


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
    random, problems, changes, stops = np.random.default_rng(0), [], 0, 0
    rule, schedule = recipe.early_stopping, recipe.schedule
    kind = "validation" if recipe.data.validation else "eval"
    for _ in range(SEQUENCES):
        # The falling part decides how often evaluations improve.
        losses = 2 - random.uniform(0, 0.05) * np.arange(LENGTH) + random.normal(0, 0.2, LENGTH)
        records = [
            {"kind": kind, "step": 10 * (place + 1), "loss": float(loss), "top1": float(random.uniform(0.2, 0.9))}
            for place, loss in enumerate(losses)
        ]
        for count in range(1, LENGTH + 1):
            seen, found = records[:count], loop.Decisions(recipe, records[:count])
            if isinstance(schedule, ReduceOnPlateau):
                expected = plateau_factor(schedule, seen)
                changes += expected < 1
                if not np.isclose(found.rate_factor, expected, rtol=1e-6):
                    problems.append(
                        f"after {count} evaluations, the rate's factor is {found.rate_factor:g}, not {expected:g}"
                    )
            if rule is not None:
                best, over = stopping(rule, seen)
                stops += over
                if found.best_step != records[best]["step"]:
                    problems.append(f"of {count} evaluations, that after step {found.best_step} is taken for the best")
                if found.over != over:
                    problems.append(f"after {count} evaluations, the run {'goes on' if over else 'is stopped'}")
            if problems or (rule is not None and over):
                break
        if problems:
            break
    what = [f"{changes} lower learning rates"] * (rule is None) + [f"{stops} ends"] * (rule is not None)
    detail = f"{SEQUENCES} sequences of evaluations lead to the decisions of the recipe, {' and '.join(what)}"
    return group.check("decisions", not problems, "; ".join(problems[:2]) or detail)
