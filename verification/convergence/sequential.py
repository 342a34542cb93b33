"""The sequential comparison of fresh runs with reference runs: pass, fail, or train another seed.

Each measure has a band for one, two and three runs, each narrower than the one before (`prediction_band`). After k runs
a recipe fails if, in some measure, all k are beyond the band for k runs on the same side. It passes if no measure has
all k beyond the band for three runs, since it could then not fail any more. Otherwise another seed is trained. So one
run suffices for nearly all healthy recipes, and passing early costs no power.

The probability of a false alarm is shared by the bands in the proportions `SHARES` and then equally by the measures:
the union bound. At the small shares that a suite of many recipes leaves, a limit on the largest of correlated measures,
simulated with the correlation of the ledgers' measures (0.83 between final loss and accuracy), is the same to 1 %.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from verification import ledger
from verification.statistics import CONVERGENCE_ALPHA, Band, prediction_band
from zoo.training.tracking import Tracker

# For one, two and three runs. A single run only fails where it is many deviations off, as with a broken network, so
# that heavy tails of the distribution hardly matter.
SHARES = (0.001, 0.03, 0.969)
MOST_RUNS = len(SHARES)

Measures = Mapping[str, float]


class Verdict(NamedTuple):
    """The state of a sequential comparison.

    Attributes:
      status: "pass", "fail", or "open" if another run is needed.
      measures: those that failed, for "fail"; those that all runs so far are far off in on the same side, for "open".
    """

    status: Literal["pass", "fail", "open"]
    measures: tuple[str, ...] = ()


def recipe_alpha(platform: str) -> float:
    """Returns a recipe's share of `CONVERGENCE_ALPHA`: equal for all recipes with a ledger of the platform."""
    return CONVERGENCE_ALPHA / max(1, len(list(ledger.FOLDER.glob(f"*.{platform}.jsonl"))))


def measure_bands(references: Sequence[Measures], alpha: float, runs: int = MOST_RUNS) -> dict[str, Band]:
    """Returns the band of each measure that `runs` fresh runs must not all be beyond.

    Runs that are too good fail as well, since this indicates leaked labels.

    Args:
      references: the measures of the reference runs, at least two.
      alpha: the false-alarm probability of the whole sequential comparison, all measures together.
      runs: number of fresh runs, from 1 to `MOST_RUNS`.
    """
    names = list(references[0])
    share = alpha * SHARES[runs - 1] / len(names)
    return {name: prediction_band([run[name] for run in references], share, runs) for name in names}


def compare(references: Sequence[Measures], fresh: Sequence[Measures], alpha: float) -> Verdict:
    """Returns the verdict on the fresh runs so far, at least one; other arguments as those of `measure_bands`."""
    if failed := beyond(measure_bands(references, alpha, len(fresh)), fresh):
        return Verdict("fail", failed)
    if len(fresh) < MOST_RUNS and (doubtful := beyond(measure_bands(references, alpha), fresh)):
        return Verdict("open", doubtful)
    return Verdict("pass")


def beyond(bands: Mapping[str, Band], runs: Sequence[Measures]) -> tuple[str, ...]:
    """Returns the measures in which all runs are beyond the band on the same side, of those that all runs have."""
    common = [name for name in bands if all(name in run for run in runs)]
    return tuple(name for name in common if bands[name].all_beyond([run[name] for run in runs]))


@dataclass(frozen=True)
class Trial:
    """The fresh runs of a recipe and their comparison with the reference runs.

    Attributes:
      fresh: the measures of each run, in order; without those of a run that diverged or was stopped.
      bands: by measure; of as many runs as there are in a trial that failed, otherwise of `MOST_RUNS`.
      failed: the measures that failed.
      stopped: what a run was stopped for, in words; None if none was.
    """

    fresh: tuple[Measures, ...]
    bands: Mapping[str, Band]
    failed: tuple[str, ...] = ()
    stopped: str | None = None

    def describe(self, name: str) -> str:
        """Returns the values of a measure and its band."""
        return describe(name, [run[name] for run in self.fresh], self.bands[name])


def describe(name: str, values: Sequence[float], band: Band) -> str:
    """Returns a description of a measure's values and of the band that not all of them may be beyond."""
    found = ", ".join(f"{value:.4f}" for value in values)
    runs = f"{band.n} runs with mean {band.mean:.4f}, std {band.std:.4f}"
    return f"{name} is {found}; band {band.low:.4f} to {band.high:.4f}, from {runs}"


class OutOfBand(Exception):
    """Raised in training when a run has failed already; the message says why."""


class Watch(Tracker):
    """Ends a run with `OutOfBand` as soon as it has failed.

    Args:
      stop_if: called with the measures of the finished parts of the run; returns why to stop, or None.
      ends: the last step of each part.
    """

    def __init__(self, stop_if: Callable[[Measures], str | None], ends: Sequence[int]) -> None:
        self.stop_if, self.ends, self.losses, self.measures = stop_if, ends, [], {}

    def train(self, record: dict[str, Any]) -> None:
        """Takes the record of a step."""
        self.losses.append(record["loss"])
        if record["step"] in self.ends:
            self.measures[f"loss, part {len(self.measures) + 1}"] = float(np.mean(self.losses))
            self.losses = []
            if reason := self.stop_if(self.measures):
                raise OutOfBand(reason)


def run_trial(
    references: Sequence[dict[str, Any]],
    seed: int,
    alpha: float,
    train: Callable[[int, Callable[[Measures], str | None]], Measures | None],
    reached: Callable[[], bool] = lambda: True,
) -> Trial:
    """Trains up to `MOST_RUNS` seeds, until their comparison with the reference runs is decided.

    Args:
      references: reference runs from the ledger.
      seed: the first seed; later ones are the next that no reference run has.
      alpha: the false-alarm probability.
      train: trains with a seed and returns the measures, or None if the run diverged, which ends the trial. It may call
        its second argument with measures of a part of the run, and raise `OutOfBand` with the reason that it returns.
      reached: whether a run has reached the target; if not, a trial does not pass before `MOST_RUNS` runs.
    """
    taken, known = {run["seed"] for run in references}, [run["measures"] for run in references]
    last, fresh = measure_bands(known, alpha), []
    for each in itertools.islice((one for one in itertools.count(seed) if one not in taken), MOST_RUNS):
        bands = measure_bands(known, alpha, len(fresh) + 1)

        def stop_if(measures, bands=bands):
            failed = beyond(bands, [*fresh, measures])
            return (
                describe(failed[0], [run[failed[0]] for run in [*fresh, measures]], bands[failed[0]])
                if failed
                else None
            )

        try:
            measures = train(each, stop_if)
        except OutOfBand as reason:
            return Trial(tuple(fresh), bands, stopped=str(reason))
        if measures is None:
            return Trial(tuple(fresh), last)
        fresh.append(measures)
        verdict = compare(known, fresh, alpha)
        if verdict.status == "fail":
            return Trial(tuple(fresh), bands, verdict.measures)
        if verdict.status == "pass" and reached():
            break
    return Trial(tuple(fresh), last)
