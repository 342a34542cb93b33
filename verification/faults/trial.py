"""Trials: verification with a fault, in a process of its own, up to the first check that fails."""

import contextlib
import json
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path

from absl import flags

from verification.faults.bases import BASES
from verification.faults.fault import Fault, Strength, label
from zoo.catalog import load_recipe
from zoo.errors import ZooError

MATRIX = Path(__file__).parent / "matrix.jsonl"
CHOSEN = 2  # recipes for a fault that names none
DETAIL = 300  # characters of a check's message that are kept
CRASH = "crash"  # instead of the check that failed
HEALTHY = "none"  # the fault of a control: no mistake, so that no check may fail


@dataclass(frozen=True)
class Trial:
    """One fault of one strength in one recipe.

    Attributes:
      fault: the fault's name; `HEALTHY` for a control.
      strength: as in flags; "" for none.
      base: the recipe's name.
    """

    fault: str
    strength: str
    base: str


@dataclass(frozen=True)
class Outcome:
    """The result of a trial: a line of `matrix.jsonl`.

    Attributes:
      fault, strength, base: of the `Trial`.
      caught_by: "group: check" that failed first; None if none did. `CRASH` if an exception ended the checks.
      when: "before" or "in" training; None if not caught.
      trained: whether the checks in training were tried.
      seconds: of CPU time until the check failed, or until all had passed, including imports and compilation.
      detail: of the failed check.
    """

    fault: str
    strength: str
    base: str
    caught_by: str | None
    when: str | None
    trained: bool
    seconds: float
    detail: str

    @property
    def trial(self) -> Trial:
        """The trial of this outcome."""
        return Trial(self.fault, self.strength, self.base)


def bases_of(fault: Fault, given: Sequence[str] = ()) -> list[str]:
    """Returns the recipes to try a fault on: those given to which it applies, else its own, else the cheapest ones."""
    named = given or fault.bases
    found = [base for base in named or BASES if fault.applies(load_recipe(base))]
    return found if named else found[:CHOSEN]


def trials(faults: Sequence[tuple[Fault, Sequence[Strength]]], bases: Sequence[str] = ()) -> list[Trial]:
    """Returns the trials of faults with their strengths, on `bases_of` each, after a control for every recipe."""
    found = [
        Trial(fault.name, label(strength), base)
        for fault, strengths in faults
        for base in bases_of(fault, bases)
        for strength in strengths
    ]
    return [Trial(HEALTHY, "", base) for base in dict.fromkeys(trial.base for trial in found)] + found


def read_outcomes(path: Path) -> dict[Trial, Outcome]:
    """Reads the outcomes in a file, by trial; the last line for a trial counts. Empty if there is no such file.

    Raises:
      ZooError: a line is not an outcome.
    """
    outcomes = {}
    if not path.exists():
        return outcomes
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            outcome = Outcome(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise ZooError(f"{path}, line {number} is not the outcome of a trial: remove it") from error
        outcomes[outcome.trial] = outcome
    return outcomes


def append_outcome(path: Path, outcome: Outcome) -> None:
    """Adds an outcome to a file as a line."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(outcome), ensure_ascii=False) + "\n")


def run_trials(
    wanted: Sequence[Trial],
    groups: Sequence[str],
    *,
    processes: int = 1,
    compilation_cache: bool = True,
) -> Iterator[Outcome]:
    """Runs trials and yields their outcomes, in order.

    Each has a process of its own, so that no patch and no compiled function of one reaches the next. JAX's persistent
    cache may be shared: its keys are of the compiled programs, which a fault changes.

    Args:
      wanted: the trials.
      groups: of checks to run, of `verification.suite.GROUPS`.
      processes: number of trials at the same time.
      compilation_cache: whether to use JAX's persistent cache.
    """

    def run(trial):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            try:
                return pool.submit(_run, trial, tuple(groups), compilation_cache).result()
            except BrokenProcessPool:
                caught = _caught(CRASH, groups)
                return Outcome(**asdict(trial), **caught, seconds=0.0, detail="the process died")

    with ThreadPoolExecutor(processes) as threads:
        try:
            yield from threads.map(run, wanted)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _run(trial, groups, compilation_cache):
    """Runs a trial in this process, which must be fresh, and returns the outcome."""
    from verification import devices
    from verification.suite import check_recipe
    from zoo import cli

    args = flags.FlagValues()
    cli.define_jax_flags(args)
    args(["", f"--compilation_cache={compilation_cache}"])
    cli.set_up_jax(args)
    devices.set_up_jax()
    failed, detail = None, ""
    with _injected(trial):
        try:
            for check in check_recipe(trial.base, groups):
                if check.status == "fail":
                    failed, detail = f"{check.group}: {check.name}", check.detail
                    break
        except Exception as error:  # as any user would see it: verification ends with an error instead of a verdict
            failed, detail = CRASH, f"{type(error).__name__}: {error}"
    seconds = round(time.process_time(), 1)
    return Outcome(**asdict(trial), **_caught(failed, groups), seconds=seconds, detail=detail[:DETAIL])


def _injected(trial):
    from verification.faults import inject

    if trial.fault == HEALTHY:
        return contextlib.nullcontext()
    return inject(f"{trial.fault}:{trial.strength}".rstrip(":"))


def _caught(by, groups):
    when = None if by is None else "in" if by.startswith("convergence") else "before"
    return {"caught_by": by, "when": when, "trained": "convergence" in groups}
