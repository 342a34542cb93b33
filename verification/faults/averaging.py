"""Mistakes in the moving average of weights."""

import dataclasses

import jax
import jax.numpy as jnp

from verification.faults.applies import averaged, every, has
from verification.faults.fault import fault
from verification.faults.patching import replaced
from zoo.training.step import step
from zoo.training.step.state import TrainState


@fault("The average is never updated.", applies=averaged)
def average_never_updated():
    return replaced(step, "average_weights", lambda right: lambda averaging, average, variables, steps: average)


@fault("The average is not used: the last weights are evaluated and returned.", applies=averaged)
def average_ignored():
    return replaced(TrainState, "evaluated", lambda right: property(lambda self: self.variables))


@fault("The average takes the last running statistics.", applies=every(averaged, has("BatchNorm")))
def average_without_statistics():
    def wrong(self):
        return {"params": self.average["params"], "batch_stats": self.batch_stats}

    return replaced(TrainState, "evaluated", lambda right: property(wrong))


@fault("The average has another decay.", strengths=(0.5, 0.99, 0.94), matters=0.94, applies=averaged)
def average_decay(value):
    def make(right):
        def wrong(averaging, average, variables, steps):
            return right(dataclasses.replace(averaging, decay=value), average, variables, steps)

        return wrong

    return replaced(step, "average_weights", make)


@fault(
    "The ramp of the average's decay is longer: (1 + n) / (100 + n) after n steps.",
    applies=every(averaged, lambda recipe: recipe.weight_average.ramp),
    bases=("efficientnet_b0",),
)
def average_ramp():
    def make(right):
        def wrong(averaging, average, variables, steps):
            if not averaging.ramp:
                return right(averaging, average, variables, steps)
            decay = jnp.minimum(averaging.decay, (1 + steps) / (100 + steps))
            return jax.tree.map(lambda mean, new: mean + (1 - decay) * (new - mean), average, variables)

        return wrong

    return replaced(step, "average_weights", make)


@fault("The average is kept in bfloat16.", applies=averaged)
def average_in_bfloat16():
    def make(right):
        def wrong(*arguments):
            return jax.tree.map(lambda each: each.astype(jnp.bfloat16).astype(jnp.float32), right(*arguments))

        return wrong

    return replaced(step, "average_weights", make)


@fault("The average starts at zero, without a correction.", applies=averaged)
def average_from_zero():
    def make(right):
        def wrong(averaging, average, variables, steps):
            start = jax.tree.map(lambda each: jnp.where(steps == 1, 0, each), average)
            return right(averaging, start, variables, steps)

        return wrong

    return replaced(step, "average_weights", make)
