"""The training program under diagnosis, as a small protocol over NumPy arrays, so that any framework fits behind it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from zoo.errors import ZooError, shown

State = Any  # parameters, state of the optimizer, running statistics: whatever the program needs for its next step


@runtime_checkable
class Program(Protocol):
    """What every program can do.

    Images are [n, H, W, C], or [n, F] for features, as the program's own loader delivers them; labels are [n], or
    one-hot [n, K]. A state is never changed in place, so that a step can be repeated from it.

    Attributes:
      name: of the program, for messages.
      classes: number of classes; None if the program does not know it.
    """

    name: str

    @property
    def classes(self) -> int | None: ...

    def init(self, seed: int) -> State:
        """Returns the state before the first step."""

    def step(self, state: State, images: np.ndarray, labels: np.ndarray) -> tuple[State, float]:
        """Makes one training step; returns the new state, and the loss that was minimized, before the update."""

    def predict(self, state: State, images: np.ndarray) -> np.ndarray:
        """Returns the outputs [n, K] of some examples, as the program's evaluation computes them."""

    def train_batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields batches (images, labels) of training: one epoch, or endlessly. Each call starts a new iteration."""

    def eval_batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields all evaluation examples once, in batches."""


class Capabilities(Protocol):
    """What a program may be able to do in addition; each opens further tests. A program omits what it cannot."""

    total_steps: int
    """Optimizer steps of the whole run."""

    class_names: Sequence[str]
    """Names of the classes, by class number."""

    def parameters(self, state: State) -> Mapping[str, np.ndarray]:
        """Returns the parameters by name, in the order of the layers."""

    def gradients(self, state: State, images: np.ndarray, labels: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns the gradient of the training loss of a batch, by the names of `parameters`."""

    def activations(self, state: State, images: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns the outputs of the layers in training mode, by name, in the order in which they are computed."""

    def inputs(self, images: np.ndarray, *, train: bool, seed: int) -> np.ndarray:
        """Returns what the network receives for some images, as delivered, in the training step or in evaluation."""

    def loss(self, outputs: np.ndarray, labels: np.ndarray) -> float:
        """Returns the loss of a batch of outputs [n, K] and labels as the program's batches have them."""

    def learning_rate(self, step: int) -> float:
        """Returns the learning rate of a step, from 0."""

    def examples(self, split: str, limit: int) -> tuple[np.ndarray, np.ndarray, Sequence[str]]:
        """Returns up to `limit` examples of "train" or "eval", spread over the split: images before any augmentation,
        labels, and where each is from, such as the path of a file."""

    def variant(self, **changes: Any) -> "Program":
        """Returns the program with some things replaced; raises `KeyError` for a change that it cannot make.

        Changes are those of `zoo.doctor.trial.CHANGES`.
        """


def can(program: Program, capability: str) -> bool:
    """Returns whether a program has a capability, by the name of the attribute."""
    return getattr(program, capability, None) is not None


def check_program(program: object) -> Program:
    """Returns the program; raises `ZooError` if it lacks a part of the protocol."""
    wanted = ("init", "step", "predict", "train_batches", "eval_batches")
    if missing := [name for name in wanted if not callable(getattr(program, name, None))]:
        raise ZooError(f"doctor: {shown(program)} is not a Program: it has no method {', '.join(missing)}")
    return program  # type: ignore[return-value]


def class_of(labels: np.ndarray) -> np.ndarray:
    """Returns labels as class numbers [n]: one-hot or soft rows [n, K] become the position of their largest value."""
    labels = np.asarray(labels)
    if labels.ndim > 1 and labels.shape[-1] > 1:
        return labels.reshape(len(labels), -1).argmax(-1)
    return labels.reshape(len(labels))
