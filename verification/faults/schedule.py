"""Mistakes in the learning rate."""

import dataclasses

import jax.numpy as jnp

import zoo.training.early_stopping
import zoo.training.prepare
import zoo.training.step.schedule
from verification.faults.applies import accumulates, changing_rate, cosine, every, plateau, warmup
from verification.faults.fault import fault
from verification.faults.optimizer import in_step
from verification.faults.patching import replaced, together
from zoo.recipe import ConstantRate
from zoo.recipe.metric import improves
from zoo.training.step.schedule import learning_rate as right_rate


def _everywhere(factor):
    """Multiplies the rate that is applied and reported."""

    def make(right):
        def wrong(schedule, total_steps):
            rate = right(schedule, total_steps)
            return lambda step: factor * rate(step)

        return wrong

    return replaced(zoo.training.prepare, "learning_rate", make)


def _applied(change):
    """Changes the rate that the optimizer applies; the one that is reported stays right.

    Args:
      change: `(rate, schedule, total_steps) -> rate`.
    """
    known = {}

    def remember(right):
        def same(schedule, total_steps):
            known["arguments"] = schedule, total_steps
            return right(schedule, total_steps)

        return same

    def make(right):
        def wrong(optimizer, regularization, rate, clipping=None):
            return right(optimizer, regularization, change(rate, *known["arguments"]), clipping)

        return wrong

    return together(
        replaced(zoo.training.prepare, "learning_rate", remember),
        replaced(zoo.training.prepare, "make_optimizer", make),
    )


def _warming_up(change):
    """Changes the warm-up, of the rate that is applied and reported and of the schedule itself.

    Args:
      change: `(before, after) -> fraction of the peak`, of a step, from the fractions of the warm-up that are over
        before and after it; the second one is right.
    """

    def make(right):
        def wrong(schedule, total_steps):
            rate, warmup_steps = right(schedule, total_steps), schedule.warmup * total_steps

            def other(step):
                done = jnp.asarray(step, jnp.float32)
                before, after = (jnp.minimum(each / max(warmup_steps, 1), 1) for each in (done, done + 1))
                return rate(step) * change(before, after) / after

            return other if warmup_steps else rate

        return wrong

    return together(
        replaced(zoo.training.step.schedule, "learning_rate", make),
        replaced(zoo.training.prepare, "learning_rate", make),
    )


@fault("The learning rate is multiplied by 100.")
def high_learning_rate():
    return _everywhere(100.0)


@fault("The learning rate is divided by 100.")
def low_learning_rate():
    return _everywhere(0.01)


@fault(
    "The optimizer's learning rate is multiplied; the one that is reported is right.",
    strengths=(10.0, 3.0, 1.1, 0.9, 0.3, 0.1),
    matters=1.1,
)
def learning_rate(factor):
    return _applied(lambda rate, schedule, total: lambda step: factor * rate(step))


@fault("The recipe's learning rate is another in the whole run.", strengths=(3.0, 1.1, 0.9, 0.3), matters=1.1)
def recipe_learning_rate(factor):
    return _everywhere(factor)


@fault("The optimizer's schedule is counted in epochs, not in steps.", applies=changing_rate)
def schedule_in_epochs():
    return _applied(lambda rate, schedule, total: lambda step: rate(step // 500))


@fault(
    "The optimizer's schedule counts the accumulated parts of batches, and is over too early.",
    applies=every(accumulates, changing_rate),
    bases=("verification.faults.bases.mixed",),
)
def schedule_counts_parts():
    def make(right):
        def wrong(recipe, total_steps, frozen):
            _, rate = right(recipe, total_steps, frozen)
            optimizer, _ = right(recipe, max(total_steps // recipe.budget.accumulation, 1), frozen)
            return optimizer, rate

        return wrong

    return replaced(zoo.training.prepare, "make_updates", make)


@fault("The optimizer's schedule is some steps late.", strengths=(5.0, 1.0, -1.0), matters=1.0, applies=changing_rate)
def schedule_late(steps):
    return _applied(lambda rate, schedule, total: lambda step: rate(jnp.maximum(step - int(steps), 0)))


@fault("The optimizer's schedule has no warm-up.", applies=warmup)
def warmup_missing():
    def change(rate, schedule, total):
        return right_rate(dataclasses.replace(schedule, warmup=0.0), total)

    return _applied(change)


@fault(
    "The warm-up starts at a third of the peak, as PyTorch's LinearLR.",
    applies=warmup,
    bases=("lenet5", "squeezenet1_1"),
)
def warmup_from_a_third():
    return _warming_up(lambda before, after: 1 / 3 + 2 / 3 * after)


@fault("The warm-up starts at a rate of 0, and is a step late.", applies=warmup, bases=("lenet5",))
def warmup_from_zero():
    """After the warm-up, the rate is right."""
    return _warming_up(lambda before, after: before)


@fault(
    "The decay spans the whole run, also the warm-up: after the warm-up it has begun already.",
    applies=every(warmup, lambda recipe: type(recipe.schedule).__name__ in ("Cosine", "Polynomial")),
    bases=("lenet5", "squeezenet1_1"),
)
def decay_during_warmup():
    def make(right):
        def wrong(schedule, progress, step, total_steps):
            return right(schedule, jnp.clip(step / total_steps, 0, 1), step, total_steps)

        return wrong

    return replaced(zoo.training.step.schedule, "shape", make)


@fault("The optimizer's learning rate stays constant after the warm-up.", applies=changing_rate)
def decay_missing():
    def change(rate, schedule, total):
        return right_rate(ConstantRate(peak=schedule.peak, warmup=schedule.warmup), total)

    return _applied(change)


@fault("The optimizer's schedule begins anew at half of the run.", applies=changing_rate)
def schedule_restarts():
    return _applied(lambda rate, schedule, total: lambda step: rate(step % (total // 2)))


@fault("The optimizer's schedule is for twice the steps of the run.", applies=changing_rate)
def schedule_too_long():
    return _applied(lambda rate, schedule, total: right_rate(schedule, 2 * total))


@fault("The cosine ends at a tenth of the peak.", applies=cosine)
def cosine_not_to_zero():
    def change(rate, schedule, total):
        return right_rate(dataclasses.replace(schedule, final=0.1), total)

    return _applied(change)


@fault("The reduction on a plateau is not applied.", applies=plateau)
def plateau_not_applied():
    def change(update, model):
        def wrong(gradient, state, params, rate_factor=None, **options):
            return update(gradient, state, params, rate_factor=None, **options)

        return wrong

    return in_step(change)


@fault("The rate is reduced after twice the patience.", applies=plateau)
def plateau_patience():
    def make(right):
        return lambda schedule, values: right(dataclasses.replace(schedule, patience=2 * schedule.patience), values)

    return replaced(zoo.training.early_stopping, "plateau_factor", make)


@fault("An improvement does not reset the plateau's count of evaluations.", applies=plateau, bases=("bn_cnn",))
def plateau_count_not_reset():
    def wrong(schedule, values):
        factor, waited, best = 1.0, 0, None
        for value in values:
            if improves(schedule.metric, value, best, schedule.minimum_change):
                best = value
                continue
            waited += 1
            if waited == schedule.patience:
                factor, waited = max(factor * schedule.factor, schedule.final), 0
        return factor

    return replaced(zoo.training.early_stopping, "plateau_factor", lambda right: wrong)


@fault(
    "On a plateau, an evaluation is compared with the one before, not with the best.",
    applies=plateau,
    bases=("bn_cnn",),
)
def plateau_compares_with_previous():
    def wrong(schedule, values):
        factor, waited, before = 1.0, 0, None
        for value in values:
            waited = 0 if improves(schedule.metric, value, before, schedule.minimum_change) else waited + 1
            before = value
            if waited == schedule.patience:
                factor, waited = max(factor * schedule.factor, schedule.final), 0
        return factor

    return together(
        replaced(zoo.training.step.schedule, "plateau_factor", lambda right: wrong),
        replaced(zoo.training.early_stopping, "plateau_factor", lambda right: wrong),
    )


@fault(
    "On a plateau, only changes larger than a threshold are improvements, though the recipe has none.",
    strengths=(0.1, 0.01),
    matters=0.1,
    applies=plateau,
    bases=("bn_cnn",),
)
def plateau_threshold(threshold):
    def make(right):
        def wrong(schedule, values):
            return right(dataclasses.replace(schedule, minimum_change=schedule.minimum_change + threshold), values)

        return wrong

    return together(
        replaced(zoo.training.step.schedule, "plateau_factor", make),
        replaced(zoo.training.early_stopping, "plateau_factor", make),
    )


@fault("The rate is reduced while the metric improves: the comparison has the wrong direction.", applies=plateau)
def plateau_direction():
    def make(right):
        return lambda schedule, values: right(schedule, [-value for value in values])

    return replaced(zoo.training.early_stopping, "plateau_factor", make)
