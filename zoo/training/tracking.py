"""Who is told what a run does: a `Tracker` each for files, for TensorBoard and for the terminal."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.training.experiment import Experiment
from zoo.training.run.folder import RunFolder
from zoo.training.run.verdict import Verdict


class Tracker:
    """Is told of a run as it goes. Every method may be left as it is here, doing nothing.

    Records are flat dictionaries with `kind` ("train", "validation" or "eval"), `step` (updates done) and numbers.
    """

    def begin(self, experiment: Experiment, first_step: int) -> None:
        """Training is about to start, at `first_step` if it goes on from a checkpoint."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Something besides training steps is under way, such as reading or evaluating images."""

    def train(self, record: dict[str, Any]) -> None:
        """A training step was done."""

    def evaluation(self, record: dict[str, Any]) -> None:
        """An evaluation was done."""

    def by_class(self, step: int, metrics: dict[str, Any]) -> None:
        """What an evaluation found class by class: those of `zoo.training.evaluation.BY_CLASS` that there are."""

    def note(self, text: str) -> None:
        """Something happened that the user should know."""

    def end(self, verdict: Verdict) -> None:
        """The run is over."""

    def close(self) -> None:
        """Nothing more will come, whatever the reason."""


class Trackers(Tracker):
    """Several trackers as one."""

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
    """Keeps the records in a list, and of the last evaluation what it found class by class."""

    def __init__(self, records: Iterable[dict[str, Any]] = (), of_classes: dict[str, Any] | None = None) -> None:
        self.records, self.of_classes = list(records), dict(of_classes or {})

    def train(self, record: dict[str, Any]) -> None:
        self.records.append(record)

    def evaluation(self, record: dict[str, Any]) -> None:
        self.records.append(record)

    def by_class(self, step: int, metrics: dict[str, Any]) -> None:
        self.of_classes = metrics


class JSONLines(Tracker):
    """Appends every record to a file, a line each, at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def train(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    evaluation = train

    def close(self) -> None:
        self._file.close()


class ByClass(Tracker):
    """Keeps what the last evaluation found class by class in the run's folder, with the classes' names."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def begin(self, experiment: Experiment, first_step: int) -> None:
        self._names = list(experiment.dataset.class_names)

    def by_class(self, step: int, metrics: dict[str, Any]) -> None:
        self._folder.write_by_class({"step": step, "classes": self._names, **metrics})


class TensorBoard(Tracker):
    """Writes TensorBoard events, at once: tensorboardX's own writer does it in a thread, which hangs on a full disk."""

    def __init__(self, folder: Path, first_step: int) -> None:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import SessionLog

        folder.mkdir(exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"))
        if first_step:  # TensorBoard strikes out what an earlier try wrote from this step on
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
