"""Training of the variants of a study; each finished run is saved as a line of `runs.jsonl`."""

import contextlib
import dataclasses
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.sources import open_data
from zoo.errors import DamagedFile, TrainingInterrupted, ZooError, printable
from zoo.json_files import read_json_lines
from zoo.recipe import Recipe, Study
from zoo.recipe.metric import METRIC_NAMES
from zoo.recipe.part import conform
from zoo.recipe.study import START, goes_on
from zoo.training.experiment import Experiment
from zoo.training.fit import FitResult, fit
from zoo.training.prepare import prepare
from zoo.training.run.environment import environment
from zoo.training.run.folder import RunFolder
from zoo.training.tracking import Tracker

MAX_CURVE_POINTS = 50  # of the training curves that are saved


@dataclass(frozen=True)
class Run:
    """One run of a variant; a line of `runs.jsonl`.

    Attributes:
      variant: its name in the study.
      fingerprint: of its recipe, and of the recipe whose run it continues from, if any.
      seed: of the run.
      diverged: whether a loss or a gradient was not finite.
      loss, top1: final evaluation metrics; None if the run diverged.
      reached_step: step of the first evaluation that reached the target; None if none did.
      explanation: the verdict in words.
      seconds: wall-clock time; for the first run of a variant, including reading and compilation.
      train: lists of `step`, and of the means of `loss` and `top1` over the training steps since the previous point.
      evaluation: lists of `step` and of each metric, for all evaluations; on the validation split if there is one.
      environment: versions, devices and machine.
      top5, balanced_accuracy: final evaluation metrics; None if they were not measured or not saved.
    """

    variant: str
    fingerprint: str
    seed: int
    diverged: bool
    loss: float | None
    top1: float | None
    reached_step: int | None
    explanation: str
    seconds: float
    train: dict[str, list[float]]
    evaluation: dict[str, list[float]]
    environment: dict[str, Any]
    top5: float | None = None
    balanced_accuracy: float | None = None


def run_study(
    study: Study,
    folder: Path,
    *,
    on_run: Callable[[Run], None] = lambda run: None,
    on_begin: Callable[[str, int], Tracker] = lambda variant, seed: Tracker(),
) -> list[Run]:
    """Trains each variant with each seed, except for the runs that are already in the folder.

    Args:
      study: the study to train.
      folder: with `runs.jsonl`, and "start", the run that variants continue from; created if it does not exist.
      on_run: called with each run, whether it was in the folder or is finished now.
      on_begin: called with variant and seed before a run; returns its tracker.

    Returns:
      All runs, ordered by seed and variant.

    Raises:
      ZooError: a variant cannot be trained, or the folder cannot be used.
      TrainingInterrupted: SIGTERM or Ctrl-C; finished runs are saved, and the same call resumes the study.
    """
    path = folder / "runs.jsonl"
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(RunFolder(folder).locked())  # two processes would truncate each other's lines
            known = {(run.fingerprint, run.seed): run for run in read_runs(path)}
        except OSError as error:
            raise ZooError(f"{printable(folder)} cannot be used: {error.strerror}") from None
        return _train_missing_runs(study, folder, known, on_run, on_begin)


def _train_missing_runs(
    study: Study,
    folder: Path,
    known: dict[tuple[str, int], Run],
    on_run: Callable[[Run], None],
    on_begin: Callable[[str, int], Tracker],
) -> list[Run]:
    recipes, runs = study.recipes(), list[Run]()
    datasets: dict[tuple[str, str | None, tuple[str, ...], str | None], Dataset] = {}
    experiments: dict[str, Experiment] = {}
    start = folder / "start"
    fingerprints = {variant: fingerprint(study, recipe) for variant, recipe in recipes.items()}
    wanted = set(itertools.product(fingerprints.values(), range(study.seeds)))
    if study.start and not wanted <= known.keys():
        fit(study.start, start, trackers=[on_begin(START, 0)])
    for seed in range(study.seeds):
        for variant, recipe in recipes.items():
            run = known.get((fingerprints[variant], seed))
            if run is None:
                data = (recipe.data.source, recipe.data.label, recipe.data.drop, recipe.data.splits)
                if data not in datasets:
                    datasets[data] = open_data(recipe.data)
                started = time.perf_counter()
                if variant not in experiments:
                    found = recipe.override({"transfer.source": str(start)}) if goes_on(recipe) else recipe
                    experiments[variant] = prepare(found, datasets[data])
                experiment = experiments[variant]
                try:
                    trackers = [on_begin(variant, seed)]
                    result = fit(experiment.recipe, seed=seed, trackers=trackers, experiment=experiment)
                except TrainingInterrupted as stopped:
                    total = len(recipes) * study.seeds
                    message = f"stopped after {len(runs)} of {total} runs: run the same command again to resume"
                    raise TrainingInterrupted(message, signum=stopped.signum, step=stopped.step) from None
                run = _run(variant, fingerprints[variant], seed, result, time.perf_counter() - started)
                with (folder / "runs.jsonl").open("a", encoding="utf-8") as file:
                    file.write(json.dumps(dataclasses.asdict(run)) + "\n")
            run = dataclasses.replace(run, variant=variant)  # the name may have changed since
            runs.append(run)
            on_run(run)
    return runs


def fingerprint(study: Study, recipe: Recipe) -> str:
    """Returns the fingerprint of a variant: of its recipe, and of the recipe whose run it continues from, if any."""
    return (
        f"{recipe.fingerprint} from {study.start.fingerprint}"
        if study.start and goes_on(recipe)
        else recipe.fingerprint
    )


def read_runs(path: Path) -> list[Run]:
    """Reads the runs in a file; an unfinished line of a killed process is removed from it.

    Raises:
      ZooError: the file is damaged.
    """
    if not path.exists():
        return []
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        path.write_bytes(whole)
    runs, damaged = read_json_lines(path, _is_run)
    if damaged:
        raise DamagedFile(
            f"{printable(path)} is damaged, or of another version: {damaged} of its lines cannot be read; choose"
            " another --output, or remove it"
        )
    return [Run(**run) for run in runs]


def _is_run(content: Any) -> bool:
    """Returns whether a line of `runs.jsonl` has the fields of a `Run`."""
    try:
        run = Run(**content)
        for value, shape in (
            ((run.variant, run.fingerprint, run.explanation), tuple[str, ...]),
            ((run.seed,), tuple[int, ...]),
            (run.diverged, bool),
            ((run.loss, run.top1, run.reached_step, run.top5, run.balanced_accuracy), tuple[float | None, ...]),
            (run.seconds, float),
            ((run.train, run.evaluation), tuple[Mapping[str, tuple[float, ...]], ...]),
            (run.environment, Mapping[str, Any]),
        ):
            conform(value, shape)
    except TypeError:
        return False
    consistent = all(len({len(values) for values in curve.values()}) == 1 for curve in (run.train, run.evaluation))
    return consistent and {"step", "loss", "top1"} <= run.train.keys() and "step" in run.evaluation


def _run(variant: str, fingerprint: str, seed: int, result: FitResult, seconds: float) -> Run:
    train = [record for record in result.history if record["kind"] == "train"]
    kind = "validation" if any(record["kind"] == "validation" for record in result.history) else "eval"
    evaluations = [record for record in result.history if record["kind"] == kind]
    points = [
        part for part in np.array_split(np.array(train, object), min(MAX_CURVE_POINTS, len(train)) or 1) if len(part)
    ]
    return Run(
        variant=variant,
        fingerprint=fingerprint,
        seed=seed,
        diverged=result.verdict.value is None,
        reached_step=result.verdict.reached_step,
        explanation=result.verdict.explanation,
        seconds=round(seconds, 1),
        train={
            "step": [int(part[-1]["step"]) for part in points],
            **{name: [_mean(record[name] for record in part) for part in points] for name in ("loss", "top1")},
        },
        evaluation={
            "step": [record["step"] for record in evaluations],
            **{
                name: [round(record[name], 5) for record in evaluations]
                for name in METRIC_NAMES
                if all(name in record for record in evaluations)
            },
        },
        environment={name: value for name, value in environment().items() if name != "command"},
        **{name: result.metrics.get(name) for name in METRIC_NAMES},
    )


def _mean(values: Iterator[float]) -> float:
    return round(float(np.mean(list(values))), 5)
