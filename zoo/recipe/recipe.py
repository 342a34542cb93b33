"""The recipe itself: everything that decides how a training run goes, and where each choice comes from."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from zoo.errors import ZooError, shown
from zoo.recipe.augmentation import Augmentation, Normalization
from zoo.recipe.budget import Budget
from zoo.recipe.data import Data
from zoo.recipe.early_stopping import EarlyStopping
from zoo.recipe.imbalance import Imbalance
from zoo.recipe.initialization import Initialization
from zoo.recipe.loss import Loss, SoftmaxCrossEntropy
from zoo.recipe.model import Model
from zoo.recipe.optimizer import Clipping, Optimizer
from zoo.recipe.overrides import flatten, get, replace
from zoo.recipe.part import Part, default_of
from zoo.recipe.precision import Precision
from zoo.recipe.regularization import Regularization
from zoo.recipe.schedule import Schedule
from zoo.recipe.target import Target
from zoo.recipe.transfer import Transfer
from zoo.recipe.validation import check_together
from zoo.recipe.weight_average import WeightAverage


@dataclass(frozen=True)
class Recipe(Part):
    """How to train a network.

    Attributes:
      model ... target: see each part.
      normalization: shift and scale of pixel values, applied where `augmentation` has `Normalize()`.
      target: None where nothing is promised.
      loss: what is made small, `regularization` aside.
      clipping: of gradients; None for none.
      weight_average: what is evaluated instead of the last weights; None for those themselves.
      early_stopping: None for a run that goes to its end.
      auxiliary_weight: of the loss of each further classifier that a network has in training: 0.3 for `googlenet` (Szegedy
        et al. 2014, section 5), 0.4 for `inception_v3` (the authors' code). None for a network without.
      imbalance: what is done about classes of different frequencies.
      transfer: None where the network starts from `initialization` alone.
      provenance: where each field comes from: a paper's section, official code, or "ours: ..." and why. A dotted path
        covers everything below it, and the longest one that matches counts. Not needed for parts that are None, and for
        defaults of which `default_sources` states it.
    """

    default_sources: ClassVar[Mapping[str, str]] = {
        "precision": "ours: bfloat16 where the hardware has units for it, else float32"
    }

    model: Model
    data: Data
    normalization: Normalization
    augmentation: Augmentation
    initialization: Initialization
    optimizer: Optimizer
    schedule: Schedule
    regularization: Regularization
    budget: Budget
    precision: Precision = field(default_factory=Precision)
    target: Target | None = None
    loss: Loss = field(default_factory=SoftmaxCrossEntropy)
    clipping: Clipping | None = None
    weight_average: WeightAverage | None = None
    early_stopping: EarlyStopping | None = None
    auxiliary_weight: float | None = None
    imbalance: Imbalance | None = None
    transfer: Transfer | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)

    def validate(self) -> None:
        for path in self.provenance:
            get(self, path)
        self.require(self.auxiliary_weight is None or self.auxiliary_weight > 0, "auxiliary_weight", "positive or None")
        check_together(
            augmentation=self.augmentation,
            budget=self.budget,
            data=self.data,
            early_stopping=self.early_stopping,
            imbalance=self.imbalance,
            loss=self.loss,
            normalization=self.normalization,
            regularization=self.regularization,
            schedule=self.schedule,
            target=self.target,
        )

    def override(self, changes: Mapping[str, Any]) -> Self:
        """A copy with other values, by dotted path, such as {"schedule.peak": 0.02}.

        Raises:
          ZooError: a path does not exist (the message names the nearest one), or a value does not fit.
        """
        if not isinstance(changes, Mapping) or not all(isinstance(path, str) for path in changes):
            raise ZooError(
                f"override takes changes by dotted path, such as {{'budget.steps': 100}}, and not {shown(changes)}"
            )
        paths = [path for path in changes if path != "provenance"]
        kept = {
            path: source
            for path, source in self.provenance.items()
            if not any(path == changed or path.startswith(f"{changed}.") for changed in paths)
        }
        bare = dataclasses.replace(self, provenance={})
        recipe = replace(bare, [(path.split("."), value) for path, value in changes.items()], "")
        return dataclasses.replace(
            recipe, provenance={**kept, **dict.fromkeys(paths, "overridden"), **recipe.provenance}
        )

    def flat(self) -> dict[str, Any]:
        """Every single value by its dotted path, without the provenance."""
        data = self.to_json()
        del data["provenance"]
        return dict(flatten(data, ""))

    def source_of(self, path: str) -> str | None:
        """The provenance of the field at a dotted path; None if nothing covers it.

        Of `provenance` and the parts' `default_sources`, the longest path counts; `provenance` if both have it.

        Raises:
          ZooError: the path does not exist.
        """
        found, value = None, self
        names = path.split(".")
        for depth, name in enumerate(names, 1):
            default = value.default_source(name) if isinstance(value, Part) else None
            found = self.provenance.get(".".join(names[:depth]), default or found)
            if depth < len(names):
                value = get(value, name)
        return found

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that change whenever a value does, though not with the provenance.

        Fields that have their default value do not count, so that it stays when recipes get another field.
        """
        return hashlib.sha256(json.dumps(_without_defaults(self), sort_keys=True).encode()).hexdigest()[:12]

    def difference(self, other: "Recipe") -> list[str]:
        """A line "path: mine, theirs" for each value in which two recipes differ."""
        mine, theirs = self.flat(), other.flat()
        paths = [path for path in {**mine, **theirs} if mine.get(path) != theirs.get(path)]
        return [f"{path}: {mine.get(path, 'nothing')}, {theirs.get(path, 'nothing')}" for path in paths]


def _without_defaults(value):
    """Nested dictionaries of the fields that differ from their default; provenance aside."""
    if isinstance(value, Part):
        fields = {}
        for each in dataclasses.fields(value):
            current = getattr(value, each.name)
            if each.name != "provenance" and current != default_of(each):
                fields[each.name] = _without_defaults(current)
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, Mapping):
        return {key: _without_defaults(item) for key, item in value.items()}
    return [_without_defaults(item) for item in value] if isinstance(value, tuple) else value
