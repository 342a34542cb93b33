"""Short training runs of a program, and of the same program with something replaced."""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.doctor.program import Program, class_of
from zoo.doctor.session import Sample, Session

# What `Program.variant` may be asked to replace. Each value is what a network trains with in most cases. Experiments
# also change "steps", a factor on the length of the run, for which a program does nothing.
CHANGES: Mapping[str, str] = {
    "rate": "the learning rate, multiplied by this number",
    "optimizer": '"adam": Adam with its default settings, at a constant rate of 0.001 and without clipping',
    "loss": '"cross_entropy": the mean softmax cross-entropy of logits, with an output activation removed',
    "standardize": "True: inputs of training and evaluation with mean 0 and standard deviation 1",
    "regularization": "False: no weight decay, dropout, label smoothing or mixing",
    "augmentation": "False: no augmentation",
    "initialization": '"he": kernels by He et al. 2015, biases of zero',
    "schedule": '"constant": the peak rate throughout',
    "batch_size": "this many examples in a batch",
    "shuffle": "True: training examples in a new random order in each epoch",
    "fields": "recipes: these fields, by dotted path",
}
EVALUATED = 1_000  # examples that a run is judged by


@dataclass(frozen=True)
class Course:
    """A short run.

    Attributes:
      losses: of its steps.
      train_accuracy, eval_accuracy: at its end, of the predictions that the program's evaluation makes.
      majority: fraction of the commonest class in the evaluation examples.
      finite: whether all losses were.
      seconds: of all steps.
    """

    losses: tuple[float, ...]
    train_accuracy: float
    eval_accuracy: float
    majority: float
    finite: bool
    seconds: float
    state: Any = None

    @property
    def steps(self) -> int:
        """The number of steps."""
        return len(self.losses)

    def to_json(self) -> dict[str, Any]:
        """Returns the course for a report."""
        names = ("train_accuracy", "eval_accuracy", "majority", "finite", "seconds")
        return {"losses": [round(loss, 5) for loss in self.losses], **{name: getattr(self, name) for name in names}}


def predicted(outputs: np.ndarray) -> np.ndarray:
    """Returns the class that outputs [n, K] predict; of a single output, class 1 where it is probable."""
    outputs = np.asarray(outputs)
    outputs = outputs.reshape(len(outputs), -1)
    if outputs.shape[1] > 1:
        return outputs.argmax(-1)
    inside = outputs.size and outputs.min() >= 0 and outputs.max() <= 1
    return (outputs[:, 0] > (0.5 if inside else 0.0)).astype(int)


def accuracy(program: Program, state: Any, sample: Sample, batch: int = 250) -> float:
    """Returns the fraction of a sample that is predicted right."""
    parts = range(0, len(sample.classes), batch)
    right = [predicted(program.predict(state, sample.images[start : start + batch])) for start in parts]
    return float(np.mean(np.concatenate(right) == sample.classes)) if right else 0.0


def run(session: Session, program: Program, steps: int, seconds: float = np.inf) -> Course:
    """Trains a program for some steps from the session's seed, and evaluates it on the session's samples.

    Args:
      session: whose samples it is judged by.
      program: the session's, or a variant.
      steps: at most; fewer if its loader is empty, the loss is not finite, or the seconds are over.
      seconds: after which it ends.
    """
    started, losses = time.perf_counter(), []
    state, finite = program.init(session.seed), True
    for images, labels in itertools.islice(_endless(program), steps):
        state, loss = program.step(state, np.asarray(images), np.asarray(labels))
        losses.append(float(loss))
        finite = bool(np.isfinite(losses[-1]))
        if not finite or time.perf_counter() - started > seconds:
            break
    took = time.perf_counter() - started
    count = session.affordable(EVALUATED)
    evaluated = eval_sample(program, count)
    trained = session.train.first(count // 2) if finite else None
    eval_accuracy = accuracy(program, state, evaluated) if finite else 0.0
    classes = evaluated.classes
    majority = float(np.bincount(classes).max() / len(classes)) if len(classes) else 0.0
    train_accuracy = accuracy(program, state, trained) if trained else 0.0
    return Course(tuple(losses), train_accuracy, eval_accuracy, majority, finite, took, state)


def eval_sample(program: Program, most: int) -> Sample:
    """Returns the first evaluation examples, at most so many, as the program's evaluation loader gives them."""
    images, labels, count = [], [], 0
    for some, of_some in program.eval_batches():
        images.append(np.asarray(some))
        labels.append(np.asarray(of_some))
        count += len(some)
        if count >= most:
            break
    if not images:
        return Sample(np.zeros((0, 1)), np.zeros(0, int), np.zeros(0, int))
    joined = np.concatenate(labels)
    return Sample(np.concatenate(images), joined, class_of(joined)).first(most)


def _endless(program):
    while True:
        count = 0
        for count, batch in enumerate(program.train_batches(), 1):  # noqa: B007  # counts batches
            yield batch
        if not count:
            return


OWN_SHARE = 0.15  # of the seconds of a diagnosis that the program's own run may take
MAX_STEPS = 2_000


def own_course(session: Session) -> Course:
    """Returns the program's own first steps, as many as the session's time allows; they are run once."""
    if session.course is None:
        total = getattr(session.program, "total_steps", None) or MAX_STEPS
        session.course = run(session, session.program, min(total, MAX_STEPS), OWN_SHARE * session.seconds)
    return session.course
