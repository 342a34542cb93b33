"""Trackers, which are notified of the events of a run: for files, TensorBoard and the terminal."""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from zoo.errors import printable, reason
from zoo.training.experiment import Experiment
from zoo.training.run.files import RunFiles
from zoo.training.run.mistakes import Outcomes, describe_mistakes
from zoo.training.run.verdict import Verdict


class Tracker:
    """Base class of trackers, which are notified of the events of a run; all methods do nothing by default.

    Records are flat dictionaries with `kind` ("train", "validation" or "eval"), `step` (updates done) and numbers.
    """

    def begin(self, experiment: Experiment, first_step: int) -> None:
        """Called before training starts, after `first_step` steps if it resumes from a checkpoint."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Called repeatedly during long activities other than training steps, such as reading or evaluating images."""

    def train(self, record: dict[str, Any]) -> None:
        """Called with the record of each training step."""

    def evaluation(self, record: dict[str, Any]) -> None:
        """Called with the record of each evaluation."""

    def by_class(self, step: int, metrics: dict[str, Any]) -> None:
        """Called with the per-class metrics of each evaluation, see `zoo.training.evaluation.BY_CLASS`."""

    def outcomes(self, step: int, outcomes: Outcomes) -> None:
        """Called with the predictions for all evaluation examples, in the final evaluation."""

    def note(self, text: str) -> None:
        """Called with a message for the user."""

    def end(self, verdict: Verdict) -> None:
        """Called at the end of the run."""

    def close(self) -> None:
        """Called last, also after an error, to release resources."""


class Trackers(Tracker):
    """Forwards all events to several trackers."""

    def __init__(self, trackers: Iterable[Tracker]) -> None:
        self.trackers = tuple(trackers)

    def begin(self, experiment: Experiment, first_step: int) -> None:
        for tracker in self.trackers:
            tracker.begin(experiment, first_step)

    def progress(self, what: str, done: int, total: int) -> None:
        for tracker in self.trackers:
            tracker.progress(what, done, total)

    def train(self, record: dict[str, Any]) -> None:
        for tracker in self.trackers:
            tracker.train(record)

    def evaluation(self, record: dict[str, Any]) -> None:
        for tracker in self.trackers:
            tracker.evaluation(record)

    def by_class(self, step: int, metrics: dict[str, Any]) -> None:
        for tracker in self.trackers:
            tracker.by_class(step, metrics)

    def outcomes(self, step: int, outcomes: Outcomes) -> None:
        for tracker in self.trackers:
            tracker.outcomes(step, outcomes)

    def note(self, text: str) -> None:
        for tracker in self.trackers:
            tracker.note(text)

    def end(self, verdict: Verdict) -> None:
        for tracker in self.trackers:
            tracker.end(verdict)

    def close(self) -> None:
        for tracker in self.trackers:
            tracker.close()


class History(Tracker):
    """Keeps the records in a list, and the per-class metrics of the last evaluation."""

    def __init__(self, records: Iterable[dict[str, Any]] = (), of_classes: dict[str, Any] | None = None) -> None:
        self.records, self.of_classes = list(records), dict(of_classes or {})

    def train(self, record: dict[str, Any]) -> None:
        self.records.append(record)

    def evaluation(self, record: dict[str, Any]) -> None:
        self.records.append(record)

    def by_class(self, step: int, metrics: dict[str, Any]) -> None:
        self.of_classes = metrics


class JSONLines(Tracker):
    """Appends each record as a line to a file, unbuffered."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def train(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    evaluation = train

    def close(self) -> None:
        self._file.close()


class ByClass(Tracker):
    """Writes the per-class metrics of the last evaluation to the run folder, with the class names."""

    def __init__(self, folder: RunFiles) -> None:
        self._folder = folder

    def begin(self, experiment: Experiment, first_step: int) -> None:
        self._names = list(experiment.dataset.class_names)

    def by_class(self, step: int, metrics: dict[str, Any]) -> None:
        self._folder.write_by_class({"step": step, "classes": self._names, **metrics})


class Mistakes(Tracker):
    """Writes the worst and the most confident mistakes of the final evaluation to the run folder, with thumbnails."""

    def __init__(self, folder: RunFiles, note: Callable[[str], None]) -> None:
        self._folder, self._note = folder, note

    def begin(self, experiment: Experiment, first_step: int) -> None:
        self._pipeline, self._dataset = experiment.eval_pipeline, experiment.dataset

    def outcomes(self, step: int, outcomes: Outcomes) -> None:
        try:
            found = describe_mistakes(outcomes, self._pipeline, self._dataset)
            self._folder.write("mistakes.json", {"step": step, **found})
        except Exception as error:  # a split of the user's own may raise anything; the evaluation itself is done
            path = printable(self._folder.path / "mistakes.json")
            self._note(f"{path} was not written: {type(error).__name__}: {reason(error)}")


class TensorBoard(Tracker):
    """Writes TensorBoard events synchronously: the thread of tensorboardX's writer hangs on a full disk."""

    def __init__(self, folder: Path, first_step: int) -> None:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import SessionLog

        folder.mkdir(exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"))
        if first_step:  # TensorBoard then discards later events of the interrupted run
            self._write(first_step + 1, session_log=SessionLog(status=SessionLog.START))

    def train(self, record: dict[str, Any]) -> None:
        from tensorboardX.summary import scalar

        for name, value in record.items():
            if name not in ("kind", "step"):
                self._write(record["step"], summary=scalar(f"{record['kind']}/{name}", value))
        self._writer.flush()

    evaluation = train

    def _write(self, step, **content):
        from tensorboardX.proto.event_pb2 import Event

        self._writer.write_event(Event(wall_time=time.time(), step=step, **content))

    def close(self) -> None:
        self._writer.close()
