"""Comparison of updates of parameters with the optimizer's closed form in float64, from the step's own gradient."""

import fnmatch
import math
from collections.abc import Callable, Iterator

import numpy as np
import optax
from flax import traverse_util

from verification.check import Check, Group
from verification.optimizer import clip, decays, update_rule
from verification.schedule import closed_form
from verification.step.probe import Outcome, Probe
from zoo.data.pipeline import Batch
from zoo.recipe import LAMB, ClipByNorm
from zoo.training.experiment import Experiment
from zoo.training.step.state import TrainState

MAX_VALUES = 200_000  # of a parameter, that are compared
CONSECUTIVE = 4  # steps from the start of a run
# A float32 update is the difference of two rounded parameters, and is computed by a few float32 operations.
ROUNDING = 2.0**-23
TOLERANCE = 2e-5  # of the update, beyond the rounding of the parameters and of the bias correction


def check_update(group: Group, probe: Probe, state: TrainState, batches: list[Batch]) -> Iterator[Check]:
    """Checks the first updates, those in the middle and at the end of the schedule, and one with a gradient of zero.

    Args:
      group: of the checks.
      probe: of the experiment.
      state: before the first step.
      batches: at least `CONSECUTIVE` batches.
    """
    experiment, total = probe.experiment, probe.experiment.total_steps
    rule = Rules(experiment)
    starts = [*range(min(CONSECUTIVE, total)), *sorted({total // 2, total - 1} - {*range(CONSECUTIVE)})]
    worst, problems, averages = 0.0, [], []
    for place, start in enumerate(starts):
        state = at_step(state, start)
        if state.rate_factor is not None and start >= CONSECUTIVE:
            state = state.replace(rate_factor=np.float32(0.5))  # as if the metric had reached a plateau
        outcome = probe.step(state, batches[place % len(batches)])
        found, problem = rule.compare(start, state, outcome)
        worst = max(worst, found)
        problems += [f"step {start + 1}: {problem}"] if problem else []
        averages += _average(experiment, state, outcome)
        state = outcome.state
    # No example counts, hence the gradient is zero: what remains is the momentum so far and the weight decay.
    nothing = batches[0]._replace(weight=np.zeros_like(batches[0].weight))
    before = at_step(state, total - 1)
    outcome = probe.step(before, nothing)
    if any(np.any(leaf) for leaf in outcome.gradient.values()):
        problems.append("a batch without examples has a gradient")
    found, problem = rule.compare(total - 1, before, outcome)
    problems += [f"without a gradient: {problem}"] if problem else []
    steps, worst = ", ".join(str(start + 1) for start in starts), max(worst, found)
    detail = (
        f"parameters after steps {steps} of {total:,} and after one with a gradient of zero differ from"
        f" {type(experiment.recipe.optimizer).__name__}'s formula by at most {worst:.1e} of the update"
    )
    yield group.check("update", not problems, "; ".join(problems[:2]) or detail, {"value": worst})
    if averages:
        off = float(np.max(averages))
        yield group.check(
            "weight average",
            off < 1,
            f"after {len(averages)} steps, it differs from the formula by {off:.1g} roundings",
        )


def at_step(state: TrainState, step: int) -> TrainState:
    """Returns the state with other counts of the steps done, in the state and in the optimizer."""
    counts = optax.tree_utils.tree_get_all_with_path(state.opt_state, "count")
    opt_state = state.opt_state
    if counts:
        opt_state = optax.tree_utils.tree_set(opt_state, count=np.int32(step))
    return state.replace(step=np.int32(step), opt_state=opt_state)


class Rules:
    """The closed forms of the updates of all parameters, which keep their moments from step to step."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment, self.recipe = experiment, experiment.recipe
        paths = traverse_util.flatten_dict(experiment.abstract_state.params, sep="/")
        # Adam's 1 - beta2^t cancels digits in float32, above all at the first step.
        self.tolerance = TOLERANCE + ROUNDING / (1 - getattr(self.recipe.optimizer, "beta2", 0.0))
        self.decayed = {path for path in paths if decays(self.recipe, path)}
        self.rules: dict[str, Callable] = {
            path: update_rule(
                self.recipe.optimizer, self.recipe.regularization.weight_decay if path in self.decayed else 0.0
            )
            for path in paths
        }

    def compare(self, step: int, before: TrainState, outcome: Outcome) -> tuple[float, str | None]:
        """Returns the largest difference of an update, relative to it, and a sentence if one is too large.

        Args:
          step: the number of steps done.
          before: the state before the step.
          outcome: of the step.
        """
        peak = self.recipe.schedule.peak
        rate = closed_form(self.recipe.schedule, step, self.experiment.total_steps)
        rate *= 1.0 if before.rate_factor is None else float(before.rate_factor)
        if not abs(outcome.learning_rate - rate) <= 1e-5 * peak:
            return 0.0, f"the reported learning rate is {outcome.learning_rate:g}, the schedule's {rate:g}"
        rate = outcome.learning_rate  # as reported, which rounds to float32
        params = traverse_util.flatten_dict(dict(before.params), sep="/")
        worst, sentence = 0.0, None
        factor = self._clipping_factor(outcome.gradient)
        for path, value in params.items():
            weight = self._some(value)
            expected = np.zeros_like(weight)
            if path not in self.experiment.frozen:
                gradient = self._clipped(self._some(outcome.gradient[path]), factor)
                if path in self.decayed:
                    gradient = gradient + self.recipe.regularization.l1 * np.sign(weight)
                expected = self._factor(path) * self.rules[path](gradient, weight, rate, step)
            found = self._some(outcome.params[path]) - weight
            size = float(np.linalg.norm(expected))
            # Half a unit in the last place of the result, and as much again for the operations before.
            rounded = ROUNDING * float(np.linalg.norm(weight))
            if rate:  # the schedule's own rounding, which is relative to its peak
                rounded += 4 * ROUNDING * size * peak / rate
            off = float(np.linalg.norm(found - expected))
            if size > rounded:
                worst = max(worst, off / size if off > rounded else 0.0)
            if not off <= rounded + self.tolerance * size and sentence is None:
                sentence = (
                    f"the update of {path} differs from the formula by {100 * off / max(size, 1e-30):.3g} % of its size"
                    if size > rounded
                    else f"{path} changes by {off:.1e} where the formula leaves it unchanged"
                )
        return worst, sentence

    def _some(self, values):
        """Returns values in float64: all of them, or evenly spaced ones of many, which the rule updates alike."""
        if isinstance(self.recipe.optimizer, LAMB):  # its rule uses the norms of whole parameters
            return values.astype(np.float64)
        return values.ravel()[:: -(-values.size // MAX_VALUES)].astype(np.float64)

    def _clipping_factor(self, gradient):
        """Returns the factor by which the norm of the whole gradient is clipped."""
        if not isinstance(self.recipe.clipping, ClipByNorm):
            return 1.0
        norm = math.sqrt(sum(float(np.square(value, dtype=np.float64).sum()) for value in gradient.values()))
        return min(1.0, self.recipe.clipping.norm / norm) if norm else 1.0

    def _clipped(self, gradient, factor):
        clipping = self.recipe.clipping
        return factor * gradient if isinstance(clipping, ClipByNorm) else clip(clipping, gradient)

    def _factor(self, path):
        rates = self.recipe.transfer.rates if self.recipe.transfer else {}
        matching = [rate for pattern, rate in rates.items() if fnmatch.fnmatchcase(path, pattern)]
        return matching[-1] if matching else 1.0


def _average(experiment: Experiment, before: TrainState, outcome: Outcome) -> list[float]:
    """Returns the difference of the weight average from its formula, in units of what rounding explains."""
    averaging = experiment.recipe.weight_average
    if averaging is None:
        return []
    done = int(outcome.state.step)
    decay = min(averaging.decay, (1 + done) / (10 + done)) if averaging.ramp else averaging.decay
    off = 0.0
    new = {"params": outcome.state.params, "batch_stats": outcome.state.batch_stats}
    for kind, tree in before.average.items():
        old, now, found = (
            traverse_util.flatten_dict(dict(each), sep="/") for each in (tree, new[kind], outcome.state.average[kind])
        )
        for path, mean in old.items():
            expected = decay * mean.astype(np.float64) + (1 - decay) * now[path].astype(np.float64)
            # Of the values, and of a decay near 1, whose difference from 1 is rounded relative to 1.
            change = np.abs(now[path].astype(np.float64) - mean).max()
            bound = 4 * ROUNDING * float(np.abs(expected).max() + change) + 1e-30
            off = float(np.maximum(off, np.abs(found[path] - expected).max() / bound))  # NaN, where there is one
    return [off]
