"""The source of examples, and the selection of examples from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from zoo.recipe.features import Missing, Outliers
from zoo.recipe.part import Part, renamed


@renamed(corrupt_share="corrupt_fraction")
@dataclass(frozen=True)
class Data(Part):
    """The data set: images, or feature vectors.

    Attributes:
      source: "fashion_mnist", "folder:PATH", "tfds:NAME", "csv:PATH" or "synthetic:NAME"; see
        `zoo.data.sources.open_source`.
      corrupt_limit: maximum number of images that cannot be decoded and are skipped; beyond it the run fails.
      label: the column of a CSV file with the class; None for the last one.
      keep: fraction of the training examples to keep, by class name, such as {"Shirt": 0.01}, to make an imbalanced set
        out of a balanced one. Classes that are not named are kept whole.
      validation: fraction of the training examples, in every class, that is held out for validation. Interim
        evaluations, early stopping, `ReduceOnPlateau` and the choice of the best checkpoint use these examples, and the
        evaluation split is used once, at the end. With 0, all evaluations use the evaluation split.
      missing: imputation of missing feature values; None makes them an error.
      outliers: treatment of extreme feature values; None leaves them unchanged.
      drop: columns of a CSV file to leave out, such as ("name", "ticket").
      corrupt_fraction: maximum fraction of all images that cannot be decoded and are skipped, in addition to
        `corrupt_limit`; one is always allowed. Its earlier name is `corrupt_share`.
      splits: the folders of "folder:PATH" that are splits, where their names do not tell: "none" if each is a class;
        "TRAIN" or "TRAIN,EVALUATION" for their names. None recognizes them by name.
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
    corrupt_fraction: float = 0.1
    splits: str | None = None

    def validate(self) -> None:
        self.require(self.corrupt_limit >= 0, "corrupt_limit", "at least 0")
        self.require(0 <= self.corrupt_fraction <= 1, "corrupt_fraction", "in [0, 1]")
        self.require(all(0 < fraction <= 1 for fraction in self.keep.values()), "keep", "fractions in (0, 1]")
        self.require(0 <= self.validation < 1, "validation", "in [0, 1)")
        csv = self.source.startswith("csv:")
        self.require(self.label is None or csv, "label", f"None for {self.source}, which has no columns")
        self.require(not self.drop or csv, "drop", f"empty for {self.source}, which has no columns")
        folder = self.source.startswith("folder:")
        self.require(self.splits is None or folder, "splits", f"None for {self.source}, which is not a folder")
        self.require(self.label not in self.drop, "drop", f"without {self.label!r}, the column of the class")
