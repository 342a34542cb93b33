"""What training changes from step to step."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct, traverse_util


class TrainState(struct.PyTreeNode):
    """All of it: with the recipe and the data, it decides every step to come.

    Attributes:
      step: int32, optimizer steps done.
      seed: uint32, of the run; every random number of a step follows from this and `step`.
      params: float32.
      batch_stats: float32 moving statistics; empty if the network has none.
      opt_state: of the optax transformation.
      failed: whether a loss or a gradient was not finite. Such a step changes nothing, nor does any after it, so that
        `step` is the step that failed and `params` are those it started from.
      average: {"params": ..., "batch_stats": ...}, their moving average; None if the recipe has none.
      rate_factor: float32, by which the learning rate is multiplied; None unless evaluations decide on it.
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
        """What `model.apply` takes."""
        return {"params": self.params, "batch_stats": self.batch_stats} if self.batch_stats else {"params": self.params}

    @property
    def evaluated(self) -> dict[str, Any]:
        """The variables that an evaluation takes: averaged ones, if there are."""
        return self.variables if self.average is None else self.average

    @property
    def learned(self) -> dict[str, Any]:
        """What the run has come to: the best variables, if the recipe lets evaluations choose."""
        return self.evaluated if self.best is None else self.best


def create_state(
    model: nn.Module,
    optimizer: optax.GradientTransformation,
    seed: jax.Array,
    input_shape: tuple[int, int, int],
    *,
    taken: Mapping[tuple[str, ...], jax.Array] | None = None,
    average: bool = False,
    rate_factor: bool = False,
    best: bool = False,
) -> TrainState:
    """The state before the first step; meant to be run inside `jit`.

    Args:
      model: called as `model(images, train=False)`.
      optimizer: the recipe's.
      seed: uint32; the network draws with its key what is not `taken`.
      input_shape: of an image.
      taken: the variables that are not drawn, by path.
      average, rate_factor, best: whether the state has these.
    """
    variables = model.init(jax.random.key(seed), jnp.zeros((1, *input_shape)), train=False)
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
