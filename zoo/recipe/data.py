"""Where examples come from, and which of them are used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from zoo.recipe.features import Missing, Outliers
from zoo.recipe.part import Part


@dataclass(frozen=True)
class Data(Part):
    """The examples: images, or vectors of features.

    Attributes:
      source: "fashion_mnist", "folder:PATH", "tfds:NAME", "csv:PATH" or "synthetic:NAME"; see
        `zoo.data.sources.open_source`.
      corrupt_limit: images that cannot be decoded are skipped up to this many, then the run ends.
      label: the column of a CSV file that names the class; None for the last one.
      keep: share of a class' training examples that is kept, by the class' name, such as {"Shirt": 0.01}: makes an
        imbalanced set out of a balanced one. Other classes are kept whole.
      validation: share of every class of the training examples that is held out. Evaluations on the way use these, and
        with them early stopping, `ReduceOnPlateau` and the choice of the best checkpoint; the evaluation split is touched
        once, at the end. 0 holds nothing out, and all evaluations use the latter.
      missing: what stands for missing values of features; None makes them an error.
      outliers: what becomes of extreme values of features; None leaves them.
      corrupt_share: images that cannot be decoded are skipped, too, only up to this share of all, but one always may be.
      splits: which folders of "folder:PATH" are splits, where their names do not say it: "none", each is a class; "TRAIN" or
        "TRAIN,EVALUATION", the names of these. None goes by the names.
      drop: columns of a CSV file that are left out, such as ("name", "ticket").
    """

    default_sources: ClassVar[Mapping[str, str]] = {"corrupt_limit": "ours: no corrupt images are expected"}

    source: str
    corrupt_limit: int = 10
    label: str | None = None
    keep: Mapping[str, float] = field(default_factory=dict)
    validation: float = 0.0
    missing: Missing | None = None
    outliers: Outliers | None = None
    drop: tuple[str, ...] = ()
    corrupt_share: float = 0.1
    splits: str | None = None

    def validate(self) -> None:
        self.require(self.corrupt_limit >= 0, "corrupt_limit", "at least 0")
        self.require(0 <= self.corrupt_share <= 1, "corrupt_share", "in [0, 1]")
        self.require(all(0 < share <= 1 for share in self.keep.values()), "keep", "shares in (0, 1]")
        self.require(0 <= self.validation < 1, "validation", "in [0, 1)")
        csv = self.source.startswith("csv:")
        self.require(self.label is None or csv, "label", f"None for {self.source}, which has no columns")
        self.require(not self.drop or csv, "drop", f"empty for {self.source}, which has no columns")
        folder = self.source.startswith("folder:")
        self.require(self.splits is None or folder, "splits", f"None for {self.source}, which is no folder")
        self.require(self.label not in self.drop, "drop", f"without {self.label!r}, the column of the class")
