"""The training state."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct, traverse_util


class TrainState(struct.PyTreeNode):
    """The complete training state: together with the recipe and the data, it determines all further steps.

    Attributes:
      step: int32, optimizer steps done.
      seed: uint32, of the run; all random numbers of a step are derived from the seed and `step`.
      params: float32 parameters.
      batch_stats: float32 running statistics; empty if the network has none.
      opt_state: state of the optax transformation.
      failed: bool, whether a loss or a gradient was not finite. That step and all later ones leave the state unchanged,
        so that `step` steps succeeded, and `params` are those that the failing step started from.
      average: {"params": ..., "batch_stats": ...}, moving average of the variables; None if the recipe has none.
      rate_factor: float32, factor on the learning rate; None unless the schedule is a `ReduceOnPlateau`.
      best: the `evaluated` variables of the best evaluation so far; None without early stopping.
    """

    step: jax.Array
    seed: jax.Array
    params: Any
    batch_stats: Any
    opt_state: Any
    failed: jax.Array
    average: Any = None
    rate_factor: jax.Array | None = None
    best: Any = None

    @property
    def variables(self) -> dict[str, Any]:
        """The variables in the form that `model.apply` takes."""
        return {"params": self.params, "batch_stats": self.batch_stats} if self.batch_stats else {"params": self.params}

    @property
    def evaluated(self) -> dict[str, Any]:
        """The variables that are evaluated: the moving average if there is one."""
        return self.variables if self.average is None else self.average

    @property
    def learned(self) -> dict[str, Any]:
        """The resulting variables of the run: with early stopping, those of the best evaluation."""
        return self.evaluated if self.best is None else self.best


def create_state(
    init: Callable[[jax.Array], dict[str, Any]],
    optimizer: optax.GradientTransformation,
    seed: jax.Array,
    *,
    taken: Mapping[tuple[str, ...], jax.Array] | None = None,
    average: bool = False,
    rate_factor: bool = False,
    best: bool = False,
) -> TrainState:
    """Creates the state before the first step; call it inside `jit`.

    Args:
      init: function of a key that returns the network's variables, see `initial_variables`.
      optimizer: the recipe's.
      seed: uint32; its key initializes the variables that are not in `taken`.
      taken: initial values by path, of variables that `init` does not initialize.
      average, rate_factor, best: whether the state has these fields.
    """
    variables = init(jax.random.key(seed))
    if taken:
        variables = traverse_util.unflatten_dict({**traverse_util.flatten_dict(variables), **taken})
    state = TrainState(
        step=jnp.zeros((), jnp.int32),
        seed=jnp.asarray(seed, jnp.uint32),
        params=variables["params"],
        batch_stats=variables.get("batch_stats", {}),
        opt_state=optimizer.init(variables["params"]),
        failed=jnp.zeros((), bool),
        rate_factor=jnp.ones((), jnp.float32) if rate_factor else None,
    )
    return state.replace(average=state.variables if average else None, best=state.variables if best else None)
