"""Where the weights of a classifier are from: a run, or a file of published weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.recipe import Recipe
from zoo.training.run.verdict import Verdict


@dataclass(frozen=True)
class FromRun:
    """A training run, as recorded in its folder.

    Attributes:
      recipe: as resolved when the run started.
      step: of the checkpoint that the weights are from; None if they were never saved.
      seed: of the run; None if it is not known.
      verdict: the run's verdict; None if it has not ended.
      data: properties of the data, see `zoo.data.identity.describe_data`; empty if unknown.
      environment: versions and devices, see `zoo.training.run.environment`; empty if unknown.
    """

    recipe: Recipe = field(repr=False)
    step: int | None = None
    seed: int | None = None
    verdict: Verdict | None = None
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    environment: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class FromFile:
    """A weight file.

    Attributes:
      path: of the file.
      layout: the layout that it is in, see `zoo.import_weights`.
      preprocessing: where the preprocessing is from: "published" if it is that of the framework's published weights,
        "file" if the file describes it, or "given".
    """

    path: Path
    layout: str
    preprocessing: str


Origin = FromRun | FromFile
