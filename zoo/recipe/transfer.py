"""What a network starts from instead of chance, and which of it may move. `zoo.training.transfer` carries it out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo.recipe.part import Part


@dataclass(frozen=True)
class Transfer(Part):
    """Fine-tuning: weights that were trained elsewhere, a new last layer, and how much each parameter may still learn.

    Patterns are shell-style, for parameters such as "conv1/kernel"; "*" also stands for slashes.

    Attributes:
      source: the folder of a run, whose newest checkpoint is taken, or a file of weights; see `zoo.import_weights`. It
        has to stay where it is until the run has ended. Normalization is measured on the new data.
      layout: of a file, such as "torchvision"; None for a run.
      num_classes: of the network in a file; None for the canonical number, such as 1000.
      head: the parameters that are drawn anew, as `initialization` says. None for the last layer, if the source has
        another number of classes than the data; nothing is drawn anew if they have the same.
      frozen: the parameters that do not move: they have no gradient, do not decay, and the optimizer keeps nothing for
        them. Batch normalization all of whose parameters are frozen normalizes by its moving statistics, as in
        evaluation, and these do not move either.
      rates: factors on the learning rate by pattern; the last that matches wins, and what none matches has 1.
    """

    source: str
    layout: str | None = None
    num_classes: int | None = None
    head: tuple[str, ...] | None = None
    frozen: tuple[str, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)

    def validate(self) -> None:
        self.require(bool(self.source), "source", "a run's folder or a file")
        self.require(self.num_classes is None or self.num_classes > 0, "num_classes", "positive")
        self.require(self.num_classes is None or self.layout is not None, "num_classes", "None without a layout")
        self.require(self.head != (), "head", "None or at least one pattern")
        self.require(all(rate > 0 for rate in self.rates.values()), "rates", "positive factors (frozen says 0)")
