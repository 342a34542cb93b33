"""What all measurements of one diagnosis share: the program, samples of its data, and states of its network."""

import functools
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from zoo.doctor.program import Program, State, can, class_of

MAX_EXAMPLES = 2_000  # of each split, for measurements of the data
MAX_VALUES = 2**25  # of a sample: fewer examples of large images
EPOCH_BATCHES = 64  # batches that are drawn to see in which order examples come


class Sample(NamedTuple):
    """Examples of a split.

    Attributes:
      images: [n, ...], as the loader or the data set gives them.
      labels: as given.
      classes: int [n], the labels as class numbers.
      names: where each example is from; None if that is not known.
      batch: size of the batches that they came in; 0 if they did not come in batches.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: np.ndarray
    names: Sequence[str] | None = None
    batch: int = 0

    def first(self, count: int) -> "Sample":
        """Returns the first examples."""
        names = None if self.names is None else self.names[:count]
        return Sample(self.images[:count], self.labels[:count], self.classes[:count], names, self.batch)


@dataclass
class Session:
    """A diagnosis under way.

    Attributes:
      program: under diagnosis.
      seed: of its states.
      seconds: that the diagnosis may take.
      like: name of the reference that it is compared with; None for none.
      course: the program's own first steps, once `zoo.doctor.trial.own_course` has run them.
    """

    program: Program
    seed: int = 0
    seconds: float = 120.0
    like: str | None = None
    course: Any = None

    def __post_init__(self) -> None:
        self._started = time.perf_counter()

    @property
    def remaining(self) -> float:
        """The seconds that are left."""
        return self.seconds - (time.perf_counter() - self._started)

    @property
    def elapsed(self) -> float:
        """The seconds since the start."""
        return time.perf_counter() - self._started

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields training batches without end, epoch after epoch."""
        while True:
            empty = True
            for images, labels in self.program.train_batches():
                empty = False
                yield np.asarray(images), np.asarray(labels)
            if empty:
                return

    @functools.cached_property
    def delivered(self) -> Sample:
        """The first training examples, in the order in which training sees them."""
        return _joined(itertools.islice(self.program.train_batches(), EPOCH_BATCHES))

    @functools.cached_property
    def delivered_again(self) -> Sample:
        """The first training examples of another iteration, as of a second epoch."""
        return _joined(itertools.islice(self.program.train_batches(), 2))

    @functools.cached_property
    def train(self) -> Sample:
        """Training examples, without augmentation where the program can leave it out."""
        return self._examples("train") or self.delivered

    @functools.cached_property
    def evaluation(self) -> Sample:
        """Evaluation examples."""
        return self._examples("eval") or _joined(self.program.eval_batches())

    def _examples(self, split):
        if not can(self.program, "examples"):
            return None
        images, labels, names = self.program.examples(split, MAX_EXAMPLES)  # type: ignore[attr-defined]
        images, labels = np.asarray(images), np.asarray(labels)
        return Sample(images, labels, class_of(labels), names)

    @functools.cached_property
    def state(self) -> State:
        """The state before the first step."""
        return self.program.init(self.seed)

    def affordable(self, count: int, share: float = 0.03) -> int:
        """Returns how many examples a forward pass may have to take this share of the diagnosis's time; at least 16."""
        return max(16, min(count, int(share * self.seconds / self._example_seconds)))

    def affordable_steps(self, count: int, share: float) -> int:
        """Returns how many training steps take this share of the diagnosis's time, at most `count`; at least 5."""
        return max(5, min(count, int(share * self.seconds / self._step_seconds)))

    @functools.cached_property
    def _example_seconds(self) -> float:
        """Seconds that a prediction takes per example, without compilation."""
        images = self.delivered.images[:16]
        self.program.predict(self.state, images)
        started = time.perf_counter()
        self.program.predict(self.state, images)
        return (time.perf_counter() - started) / len(images)

    @functools.cached_property
    def _step_seconds(self) -> float:
        """Seconds that a training step takes, without compilation."""
        batch = next(self.batches())
        self.program.step(self.state, *batch)
        started = time.perf_counter()
        self.program.step(self.state, *batch)
        return time.perf_counter() - started

    def class_name(self, label: int) -> str:
        """Returns the name of a class, or its number if the program does not name its classes."""
        names = getattr(self.program, "class_names", None)
        return str(names[label]) if names is not None and 0 <= label < len(names) else str(int(label))

    @functools.cached_property
    def classes(self) -> int:
        """The number of classes: the program's, else that of the labels."""
        if self.program.classes:
            return self.program.classes
        both = np.concatenate([self.delivered.classes, self.evaluation.classes])
        return max(int(np.nanmax(both)) + 1, 2) if len(both) else 2


def _joined(batches):
    """Returns some batches as one sample, of limited size."""
    images, labels, count, size = [], [], 0, 0
    for some, of_some in batches:
        some, of_some = np.asarray(some), np.asarray(of_some)
        images.append(some)
        labels.append(of_some)
        size = size or len(some)
        count += len(some)
        if count >= MAX_EXAMPLES or count * some[0].size >= MAX_VALUES:
            break
    if not images:
        return Sample(np.zeros((0, 1)), np.zeros(0, int), np.zeros(0, int))
    joined = np.concatenate(images), np.concatenate(labels)
    return Sample(*joined, class_of(joined[1]), None, size).first(MAX_EXAMPLES)
