"""Transfer learning from trained weights, implemented in `zoo.training.transfer`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo.recipe.part import Part


@dataclass(frozen=True)
class Transfer(Part):
    """Fine-tuning of pretrained weights, with a new last layer, frozen parameters and learning rates by parameter.

    Patterns are shell-style, for parameters such as "conv1/kernel"; "*" also matches slashes.

    Attributes:
      source: the folder of a run, whose newest checkpoint is loaded, or a file of weights; see `zoo.import_weights`. It
        must not be moved before the run has ended. Normalization is measured on the new data.
      layout: layout of a weight file, such as "torchvision"; None for a run.
      num_classes: number of classes of the network in a weight file; None for the canonical number, such as 1000.
      head: patterns of the parameters that are reinitialized, by `initialization`. None for the last layer if the
        number of classes of the source differs from that of the data, and for no parameters if it is the same.
      frozen: patterns of the parameters that are not trained: they have no gradient, no weight decay and no optimizer
        state. Batch normalization layers whose parameters are all frozen normalize by their running statistics, as in
        evaluation, and do not update them.
      rates: factors of the learning rate by pattern; the last pattern that matches counts, and the default is 1.
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
        self.require(all(rate > 0 for rate in self.rates.values()), "rates", "positive factors (use frozen for 0)")
