"""The recipe itself: everything that decides how a training run goes, and where each choice comes from."""

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from zoo.errors import ZooError, unknown
from zoo.recipe.augmentation import RANDOM, Augmentation, Normalization, Normalize, PixelMean
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
            self.require(getattr(self, name) in ("float32", "bfloat16", "float16"), name, "float32, bfloat16 or float16")


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
    """What the run must reach to have converged.

    Attributes:
      top1: accuracy on the whole evaluation split, from 0 to 1.
      within_steps: the promised number of optimizer steps N; None for the whole run.
    """

    top1: float
    within_steps: int | None = None

    def validate(self):
        self.require(0 < self.top1 <= 1, "top1", "in (0, 1]")
        self.require(self.within_steps is None or self.within_steps > 0, "within_steps", "positive")


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
        if isinstance(self.normalization, PixelMean) and any(isinstance(transform, RANDOM) for transform in before):
            raise ZooError("PixelMean needs every image in the same place: in augmentation.train, Normalize() comes first")

    def override(self, changes: Mapping[str, Any]) -> Self:
        """A copy with other values, by dotted path, such as {"schedule.peak": 0.02}.

        Raises:
          ZooError: a path does not exist (the message names the nearest one), or a value does not fit.
        """
        recipe = _replace(self, [(path.split("."), value) for path, value in changes.items()], "")
        return dataclasses.replace(recipe, provenance={**self.provenance, **dict.fromkeys(changes, "overridden")})

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
        """Twelve hexadecimal digits that change whenever a value does, though not with the provenance."""
        return hashlib.sha256(json.dumps(self.flat(), sort_keys=True).encode()).hexdigest()[:12]

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
            raise unknown("recipe field", path, _neighbours(value, name, path))
        return getattr(value, name)
    if isinstance(value, tuple) and name.isdecimal() and int(name) < len(value):
        return value[int(name)]
    if isinstance(value, Mapping) and name in value:
        return value[name]
    raise ZooError(f"unknown recipe field {path!r}: there is no {name!r} in {value!r}")


def _neighbours(part, name, path):
    """The paths that could have been meant by `path`, in which `name` is not a field of `part`."""
    before, _, after = path.partition(name)
    return [before + sibling + after for sibling in field_types(type(part))]


def _replace(parent, changes, prefix):
    """A copy of `parent` with changes [(names, value)]; those to one part are made together, so it is checked once."""
    by_name = {}
    for (name, *rest), value in changes:
        by_name.setdefault(name, []).append((rest, value))
    values = {}
    for name, below in by_name.items():
        path = f"{prefix}{name}"
        *_, (rest, value) = below
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
