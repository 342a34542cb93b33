"""Closed forms of the learning rates in float64, by the formulas in the schedules' docstrings."""

import math

from verification.check import NoClosedForm
from zoo.recipe import (
    ConstantRate,
    Cosine,
    Exponential,
    MultiStep,
    OneCycle,
    Polynomial,
    ReduceOnPlateau,
    Step,
)
from zoo.recipe.schedule import Schedule


def closed_form(schedule: Schedule, step: int, total: int) -> float:
    """Returns the learning rate at a step in float64, by the formula in the schedule's docstring."""
    warmup = schedule.warmup * total
    ramp = min(1.0, (step + 1) / max(warmup, 1)) if warmup else 1.0
    progress = min(max((step - warmup) / (total - warmup), 0.0), 1.0)
    match schedule:
        case ConstantRate() | ReduceOnPlateau():
            shape = 1.0
        case Cosine():
            shape = schedule.final + (1 - schedule.final) * 0.5 * (1 + math.cos(math.pi * progress))
        case Polynomial():
            shape = (1 - progress) ** schedule.power
        case MultiStep():
            shape = schedule.factor ** sum(step >= round(boundary * total) for boundary in schedule.boundaries)
        case Step():
            shape = schedule.factor ** sum(
                step >= round(number * schedule.every * total) for number in range(1, math.ceil(1 / schedule.every))
            )
        case Exponential():
            start = max(schedule.constant, schedule.warmup)
            shape = math.exp(math.log(schedule.final) * max(step / total - start, 0.0) / (1 - start))
        case OneCycle(rise=rise, fall=fall):
            done = step / total
            if done < rise:
                shape = schedule.initial + (1 - schedule.initial) * done / rise
            elif done < rise + fall:
                shape = 1 - (1 - schedule.initial) * (done - rise) / fall
            else:
                left = (1 - done) / (1 - rise - fall)
                shape = schedule.final + (schedule.initial - schedule.final) * left
        case _:
            raise NoClosedForm(f"no closed form of {type(schedule).__name__}: add it to verification/schedule.py")
    return schedule.peak * ramp * shape


def corners(schedule: Schedule) -> tuple[float, ...]:
    """Returns the fractions of the run at which the rate has a corner or jump."""
    match schedule:
        case MultiStep():
            return schedule.warmup, *schedule.boundaries
        case Step():
            return schedule.warmup, *(schedule.every * number for number in range(1, math.ceil(1 / schedule.every)))
        case Exponential():
            return schedule.warmup, schedule.constant
        case OneCycle():
            return schedule.rise, schedule.rise + schedule.fall
    return (schedule.warmup,)
