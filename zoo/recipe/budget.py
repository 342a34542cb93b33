"""The size and the number of training steps, and how often they are evaluated."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from zoo.errors import ZooError
from zoo.recipe.part import LARGEST_INT, Part


@dataclass(frozen=True)
class Budget(Part):
    """How much is computed.

    Attributes:
      batch_size: images in a step, over all devices.
      steps, epochs: the length of the run; one of the two.
      accumulation: each step's batch is cut into this many parts, one after the other, to save memory.
      evaluate_every: fraction of the run between two evaluations, each followed by a checkpoint.
      interim_examples: how many examples those evaluations take (None: all); the one at the end takes all.
    """

    default_sources: ClassVar[Mapping[str, str]] = {"accumulation": "ours: a whole batch fits on today's GPUs"}

    batch_size: int
    steps: int | None = None
    epochs: float | None = None
    accumulation: int = 1
    evaluate_every: float = 0.1
    interim_examples: int | None = None

    def validate(self) -> None:
        self.require(self.batch_size > 0, "batch_size", "positive")
        if (self.steps is None) == (self.epochs is None):
            raise ZooError(f"Budget needs either steps or epochs, not steps={self.steps} and epochs={self.epochs}")
        self.require(self.steps is None or self.steps > 0, "steps", "positive")
        self.require(self.epochs is None or self.epochs > 0, "epochs", "positive")
        self.require(self.accumulation > 0, "accumulation", "positive")
        self.require(self.batch_size % self.accumulation == 0, "accumulation", "a divisor of batch_size")
        self.require(1e-5 <= self.evaluate_every <= 1, "evaluate_every", "from 0.00001 to 1")
        self.require(self.interim_examples is None or self.interim_examples > 0, "interim_examples", "positive")

    def total_steps(self, examples: int) -> int:
        """Optimizer steps of the run, for a training set of so many examples."""
        if self.epochs is None:
            assert self.steps is not None  # validate() sees to it
            return self.steps
        steps = max(1, round(self.epochs * examples / self.batch_size))
        if steps > LARGEST_INT:
            raise ZooError(f"Budget.epochs is {self.epochs:g}: of {examples:,} examples that is more than 2^31 steps")
        return steps

    def evaluation_steps(self, total_steps: int) -> list[int]:
        """The steps after which a run of so many is evaluated, the last one included."""
        every = max(round(total_steps * self.evaluate_every), 1)
        return [*range(every, total_steps, every), total_steps]
