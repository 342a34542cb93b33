"""The learning rate of each step, from the schedule of a recipe."""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from zoo.recipe import ConstantRate, Cosine, Exponential, MultiStep, OneCycle, Polynomial, ReduceOnPlateau, Step
from zoo.recipe.metric import improves
from zoo.recipe.schedule import Schedule


def learning_rate(schedule: Schedule, total_steps: int) -> Callable[[jax.Array], jax.Array]:
    """Returns the learning rate as a function of the step from 0 to total_steps - 1, float32 -> float32.

    For `ReduceOnPlateau`, it does not include the reductions, which `plateau_factor` computes.
    """
    warmup_steps = schedule.warmup * total_steps

    def rate(step):
        step = jnp.asarray(step, jnp.float32)
        # The warm-up does not start at 0: its first rate is peak / warmup_steps, and its last one is peak.
        rising = jnp.minimum((step + 1) / max(warmup_steps, 1), 1) if warmup_steps else 1.0
        progress = jnp.clip((step - warmup_steps) / (total_steps - warmup_steps), 0, 1)
        return schedule.peak * rising * shape(schedule, progress, step, total_steps)

    return rate


@functools.singledispatch
def shape(schedule: Schedule, progress: jax.Array, step: jax.Array, total_steps: int) -> jax.Array | float:
    """Computes the learning rate as a fraction of the schedule's peak.

    To add a schedule, register an implementation for its class; see docs/extending.md.

    Args:
      schedule: the recipe's.
      progress: float32 in [0, 1], the fraction of the steps after the warm-up that is done.
      step: float32, the number of steps done.
      total_steps: of the run.
    """
    raise TypeError(type(schedule).__name__)


@shape.register
def _constant(schedule: ConstantRate, progress: jax.Array, step: jax.Array, total_steps: int) -> jax.Array | float:
    return 1.0


@shape.register
def _cosine(schedule: Cosine, progress: jax.Array, step: jax.Array, total_steps: int) -> jax.Array | float:
    return schedule.final + (1 - schedule.final) * (1 + jnp.cos(jnp.pi * progress)) / 2


@shape.register
def _polynomial(schedule: Polynomial, progress: jax.Array, step: jax.Array, total_steps: int) -> jax.Array | float:
    return (1 - progress) ** schedule.power


@shape.register
def _multi_step(schedule: MultiStep, progress: jax.Array, step: jax.Array, total_steps: int) -> jax.Array | float:
    # Integer boundaries, so that rounding does not move a boundary by a step.
    boundaries = [round(boundary * total_steps) for boundary in schedule.boundaries]
    return schedule.factor ** sum(jnp.where(step >= boundary, 1.0, 0.0) for boundary in boundaries)


@shape.register
def _step(schedule: Step, progress: jax.Array, step: jax.Array, total_steps: int) -> jax.Array | float:
    boundaries = np.round(np.arange(1, int(1 / schedule.every) + 1) * schedule.every * total_steps)
    return schedule.factor ** jnp.sum(step >= boundaries)


@shape.register
def _exponential(schedule: Exponential, progress: jax.Array, step: jax.Array, total_steps: int) -> jax.Array | float:
    start = max(schedule.constant, schedule.warmup) * total_steps
    return schedule.final ** jnp.clip((step - start) / (total_steps - start), 0, 1)


@shape.register
def _one_cycle(schedule: OneCycle, progress: jax.Array, step: jax.Array, total_steps: int) -> jax.Array | float:
    corners = jnp.array([0.0, schedule.rise, schedule.rise + schedule.fall, 1.0])
    return jnp.interp(progress, corners, jnp.array([schedule.initial, 1.0, schedule.initial, schedule.final]))


@shape.register
def _reduce_on_plateau(
    schedule: ReduceOnPlateau, progress: jax.Array, step: jax.Array, total_steps: int
) -> jax.Array | float:
    return 1.0


def plateau_factor(schedule: ReduceOnPlateau, values: Sequence[float]) -> float:
    """Returns the factor on the learning rate after evaluations with these values of the metric, in order."""
    factor, waited = 1.0, 0
    best: float | None = None
    for value in values:
        if improves(schedule.metric, value, best, schedule.minimum_change):
            best, waited = value, 0
        else:
            waited += 1
        if waited == schedule.patience:
            factor, waited = max(factor * schedule.factor, schedule.final), 0
    return factor
