"""Mistakes in resuming an interrupted run from what it saved."""

import jax
import jax.numpy as jnp
import numpy as np

import zoo.training.fit
import zoo.training.loop
from verification.faults.applies import (
    averaged,
    changing_rate,
    has,
    measured,
    plateau,
    several_epochs,
    stops_early,
    uses_keys,
)
from verification.faults.fault import fault
from verification.faults.patching import replaced, together
from zoo.training.run.files import RunFiles


def _restored(change):
    """Changes the state that is restored: `change(restored, fresh) -> state`."""

    def make(right):
        class Wrong(right):
            """Checkpoints that are restored wrongly."""

            def restore(self, like, on_damaged):
                state = super().restore(like, on_damaged)
                return state if state is None or like is None else change(state, like)

        return Wrong

    return replaced(zoo.training.fit, "Checkpoints", make)


@fault("A resumed run loses the optimizer's moments.")
def resumed_without_moments():
    def change(state, fresh):
        empty = jax.tree.map(
            lambda now, start: start if jnp.issubdtype(now.dtype, jnp.floating) else now,
            state.opt_state,
            fresh.opt_state,
        )
        return state.replace(opt_state=empty)

    return _restored(change)


@fault("A resumed run loses the optimizer's state with its step count: the schedule begins anew.")
def resumed_without_optimizer():
    return _restored(lambda state, fresh: state.replace(opt_state=fresh.opt_state))


@fault("A resumed run counts its steps from 0.")
def resumed_without_step():
    return _restored(lambda state, fresh: state.replace(step=fresh.step))


@fault("A resumed run is a step behind in the schedule.", applies=changing_rate, bases=("lenet5",))
def resumed_late_in_schedule():
    """The optimizer's step count is one less than the number of steps done."""

    def back(each):
        return jnp.maximum(each - 1, 0) if jnp.issubdtype(each.dtype, jnp.integer) else each

    return _restored(lambda state, fresh: state.replace(opt_state=jax.tree.map(back, state.opt_state)))


@fault("A resumed run reads its data from the beginning.")
def resumed_at_first_batch():
    """The loader starts at its first batch, whatever the step of the state."""

    def make(right):
        return lambda self, first_step: right(self, 0)

    return replaced(zoo.training.loop.Loop, "batches", make)


@fault(
    "A resumed run reads its data from the start of the epoch, of which it has seen a part.",
    applies=several_epochs,
    bases=("mlp",),
)
def resumed_at_start_of_epoch():
    def make(right):
        def wrong(self, first_step):
            steps = max(self.experiment.train_pipeline.epoch // self.experiment.recipe.budget.batch_size, 1)
            return right(self, first_step - first_step % steps)

        return wrong

    return replaced(zoo.training.loop.Loop, "batches", make)


@fault("A resumed run skips a batch.")
def resumed_one_batch_late():
    def make(right):
        return lambda self, first_step: right(self, first_step + 1 if first_step else 0)

    return replaced(zoo.training.loop.Loop, "batches", make)


@fault("A resumed run shuffles its data otherwise.", bases=("mlp", "lenet5"))
def resumed_in_other_order():
    def make(right):
        def wrong(pipeline, batch_size, *, seed, first_step=0, **hosts):
            return right(pipeline, batch_size, seed=(seed + first_step) % 2**32, first_step=first_step, **hosts)

        return wrong

    return replaced(zoo.training.loop, "training_batches", make)


@fault("A resumed run loses the running statistics.", applies=has("BatchNorm"))
def resumed_without_statistics():
    return _restored(lambda state, fresh: state.replace(batch_stats=fresh.batch_stats))


@fault("A resumed run begins its weight average anew.", applies=averaged)
def resumed_without_average():
    return _restored(lambda state, fresh: state.replace(average=state.variables))


@fault(
    "A resumed run loses the best weights: those that it resumes from count as such until there are better ones.",
    applies=stops_early,
    bases=("verification.faults.bases.weighted",),
)
def resumed_without_best():
    def change(state, fresh):
        return state if state.best is None else state.replace(best=jax.tree.map(jnp.copy, state.evaluated))

    return _restored(change)


@fault("Checkpoints have bfloat16 parameters.")
def checkpoints_in_bfloat16():
    def change(state, fresh):
        rough = jax.tree.map(lambda each: each.astype(jnp.bfloat16).astype(each.dtype), state.params)
        return state.replace(params=rough)

    return _restored(change)


@fault("The normalization of a run is saved in half precision.", applies=measured, bases=("mlp", "lenet5"))
def statistics_saved_in_half_precision():
    def make(right):
        def wrong(self, statistics):
            rough = (None if each is None else np.asarray(each, np.float16) for each in statistics)
            return right(self, type(statistics)(*(None if each is None else each.astype(np.float32) for each in rough)))

        return wrong

    return replaced(RunFiles, "write_statistics", make)


@fault("A resumed run has the keys of another seed.", applies=uses_keys)
def resumed_with_other_keys():
    return _restored(lambda state, fresh: state.replace(seed=state.seed + 1))


@fault(
    "A resumed run evaluates once more, and the record counts like any other.",
    bases=("lenet5", "verification.faults.bases.weighted"),
)
def resumed_with_evaluation():
    def train(right):
        def wrong(self, state):
            if 0 < int(state.step) < self.experiment.total_steps:
                state = self.evaluate(state, int(state.step))
            return right(self, state)

        return wrong

    return together(
        replaced(zoo.training.loop.Loop, "train", train),
        replaced(zoo.training.loop.Loop, "due", lambda right: lambda self, evaluations: {*evaluations}),
    )


@fault(
    "A resumed run decides by the evaluations since then only: patience and reductions of the rate begin anew.",
    applies=lambda recipe: stops_early(recipe) or plateau(recipe),
    bases=("verification.faults.bases.weighted", "bn_cnn"),
)
def decisions_since_resuming():
    def train(right):
        def wrong(self, state):
            self.__dict__["_resumed_from"] = int(state.step)
            return right(self, state)

        return wrong

    def decisions(right):
        def wrong(self):
            start = self.__dict__.get("_resumed_from", 0)
            records = [record for record in self.history.records if not start or record["step"] > start]
            return zoo.training.loop.Decisions(self.experiment.recipe, records)

        return property(wrong)

    return together(
        replaced(zoo.training.loop.Loop, "train", train),
        replaced(zoo.training.loop.Loop, "decisions", decisions),
    )
