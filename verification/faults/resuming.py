"""Mistakes in resuming an interrupted run from its checkpoint."""

import jax
import jax.numpy as jnp

import zoo.training.fit
import zoo.training.loop
from verification.faults.applies import averaged, has, uses_keys
from verification.faults.fault import fault
from verification.faults.patching import replaced


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


@fault("A resumed run reads its data from the beginning.")
def resumed_at_first_batch():
    """The loader starts at its first batch, whatever the step of the state."""

    def make(right):
        return lambda self, first_step: right(self, 0)

    return replaced(zoo.training.loop.Loop, "batches", make)


@fault("A resumed run skips a batch.")
def resumed_one_batch_late():
    def make(right):
        return lambda self, first_step: right(self, first_step + 1 if first_step else 0)

    return replaced(zoo.training.loop.Loop, "batches", make)


@fault("A resumed run loses the running statistics.", applies=has("BatchNorm"))
def resumed_without_statistics():
    return _restored(lambda state, fresh: state.replace(batch_stats=fresh.batch_stats))


@fault("A resumed run begins its weight average anew.", applies=averaged)
def resumed_without_average():
    return _restored(lambda state, fresh: state.replace(average=state.variables))


@fault("Checkpoints have bfloat16 parameters.")
def checkpoints_in_bfloat16():
    def change(state, fresh):
        rough = jax.tree.map(lambda each: each.astype(jnp.bfloat16).astype(each.dtype), state.params)
        return state.replace(params=rough)

    return _restored(change)


@fault("A resumed run has the keys of another seed.", applies=uses_keys)
def resumed_with_other_keys():
    return _restored(lambda state, fresh: state.replace(seed=state.seed + 1))
