"""The recipe: all settings of a training run, and the provenance of each."""

import dataclasses
import hashlib
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from zoo.errors import WeightsMissing, ZooError, shown
from zoo.recipe.augmentation import Augmentation, Normalization
from zoo.recipe.budget import Budget
from zoo.recipe.data import Data
from zoo.recipe.early_stopping import EarlyStopping
from zoo.recipe.imbalance import Imbalance
from zoo.recipe.initialization import Initialization
from zoo.recipe.loss import Loss, SoftmaxCrossEntropy
from zoo.recipe.model import Model
from zoo.recipe.optimizer import Clipping, Optimizer
from zoo.recipe.overrides import current_path, flatten, get, replace
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
    """A training recipe: the network, the data, and how to train.

    Attributes:
      model: the network.
      data: the data set.
      normalization: shift and scale of pixel values or features, applied where `augmentation` has `Normalize()`.
      augmentation: transforms of training and evaluation images.
      initialization: initializers of the parameters.
      optimizer: the update rule.
      schedule: the learning rate over the run.
      regularization: weight decay, L1 penalty and label smoothing.
      budget: batch size and length of the run.
      precision: dtype of the network's computation.
      target: the result that a converged run reaches; None if none is specified.
      loss: the training objective, without `regularization`.
      clipping: clipping of gradients; None for none.
      weight_average: moving average of the weights that is evaluated instead of the last weights; None for the latter.
      early_stopping: criterion to end the run early; None to run the whole budget.
      auxiliary_weight: weight of the loss of each auxiliary classifier that a network has in training: 0.3 for
        `googlenet` (Szegedy et al. 2014, section 5), 0.4 for `inception_v3` (the authors' code). None for a network
        without any.
      imbalance: remedy for class imbalance; None for none.
      transfer: weights to fine-tune; None to start from `initialization` only.
      provenance: the source of each field: a paper's section, official code, or "ours: ..." with the reason. A dotted
        path covers everything below it, and the longest path that matches counts. It is not required for parts that are
        None, nor for defaults whose source is stated in `default_sources`.
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

    def __post_init__(self) -> None:
        super().__post_init__()
        sources = {current_path(self, path, warn=False): source for path, source in self.provenance.items()}
        object.__setattr__(self, "provenance", types.MappingProxyType(sources))

    def validate(self) -> None:
        for path in self.provenance:
            get(self, current_path(self, path, warn=False))
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
        """Returns a copy with changed values, given by dotted path, such as {"schedule.peak": 0.02}.

        Raises:
          ZooError: a path does not exist (the message suggests the nearest one), or a value is invalid.
        """
        if not isinstance(changes, Mapping) or not all(isinstance(path, str) for path in changes):
            raise ZooError(
                f"override expects a mapping by dotted path, such as {{'budget.steps': 100}}, got {shown(changes)}"
            )
        current = {path: current_path(self, path) for path in changes}
        for path, now in current.items():
            if path != now and now in changes:
                raise ZooError(f"{path} is the earlier name of {now}; give one of them")
        changes = {current[path]: value for path, value in changes.items()}
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
        """Returns each scalar value by its dotted path, without the provenance."""
        data = self.to_json()
        del data["provenance"]
        return dict(flatten(data, ""))

    def source_of(self, path: str) -> str | None:
        """Returns the provenance of the field at a dotted path; None if none is stated.

        Of the entries of `provenance` and of the parts' `default_sources`, the longest path that matches counts, and
        `provenance` takes precedence for the same path.

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
        """A hash of all values except the provenance, as twelve hexadecimal digits.

        Fields with their default value are excluded, so that new fields do not change the fingerprints of existing
        recipes.
        """
        return hashlib.sha256(json.dumps(_without_defaults(self), sort_keys=True).encode()).hexdigest()[:12]

    def check_weights_given(self) -> None:
        """Raises `WeightsMissing` if the recipe starts from weights that are given when it is trained, and are not."""
        if self.transfer is not None and self.transfer.source is None:
            stated = self.provenance.get("transfer.source")
            raise WeightsMissing(
                "this recipe starts from trained weights: give them with --weights=PATH, or as transfer.source"
                + (f"; it is meant for {stated}" if stated else "")
            )

    def difference(self, other: "Recipe") -> list[str]:
        """Returns a line "path: value, other value" for each value that differs between two recipes."""
        ours, theirs = self.flat(), other.flat()
        paths = [path for path in {**ours, **theirs} if ours.get(path) != theirs.get(path)]
        return [f"{path}: {ours.get(path, 'nothing')}, {theirs.get(path, 'nothing')}" for path in paths]


def _without_defaults(value):
    """Returns nested dictionaries of the fields that differ from their defaults, without the provenance."""
    if isinstance(value, Part):
        fields, earlier = {}, {current: name for name, current in value.earlier_names.items()}
        for each in dataclasses.fields(value):
            current = getattr(value, each.name)
            if each.name != "provenance" and current != default_of(each):
                fields[earlier.get(each.name, each.name)] = _without_defaults(current)
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, Mapping):
        return {key: _without_defaults(item) for key, item in value.items()}
    return [_without_defaults(item) for item in value] if isinstance(value, tuple) else value
