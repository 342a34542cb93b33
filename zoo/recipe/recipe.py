"""The recipe itself: everything that decides how a training run goes, and where each choice comes from."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from zoo.errors import ZooError, shown
from zoo.recipe.augmentation import Augmentation, Normalization
from zoo.recipe.contradictions import check_together
from zoo.recipe.data import Data
from zoo.recipe.initialization import Initialization
from zoo.recipe.loss import Loss, SoftmaxCrossEntropy
from zoo.recipe.metric import HIGHER_IS_BETTER
from zoo.recipe.optimizer import Clipping, Optimizer, WeightAverage
from zoo.recipe.part import LARGEST_INT, Part
from zoo.recipe.paths import flatten, get, replace
from zoo.recipe.regularization import EarlyStopping, Regularization
from zoo.recipe.sampling import Imbalance
from zoo.recipe.schedule import Schedule
from zoo.recipe.transfer import Transfer


@dataclass(frozen=True)
class Model(Part):
    """The network.

    Attributes:
      name: from `zoo.list_models()`.
      num_classes: None for as many as the data has.
      options: further arguments of `zoo.create_model`, such as {"dropout": 0.5}.
    """

    name: str
    num_classes: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def validate(self) -> None:
        self.require(self.num_classes is None or self.num_classes > 0, "num_classes", "positive or None")
        elsewhere = {
            "num_classes": "model.num_classes",
            "dtype": "precision",
            "name": "model.name",
            "parent": "none of it",
        }
        for name, said in elsewhere.items():
            if name in self.options:
                raise ZooError(f"Model.options: {name} is no option of a network; what a recipe says of it is {said}")


@dataclass(frozen=True)
class Precision(Part):
    """The dtype of the network's computation, by platform. Parameters, statistics and the loss are float32."""

    cpu: str = "float32"
    gpu: str = "bfloat16"
    tpu: str = "bfloat16"

    def validate(self) -> None:
        for name in ("cpu", "gpu", "tpu"):
            self.require(getattr(self, name) in ("float32", "bfloat16"), name, "float32 or bfloat16")


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


@dataclass(frozen=True)
class Target(Part):
    """What the evaluation at the end must reach for the run to have converged.

    Attributes:
      value: of the metric.
      metric: "top1", "top5" or "balanced_accuracy" (at least `value`, from 0 to 1), or "loss" (at most `value`).
      within_steps: the promised number of optimizer steps N; None for the whole run.
    """

    value: float
    metric: str = "top1"
    within_steps: int | None = None

    def validate(self) -> None:
        self.require(self.metric in HIGHER_IS_BETTER, "metric", f"one of {', '.join(HIGHER_IS_BETTER)}")
        self.require(self.value > 0, "value", "positive")
        self.require(self.metric == "loss" or self.value <= 1, "value", "in (0, 1]")
        self.require(self.within_steps is None or self.within_steps > 0, "within_steps", "positive")

    def reached(self, metrics: Mapping[str, float]) -> bool:
        """Whether an evaluation's metrics are as good as promised."""
        found = metrics[self.metric]
        return found >= self.value if HIGHER_IS_BETTER[self.metric] else found <= self.value


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
    precision: Precision = Precision()
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
        check_together(self)

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
            default = each.default_factory() if each.default_factory is not dataclasses.MISSING else each.default
            current = getattr(value, each.name)
            if each.name != "provenance" and current != default:
                fields[each.name] = _without_defaults(current)
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, Mapping):
        return {key: _without_defaults(item) for key, item in value.items()}
    return [_without_defaults(item) for item in value] if isinstance(value, tuple) else value
