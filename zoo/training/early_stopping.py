"""Early stopping, the best weights, and learning-rate reduction on a plateau, decided by the evaluations of a run."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from zoo import parallel
from zoo.recipe import Recipe, ReduceOnPlateau
from zoo.recipe.metric import improves
from zoo.training.step.schedule import plateau_factor
from zoo.training.step.state import TrainState


class Decisions:
    """The decisions of early stopping and of a plateau schedule.

    They are functions of the records alone, so that a resumed run needs no other state.
    """

    def __init__(self, recipe: Recipe, records: Sequence[dict[str, Any]]) -> None:
        self._recipe = recipe
        kind = "validation" if recipe.data.validation else "eval"
        self._evaluations = [each for each in records if each["kind"] == kind and "restored_step" not in each]
        self.restored = any("restored_step" in record for record in records)

    @property
    def rate_factor(self) -> float:
        """The factor on the learning rate; 1 unless the schedule is a `ReduceOnPlateau`."""
        schedule = self._recipe.schedule
        if not isinstance(schedule, ReduceOnPlateau):
            return 1.0
        return plateau_factor(schedule, [record[schedule.metric] for record in self._evaluations])

    def apply(self, state: TrainState, mesh: Mesh) -> TrainState:
        """Applies the decisions to a state; idempotent, because a resumed run applies them again."""
        if isinstance(self._recipe.schedule, ReduceOnPlateau):
            state = state.replace(rate_factor=parallel.replicate(np.float32(self.rate_factor), mesh))
        if self.best_step == int(state.step):
            # Copies, because the next step donates the state's buffers.
            state = state.replace(best=jax.tree.map(jnp.copy, state.evaluated))
        return state

    @functools.cached_property
    def _best(self) -> int | None:
        """The index of the best evaluation; None without early stopping, or if there was none."""
        stopping, best = self._recipe.early_stopping, None
        if stopping is None:
            return None
        values = [record[stopping.metric] for record in self._evaluations]
        for place, value in enumerate(values):
            if improves(stopping.metric, value, None if best is None else values[best], stopping.minimum_change):
                best = place
        return best

    @property
    def best_step(self) -> int | None:
        """The step of the best evaluation; None without early stopping, or if there was none."""
        return None if self._best is None else self._evaluations[self._best]["step"]

    @property
    def over(self) -> bool:
        """Whether early stopping ends the run now."""
        stopping = self._recipe.early_stopping
        if stopping is None:
            return False
        return len(self._evaluations) - (0 if self._best is None else self._best + 1) >= stopping.patience
