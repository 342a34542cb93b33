"""Mistakes in what follows from evaluations: early stopping, the best weights, the rate on a plateau."""

import dataclasses

import jax
import jax.numpy as jnp

import zoo.training.early_stopping
import zoo.training.loop
from verification.faults.applies import plateau, stops_early
from verification.faults.fault import fault
from verification.faults.patching import replaced, together
from zoo.recipe.metric import improves
from zoo.training.early_stopping import Decisions
from zoo.training.step.state import TrainState


def _decided_by(change):
    """Changes the evaluations that decide: `change(recipe, evaluations, records) -> evaluations`."""

    def make(right):
        class Wrong(right):
            """Decisions by other evaluations."""

            def __init__(self, recipe, records):
                super().__init__(recipe, records)
                self._evaluations = change(recipe, self._evaluations, records)

        return Wrong

    return replaced(zoo.training.loop, "Decisions", make)


def _by_training_loss(recipe, evaluations, records):
    """Evaluations with the loss of the training batch at the same step."""
    losses = {record["step"]: record for record in records if record["kind"] == "train"}
    return [{**each, "loss": losses[each["step"]]["loss"]} for each in evaluations if each["step"] in losses]


def _by_accuracy(recipe, evaluations, records):
    """Evaluations with an accuracy in the place of the loss."""
    return [{**each, "loss": -each["top1"]} for each in evaluations]


@fault("The plateau watches the training loss.", applies=plateau)
def plateau_by_training_loss():
    return _decided_by(_by_training_loss)


@fault("The plateau watches accuracy where the recipe says loss.", applies=plateau)
def plateau_by_accuracy():
    return _decided_by(_by_accuracy)


@fault("Early stopping watches the training loss.", applies=stops_early)
def stopping_by_training_loss():
    return _decided_by(_by_training_loss)


@fault("Early stopping watches accuracy where the recipe says loss.", applies=stops_early)
def stopping_by_accuracy():
    return _decided_by(_by_accuracy)


@fault("Early stopping keeps the last weights, not the best.", applies=stops_early)
def last_weights_kept():
    return replaced(TrainState, "learned", lambda right: property(lambda self: self.evaluated))


@fault(
    "Early stopping keeps the weights of the evaluation before the best one.",
    applies=stops_early,
    bases=("verification.faults.bases.weighted",),
)
def weights_before_best():
    def make(right):
        memory = {}

        def wrong(self, state, mesh):
            changed = right(self, state, mesh)
            if changed.best is None:
                return changed
            number = int(state.step)
            if changed.best is not state.best and memory.get("step", number) < number:
                changed = changed.replace(best=jax.tree.map(jnp.copy, memory["weights"]))
            memory.update(step=number, weights=jax.tree.map(jnp.copy, state.evaluated))
            return changed

        return wrong

    return replaced(Decisions, "apply", make)


@fault(
    "The best weights are not copied: the step after their evaluation overwrites them.",
    applies=stops_early,
    bases=("verification.faults.bases.weighted",),
)
def best_weights_overwritten():
    """As if the next step had written its results to the same buffers."""
    memory = {}

    def apply(right):
        def wrong(self, state, mesh):
            memory["fresh"] = self.best_step == int(state.step)
            return right(self, state, mesh)

        return wrong

    def execute(right):
        def wrong(*arguments):
            state, executed = right(*arguments)
            if memory.pop("fresh", False):
                state = state.replace(best=jax.tree.map(jnp.copy, state.evaluated))
            return state, executed

        return wrong

    return together(replaced(Decisions, "apply", apply), replaced(zoo.training.loop, "execute", execute))


@fault("Early stopping keeps the worst weights: the comparison has the wrong direction.", applies=stops_early)
def worst_weights_kept():
    def make(right):
        return lambda metric, value, best, minimum_change: right(
            metric, -value, None if best is None else -best, minimum_change
        )

    return replaced(zoo.training.early_stopping, "improves", make)


@fault("Early stopping never stops.", applies=stops_early)
def never_stops():
    return replaced(Decisions, "over", lambda right: property(lambda self: False))


@fault("Early stopping has another patience.", strengths=(3.0, 0.5), matters=0.5, applies=stops_early)
def stopping_patience(factor):
    def make(right):
        def wrong(recipe, records):
            stopping = recipe.early_stopping
            patience = max(1, round(factor * stopping.patience))
            changed = dataclasses.replace(stopping, patience=patience)
            return right(dataclasses.replace(recipe, early_stopping=changed), records)

        return wrong

    return replaced(zoo.training.loop, "Decisions", make)


@fault(
    "Early stopping counts all evaluations without improvement, not only consecutive ones.",
    applies=stops_early,
    bases=("verification.faults.bases.weighted",),
)
def stopping_counts_all_failures():
    def wrong(self):
        stopping, best, failures = self._recipe.early_stopping, None, 0
        if stopping is None:
            return False
        for record in self._evaluations:
            value = record[stopping.metric]
            if improves(stopping.metric, value, best, stopping.minimum_change):
                best = value
            else:
                failures += 1
        return failures >= stopping.patience

    return replaced(Decisions, "over", lambda right: property(wrong))
