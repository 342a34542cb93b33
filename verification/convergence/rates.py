"""Measured false alarms of the checks of convergence, and their power: the tables of docs/error-rates.md."""

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import scipy.optimize

from verification import ledger
from verification.convergence import MIN_RUNS
from verification.convergence.fresh import FOLDER, read_fresh
from verification.convergence.sequential import MOST_RUNS, SHARES, recipe_alpha
from verification.ledger import of_data, read_first_steps, read_ledger
from verification.ledger.correct import deviation_of_independent_errors
from verification.statistics import limit, probability_beyond, rate_bounds
from zoo.catalog import load_recipe

NOMINAL = (0.1, 0.01)  # at which false alarms are frequent enough to be counted
BETA = 0.1  # probability with which a stated shift is missed
RESAMPLED = 20_000  # ledgers drawn from the fresh runs


def alarms(references: np.ndarray, fresh: np.ndarray, alpha: float) -> np.ndarray:
    """Returns which trials fail, bool [T]; see `verification.convergence.sequential.compare`.

    Args:
      references: the measures of the reference runs, [T, n, M].
      fresh: the measures of the fresh runs, as many as a trial needs at most, [T, MOST_RUNS, M].
      alpha: the false-alarm probability of a trial.
    """
    mean, std = references.mean(1, keepdims=True), references.std(1, ddof=1, keepdims=True)
    distance, (n, measures) = (fresh - mean) / std, references.shape[1:]
    found = np.zeros(len(fresh), bool)
    for runs, share in enumerate(SHARES, 1):
        far = limit(alpha * share / measures, n, runs)
        beyond = (distance[:, :runs] > far).all(1) | (distance[:, :runs] < -far).all(1)
        found |= beyond.any(1)
    return found


def outside(references: np.ndarray, run: np.ndarray, alpha: float) -> np.ndarray:
    """Returns which single runs [T, M] are outside a prediction band of the reference runs [T, n, M], bool [T]."""
    n, measures = references.shape[1:]
    distance = np.abs(run - references.mean(1)) / references.std(1, ddof=1)
    return (distance > limit(alpha / measures, n, 1)).any(1)


def table_of_fresh_runs(platform: str = "cpu") -> str:
    """Returns the Markdown table of false alarms in fresh runs, a row for each recipe and processor."""
    lines = [
        "| recipe | processor | fresh runs | outside at 10 % | outside at 1 % | trials that fail, declared"
        f" {_percent(recipe_alpha(platform))} | ledgers drawn from the runs: at 10 % | at 1 % | trials that fail |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for path in sorted(FOLDER.glob(f"*.{platform}.jsonl")):
        name = path.name.split(".")[0]
        recipe = load_recipe(name)
        runs = read_fresh(name, recipe, platform)
        for processor in sorted({run["processor"] for run in runs}):
            own = [run for run in runs if run["processor"] == processor]
            known = of_data(read_ledger(name, recipe, platform), own[0]["data"])
            if len(known) >= MIN_RUNS and len(own) >= MOST_RUNS:
                cells = _fresh_cells(_values(known), _values(own), recipe_alpha(platform))
                lines.append(f"| {' | '.join([f'`{name}`', processor, str(len(own)), *cells])} |")
    return "\n".join(lines)


def _fresh_cells(references, fresh, alpha):
    """Against the recipe's own ledger, and against many ledgers of the same size that are drawn from the fresh runs."""
    every = np.broadcast_to(references, (len(fresh), *references.shape))
    triples = np.stack([np.roll(fresh, -shift, axis=0) for shift in range(MOST_RUNS)], 1)[::MOST_RUNS]
    triples = triples[: len(fresh) // MOST_RUNS]
    cells = [_rate(int(outside(every, fresh, nominal).sum()), len(fresh)) for nominal in NOMINAL]
    cells.append(_rate(int(alarms(every[: len(triples)], triples, alpha).sum()), len(triples)))
    n = len(references)
    if len(fresh) < 5 * (n + MOST_RUNS):
        return [*cells, "-", "-", "-"]
    random = np.random.default_rng(0)
    draws = np.stack([random.permutation(len(fresh))[: n + MOST_RUNS] for _ in range(RESAMPLED)])
    drawn, others = fresh[draws[:, :n]], fresh[draws[:, n:]]
    rates = [outside(drawn, others[:, 0], nominal).mean() for nominal in NOMINAL]
    return [*cells, *map(_percent, [*rates, alarms(drawn, others, alpha).mean()])]


def table_of_left_out_runs(platform: str = "cpu") -> str:
    """Returns the Markdown table of false alarms when runs of a ledger are compared with the other runs of it."""
    counts = {nominal: [0, 0] for nominal in NOMINAL}
    failed = trials = ledgers = 0
    for _, runs in _ledgers(platform):
        values, ledgers = _values(runs), ledgers + 1
        n = len(values)
        others = np.stack([np.delete(values, place, axis=0) for place in range(n)])
        for nominal, count in counts.items():
            count[0] += int(outside(others, values, nominal).sum())
            count[1] += n
        if n >= MIN_RUNS + MOST_RUNS:
            places = [np.arange(place, place + MOST_RUNS) % n for place in range(0, n - MOST_RUNS + 1, MOST_RUNS)]
            rest = np.stack([np.delete(values, place, axis=0) for place in places])
            failed += int(alarms(rest, values[np.stack(places)], recipe_alpha(platform)).sum())
            trials += len(places)
    lines = [
        f"| {ledgers} ledgers | declared | measured, with 95 % bounds |",
        "|---|---|---|",
        *(
            f"| a run outside the bands of the others | {_percent(nominal)} | {_rate(*count)} |"
            for nominal, count in counts.items()
        ),
        f"| a trial of {MOST_RUNS} runs fails against the others | {_percent(recipe_alpha(platform))} |"
        f" {_rate(failed, trials)} |",
    ]
    return "\n".join(lines)


def table_of_power(platform: str = "cpu") -> str:
    """Returns the Markdown table of bands and power by recipe: a shift of top-1 accuracy alone, in points."""
    lines = [
        "| recipe | reference runs | top-1 accuracy | deviation | if errors were independent | band of 1, 2, 3 runs |"
        " a second run is trained | shift found: 50 % | 90 % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    alpha = recipe_alpha(platform)
    for name, runs in _ledgers(platform):
        if "final top1" not in runs[0]["measures"]:
            continue
        n, measures = len(runs), len(runs[0]["measures"])
        top1 = np.array([run["measures"]["final top1"] for run in runs])
        limits = [limit(alpha * share / measures, n, number) for number, share in enumerate(SHARES, 1)]
        again = measures * 2 * probability_beyond(limits[-1], n, 1)
        std, expected = 100 * top1.std(ddof=1), deviation_of_independent_errors(runs)
        cells = [
            f"`{name}`",
            str(n),
            f"{100 * top1.mean():.2f}",
            f"{std:.2f}",
            "-" if expected is None else f"{100 * expected:.2f}",
            ", ".join(f"±{std * each:.1f}" for each in limits),
            _percent(again),
            *(f"{std * shift_found(power, n, measures, alpha):.1f}" for power in (0.5, 1 - BETA)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


@functools.cache
def shift_found(power: float, n: int, measures: int, alpha: float) -> float:
    """Returns the shift of one measure, in deviations, for which a trial fails with this probability.

    Args:
      power: the probability.
      n: number of reference runs.
      measures: number of measures; the others do not move.
      alpha: the false-alarm probability of the trial.
    """
    last = limit(alpha * SHARES[-1] / measures, n, MOST_RUNS)
    return float(
        scipy.optimize.brentq(lambda shift: probability_beyond(last, n, MOST_RUNS, shift) - power, 0, 1000, xtol=1e-3)
    )


def _ledgers(platform: str) -> Iterator[tuple[str, Sequence[dict[str, Any]]]]:
    """Yields the names of recipes with enough reference runs, and these; of first steps if there are no whole runs."""
    for path in sorted(ledger.FOLDER.glob(f"*.{platform}.jsonl")):
        name = path.name.split(".")[0]
        recipe = load_recipe(name)
        for read in (read_ledger, read_first_steps):
            runs = read(name, recipe, platform)
            runs = of_data(runs, runs[-1]["data"]) if runs else []
            if len(runs) >= MIN_RUNS:
                yield name, runs
                break


def _values(runs):
    """The measures of runs, [runs, M]."""
    names = list(runs[0]["measures"])
    return np.array([[run["measures"][name] for name in names] for run in runs])


def _rate(count, n):
    """A rate with its 95 % bounds."""
    if not n:
        return "-"
    low, high = rate_bounds(count, n)
    return f"{count} of {n}, {_percent(count / n)} ({_percent(low)} to {_percent(high)})"


def _percent(rate):
    """A percentage with two significant digits."""
    if rate == 0:
        return "0 %"
    digits = max(0, 1 - math.floor(math.log10(100 * rate)))
    return f"{100 * rate:.{digits}f} %"
