"""The recipe itself: everything that decides how a training run goes, and where each choice comes from."""

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from zoo.errors import ZooError, unknown
from zoo.recipe.augmentation import Augmentation, Normalization, Normalize, PixelMean
from zoo.recipe.initialization import Initialization
from zoo.recipe.optimization import Optimizer, Regularization, Schedule
from zoo.recipe.part import Part, conform, describe, field_types


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


@dataclass(frozen=True)
class Data(Part):
    """The images.

    Attributes:
      source: "fashion_mnist", "folder:PATH" or "tfds:NAME"; see `zoo.data.sources.open_source`.
      corrupt_limit: images that cannot be decoded are skipped up to this many, then the run ends.
    """

    source: str
    corrupt_limit: int = 10

    def validate(self):
        self.require(self.corrupt_limit >= 0, "corrupt_limit", "at least 0")


@dataclass(frozen=True)
class Precision(Part):
    """The dtype of the network's computation, by platform. Parameters, statistics and the loss are float32."""

    cpu: str = "float32"
    gpu: str = "bfloat16"
    tpu: str = "bfloat16"

    def validate(self):
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
      interim_examples: how many test images those evaluations take (None: all); the one at the end takes all.
    """

    batch_size: int
    steps: int | None = None
    epochs: float | None = None
    accumulation: int = 1
    evaluate_every: float = 0.1
    interim_examples: int | None = None

    def validate(self):
        self.require(self.batch_size > 0, "batch_size", "positive")
        if (self.steps is None) == (self.epochs is None):
            raise ZooError(f"Budget needs either steps or epochs, not steps={self.steps} and epochs={self.epochs}")
        self.require(self.steps is None or self.steps > 0, "steps", "positive")
        self.require(self.epochs is None or self.epochs > 0, "epochs", "positive")
        self.require(self.accumulation > 0, "accumulation", "positive")
        self.require(self.batch_size % self.accumulation == 0, "accumulation", "a divisor of batch_size")
        self.require(0 < self.evaluate_every <= 1, "evaluate_every", "in (0, 1]")
        self.require(self.interim_examples is None or self.interim_examples > 0, "interim_examples", "positive")

    def total_steps(self, examples: int) -> int:
        """Optimizer steps of the run, for a training set of so many examples."""
        return self.steps or max(1, round(self.epochs * examples / self.batch_size))


@dataclass(frozen=True)
class Target(Part):
    """What the evaluation at the end must reach for the run to have converged.

    Attributes:
      value: of the metric.
      metric: "top1" or "balanced_accuracy" (at least `value`, from 0 to 1), or "loss" (at most `value`).
      within_steps: the promised number of optimizer steps N; None for the whole run.
    """

    value: float
    metric: str = "top1"
    within_steps: int | None = None

    def validate(self):
        self.require(self.metric in ("top1", "balanced_accuracy", "loss"), "metric", "top1, balanced_accuracy or loss")
        self.require(self.value > 0, "value", "positive")
        self.require(self.metric == "loss" or self.value <= 1, "value", "in (0, 1]")
        self.require(self.within_steps is None or self.within_steps > 0, "within_steps", "positive")

    def reached(self, metrics: Mapping[str, float]) -> bool:
        """Whether an evaluation's metrics are as good as promised."""
        found = metrics[self.metric]
        return found <= self.value if self.metric == "loss" else found >= self.value


@dataclass(frozen=True)
class Recipe(Part):
    """How to train a network.

    Attributes:
      model ... target: see each part.
      normalization: shift and scale of pixel values, applied where `augmentation` has `Normalize()`.
      target: None where nothing is promised.
      provenance: where each field comes from: a paper's section, official code, or "ours: ..." and why. A dotted path
        covers everything below it, and the longest one that matches counts.
    """

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
    provenance: Mapping[str, str] = field(default_factory=dict)

    def validate(self):
        for path in self.provenance:
            get(self, path)
        before = itertools.takewhile(lambda transform: not isinstance(transform, Normalize), self.augmentation.train)
        if isinstance(self.normalization, PixelMean) and any(transform.random for transform in before):
            raise ZooError(
                "PixelMean needs every image in the same place: in augmentation.train, Normalize() comes first"
            )
        promised, steps = self.target and self.target.within_steps, self.budget.steps
        if promised and steps and steps > promised:
            raise ZooError(
                f"the target promises {promised} steps and the budget has {steps}: change target.within_steps too, or set"
                " target=None"
            )

    def override(self, changes: Mapping[str, Any]) -> Self:
        """A copy with other values, by dotted path, such as {"schedule.peak": 0.02}.

        Raises:
          ZooError: a path does not exist (the message names the nearest one), or a value does not fit.
        """
        paths = [path for path in changes if path != "provenance"]
        kept = {
            path: source
            for path, source in self.provenance.items()
            if not any(path == changed or path.startswith(f"{changed}.") for changed in paths)
        }
        bare = dataclasses.replace(self, provenance={})
        recipe = _replace(bare, [(path.split("."), value) for path, value in changes.items()], "")
        return dataclasses.replace(
            recipe, provenance={**kept, **dict.fromkeys(paths, "overridden"), **recipe.provenance}
        )

    def flat(self) -> dict[str, Any]:
        """Every single value by its dotted path, without the provenance."""
        data = self.to_json()
        del data["provenance"]
        return dict(_flatten(data, ""))

    def source_of(self, path: str) -> str | None:
        """The provenance of the field at a dotted path; None if nothing covers it."""
        parts = path.split(".")
        prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((self.provenance[prefix] for prefix in prefixes if prefix in self.provenance), None)

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


def get(part: Any, path: str) -> Any:
    """The value at a dotted path below a part.

    Raises:
      ZooError: the path does not exist; the message names the nearest one.
    """
    value = part
    for name in path.split("."):
        value = _child(value, name, path)
    return value


def type_at(recipe: Recipe, path: str) -> Any:
    """The type that the field at a dotted path has to have."""
    *parents, name = path.split(".")
    parent = get(recipe, ".".join(parents)) if parents else recipe
    if isinstance(parent, Part):
        _child(parent, name, path)
        return field_types(type(parent))[name]
    return Any


def _child(value, name, path):
    if isinstance(value, Part):
        if name not in field_types(type(value)):
            names = path.split(".")
            index = names.index(name)
            raise unknown(
                "recipe field",
                path,
                [".".join([*names[:index], field, *names[index + 1 :]]) for field in field_types(type(value))],
            )
        return getattr(value, name)
    if isinstance(value, tuple) and name.isdecimal() and int(name) < len(value):
        return value[int(name)]
    if isinstance(value, Mapping) and name in value:
        return value[name]
    raise ZooError(f"unknown recipe field {path!r}: there is no {name!r} in {value!r}")


def _replace(parent, changes, prefix):
    """A copy of `parent` with changes [(names, value)]; those to one part are made together, so it is checked once."""
    by_name = {}
    for (name, *rest), value in changes:
        by_name.setdefault(name, []).append((rest, value))
    values = {}
    for name, below in by_name.items():
        path = f"{prefix}{name}"
        rest, value = below[-1]
        if len(below) > 1 and not all(rest for rest, _ in below):
            raise ZooError(f"{path} is changed as a whole and in parts at once: say it in one")
        # A new key of a mapping, such as a model's option, is as good as an old one.
        child = parent.get(name) if isinstance(parent, Mapping) and not rest else _child(parent, name, path)
        values[name] = _replace(child, below, f"{path}.") if rest else value
        if isinstance(parent, Part):
            hint = field_types(type(parent))[name]
            try:
                values[name] = conform(values[name], hint)
            except TypeError:
                raise ZooError(f"{path} must be {describe(hint)}, not {value!r}") from None
    if isinstance(parent, Mapping):
        return {**parent, **values}
    if isinstance(parent, tuple):
        return tuple(values.get(str(index), item) for index, item in enumerate(parent))
    return dataclasses.replace(parent, **values)


def _flatten(data, prefix):
    items = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else None
    if items is None or not data:
        yield prefix, data
        return
    for name, item in items:
        yield from _flatten(item, f"{prefix}.{name}" if prefix else str(name))


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
