"""Comparison of the gradient that a training step hands to its optimizer with differences of the loss it reports.

Nothing is known about how the step computes its gradient. The loss is evaluated by the compiled step itself, with
parameters moved a little in a direction. Where the difference is not close to the claim, the derivative is extrapolated
from two step sizes. There are three kinds of directions: the whole gradient, whose length a wrong factor changes; the
gradient of each parameter, which shows a wrong factor of one layer; and random ones, which show gradients that lack a
part.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from flax import traverse_util

from verification.check import Check, Group
from verification.step.probe import Outcome, Probe, generic_state
from zoo.data.pipeline import Batch
from zoo.training.step.state import TrainState

CHANGE = 3e-4  # of the loss, relative, by which the widest move is meant to change it
MAX_MOVE = 0.02  # of a parameter's root mean square, or of 0.1 if that is larger
ULP = 2.0**-23  # rounding of a float32 loss, relative
MAX_DIRECTIONS = 24  # of each kind: with more parameters than this, a direction moves several of them at once
FEW_DIRECTIONS, MANY_WEIGHTS = 6, 10**7  # of a network with so many values that moving them takes most of the time
# Largest differences of correct gradients, relative to the expected length of the derivative. They come from the kinks
# of activations and max pools, which extrapolation does not remove.
TOLERANCE = {"whole": 0.02, "own": 0.05, "random": 0.25}
CLOSE = 4  # how many times smaller than tolerated a difference is that needs no extrapolation
LEAST_KEPT = 0.5  # of a move, after rounding of the moved parameters to float32
ERRORS = 5  # estimated errors of the difference that are tolerated in any case
POINTS = 3  # a direction fails only if it does so at this many points


class Direction(NamedTuple):
    """A direction in which parameters are moved.

    Attributes:
      kind: "whole", "own" or "random".
      moves: the widest moves, by path, before rounding of the moved parameters.
      scale: expected size of the change of the loss, from the lengths of the gradient; for "whole", the change.
    """

    kind: str
    moves: dict[str, np.ndarray]
    scale: float


class Deviation(NamedTuple):
    """The difference of a derivative from its claim, relative to the direction's scale, and what is tolerated."""

    found: float
    tolerated: float


def check_gradient(
    group: Group,
    probe: Probe,
    state: TrainState,
    batch: Batch,
    outcome: Outcome,
    seed: int,
    groups_of_all: int | None = None,
) -> Iterator[Check]:
    """Checks the gradient of a step.

    Args:
      group: of the check.
      probe, state, batch: the step, and what it is called with.
      outcome: of that step.
      seed: of the random directions.
      groups_of_all: number of groups of parameters that are moved together; None for one of each, or as many as are
        affordable.
    """
    comparison = Comparison(probe, state, batch, outcome, seed)
    params = traverse_util.flatten_dict(dict(state.params), sep="/")
    trained = [path for path in params if path not in probe.experiment.frozen]
    many = sum(params[path].size for path in trained) > MANY_WEIGHTS
    size = -(-len(trained) // (groups_of_all or (FEW_DIRECTIONS if many else MAX_DIRECTIONS)))
    groups = [trained[start : start + size] for start in range(0, len(trained), size)]
    wrong = [("whole", trained)] if not comparison.agrees("whole", trained) else []
    for paths in groups:
        if len(paths) > 1 and comparison.agrees("own", paths, points=1):
            continue
        width = 1 / np.sqrt(len(paths))  # as far as in the group: a wider move of one parameter meets more kinks
        wrong += [("own", [path]) for path in paths if not comparison.agrees("own", [path], width=width)]
    wrong += [("random", paths) for paths in groups if not comparison.agrees("random", paths)]
    amounts = ", ".join(f"{value:.1%} in {_DIRECTIONS[kind]}" for kind, value in comparison.worst.items())
    fine = f"the gradient of {len(trained)} parameters agrees with differences of the loss to {amounts}"
    sentences = [
        f"{_names(paths)}: {_DIRECTIONS[kind]} differs by {comparison.last[kind, *paths]:.0%} of its expected size"
        for kind, paths in wrong
    ]
    more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    figures = {"value": comparison.share, "high": 1.0}  # the largest deviation, in units of what is tolerated there
    yield group.check("gradient", not wrong, "; ".join(sentences[:3]) + more if wrong else fine, figures)


class Comparison:
    """The comparisons of one gradient, at several points: the given state, and others if it does not agree there.

    A kink may be near one of them; a wrong gradient is wrong at all.

    Attributes:
      worst: the largest deviation where the gradient agrees, by kind of direction.
      last: the last deviation, by kind and paths, where it does not.
      share: the largest deviation of all, in units of what is tolerated there.
    """

    def __init__(self, probe: Probe, state: TrainState, batch: Batch, outcome: Outcome, seed: int) -> None:
        self.probe, self.batch, self.seed = probe, batch, seed
        self.random = np.random.default_rng(seed)
        self.points = [(state, outcome)]
        self.worst: dict[str, float] = {}
        self.last: dict[tuple[str, ...], float] = {}
        self.share = 0.0

    def agrees(self, kind: str, paths: Sequence[str], points: int = POINTS, width: float = 1.0) -> bool:
        """Returns whether the derivative in a direction of some parameters is as claimed at one of some points.

        `width` multiplies the moves; those along each parameter's gradient become narrower from point to point.
        """
        for number in range(points):
            state, outcome = self._point(number)
            params = traverse_util.flatten_dict(dict(state.params), sep="/")
            narrower = 0.5**number if kind == "own" else 1.0
            direction = draw(kind, paths, params, outcome, self.random, width * narrower)
            if direction is None:
                return True
            deviation = measure(self.probe, state, self.batch, direction, outcome)
            if deviation.found <= deviation.tolerated:
                self.worst[kind] = max(self.worst.get(kind, 0.0), deviation.found)
                self.share = max(self.share, deviation.found / deviation.tolerated)
                return True
        if points == POINTS:
            self.last[kind, *paths] = deviation.found
            self.share = max(self.share, deviation.found / deviation.tolerated)
        return False

    def _point(self, number):
        if number == len(self.points):
            state = generic_state(self.points[0][0], self.seed + number)
            self.points.append((state, self.probe.step(state, self.batch)))
        return self.points[number]


_DIRECTIONS = {
    "whole": "the derivative along the gradient",
    "own": "the derivative along each parameter's gradient",
    "random": "the derivative in random directions",
}


def _names(paths):
    return ", ".join(paths) if len(paths) < 4 else f"{paths[0]} to {paths[-1]}"


def draw(
    kind: str,
    paths: Sequence[str],
    params: Mapping[str, np.ndarray],
    outcome: Outcome,
    random: np.random.Generator,
    width: float = 1.0,
) -> Direction | None:
    """Draws a direction of a kind in which some parameters are moved; None if their gradients are zero along it."""
    moves, changes = {}, []
    change = width * CHANGE * abs(outcome.loss) / np.sqrt(len(paths))
    whole = np.sqrt(sum(_inner(outcome.gradient[path], outcome.gradient[path]) for path in paths))
    for path in paths:
        gradient, value = outcome.gradient[path], params[path]
        length = _length(gradient)
        limit = MAX_MOVE * max(np.sqrt(_inner(value, value) / value.size), 0.1) * np.sqrt(value.size)
        if kind == "random":
            unit, size = random.standard_normal(value.shape, np.float32), np.sqrt(value.size)
            slope = length / size
        elif length == 0:
            continue
        else:
            unit, size, slope = gradient, length, length
        far = min(change / slope, limit) if slope else limit
        if kind == "whole":
            far = min(CHANGE * abs(outcome.loss) / whole, limit) * length / whole
        sign = 1 if kind == "whole" else random.choice([-1.0, 1.0])
        moves[path] = np.float32(sign * far / size) * unit
        changes.append(far * slope)
    scale = sum(changes) if kind == "whole" else np.sqrt(np.sum(np.square(changes)))
    return Direction(kind, moves, float(scale)) if moves else None


def measure(probe: Probe, state: TrainState, batch: Batch, direction: Direction, outcome: Outcome) -> Deviation:
    """Measures the derivative in a direction by differences of the loss that the compiled step reports.

    Many weights move by less than their rounding, so that each difference is compared with the gradient along what the
    parameters really moved by.
    """
    base = traverse_util.flatten_dict(dict(state.params), sep="/")

    def difference(factor):
        """Returns how far the loss changes from -factor to +factor, in excess of the gradient, and how far that goes.

        The second is the smallest fraction of a move that rounding leaves.
        """
        ends = [
            {path: base[path] + np.float32(sign * factor) * move for path, move in direction.moves.items()}
            for sign in (1, -1)
        ]
        after, before = probe.losses(state, ({**base, **end} for end in ends), batch)
        steps = {path: ends[0][path] - ends[1][path] for path in direction.moves}
        claimed = sum(_inner(outcome.gradient[path], step) for path, step in steps.items())
        if direction.kind == "whole":
            kept = claimed / (2 * factor * direction.scale)
        else:
            kept = min(_length(step) / (2 * factor * _length(direction.moves[path])) for path, step in steps.items())
        return after - before - claimed, kept

    rounding = ULP * abs(outcome.loss)
    # A gradient of zero has no scale of its own: a change of the loss beyond rounding is then as large as can be.
    scale, tolerance = max(direction.scale, 10 * rounding), TOLERANCE[direction.kind]
    if direction.kind == "own":  # several parameters contribute as much: a fault of one of them is to be seen
        tolerance /= np.sqrt(len(direction.moves))
    narrow, kept = difference(0.5)
    if not kept > LEAST_KEPT:
        return Deviation(np.inf, tolerance)  # parameters that do not move show nothing
    if abs(narrow) / scale <= tolerance / CLOSE:
        return Deviation(abs(narrow) / scale, tolerance)
    wide = difference(1.0)[0] / 2
    error = abs(narrow - wide) / 3 + 2 * rounding
    return Deviation(abs((4 * narrow - wide) / 3) / scale, max(tolerance, ERRORS * error / scale))


def _inner(one, other):
    """Returns the inner product of two arrays, summed in float64 without copies in it."""
    return float(np.einsum("i,i->", one.ravel(), other.ravel(), dtype=np.float64))


def _length(values):
    return np.sqrt(_inner(values, values))
