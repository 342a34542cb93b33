"""Transfer learning from trained weights, implemented in `zoo.training.transfer`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo.recipe.part import Part


@dataclass(frozen=True)
class Transfer(Part):
    """Fine-tuning of trained weights, with a new last layer, frozen parameters and learning rates by parameter.

    Patterns are shell-style, for parameters such as "conv1/kernel"; "*" also matches slashes.

    Attributes:
      source: the folder of a run, whose newest checkpoint is loaded, or a file of weights; see `zoo.import_weights`. It
        must not be moved before the run has ended. None in a recipe whose weights are given when it is trained.
      layout: layout of a weight file, such as "torchvision"; None to find it from the names in the file, and for a run.
      num_classes: number of classes of the network in a weight file; None to find it from the shapes in the file.
      sha256: SHA-256 of the weight file, in hexadecimal digits, which identifies it wherever it lies; another file is
        an error. None for any file, and for a run.
      head: patterns of the parameters that are reinitialized, by `initialization`. None for the last layer if the
        number of classes of the source differs from that of the data, and for no parameters if it is the same.
      frozen: patterns of the parameters that are not trained: they have no gradient, no weight decay and no optimizer
        state. Batch normalization layers whose parameters are all frozen normalize by their running statistics, as in
        evaluation, and do not update them.
      rates: factors of the learning rate by pattern; the last pattern that matches counts, and the default is 1.
    """

    source: str | None = None
    layout: str | None = None
    num_classes: int | None = None
    sha256: str | None = None
    head: tuple[str, ...] | None = None
    frozen: tuple[str, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)

    def validate(self) -> None:
        self.require(self.source != "", "source", "a run's folder or a file")
        self.require(self.num_classes is None or self.num_classes > 0, "num_classes", "positive")
        known = self.sha256 is None or re.fullmatch("[0-9a-f]{64}", self.sha256)
        self.require(bool(known), "sha256", "64 hexadecimal digits")
        self.require(self.head != (), "head", "None or at least one pattern")
        self.require(all(rate > 0 for rate in self.rates.values()), "rates", "positive factors (use frozen for 0)")
