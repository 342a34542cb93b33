"""A recipe as a program under diagnosis: the fullest one, whose every field can be replaced."""

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from zoo import parallel
from zoo.data.pipeline import Batch, Corrupt, InputPipeline, decoded, evaluation_batches, training_batches
from zoo.doctor.adapters import recipe_steps
from zoo.doctor.adapters.own_loss import with_own_loss
from zoo.doctor.adapters.recipe_changes import PREPARED, Subject, change
from zoo.recipe import Recipe
from zoo.training.experiment import Experiment
from zoo.training.prepare import make_updates, prepare
from zoo.training.step.inputs import Constants
from zoo.training.step.state import TrainState

# Short runs of smaller networks take less time than compilation. Only XLA's own operations are kept in JAX's cache.
FEW_PARAMETERS = 1_000_000


class RecipeProgram:
    """A recipe with its data and network, see `zoo.doctor.program.Program`.

    Attributes:
      name: of the recipe.
      experiment: prepared for one device, as `zoo.fit` would.
      subject: what replaces the recipe's own data, network or loss.
      corrupt: the images that could not be decoded.
    """

    def __init__(
        self,
        name: str,
        recipe: Recipe,
        subject: Subject,
        experiment: Experiment | None = None,
        corrupt: list[Corrupt] | None = None,
    ) -> None:
        """Prepares data and network, unless there is an experiment; raises `ZooError` as `zoo.training.prepare`."""
        self.name, self.subject, self.corrupt = name, subject, [] if corrupt is None else corrupt
        if experiment is None:
            mesh = parallel.make_mesh(jax.local_devices()[:1])
            experiment = prepare(
                recipe, subject.dataset, model=subject.model, mesh=mesh, on_corrupt=self.corrupt.append
            )
            if sum(leaf.size for leaf in jax.tree.leaves(experiment.abstract_state.params)) < FEW_PARAMETERS:
                experiment = dataclasses.replace(experiment, convolution="xla")
        if subject.loss is not None:
            experiment = with_own_loss(experiment, subject.loss)
        self.experiment = experiment
        self._programs: dict[Any, Any] = {}  # shared with variants: compiling takes most of the time of a short run

    @property
    def recipe(self) -> Recipe:
        """The recipe."""
        return self.experiment.recipe

    @property
    def classes(self) -> int:
        """The number of classes of the data."""
        return len(self.experiment.dataset.class_names)

    @property
    def class_names(self) -> Sequence[str]:
        """The names of the classes."""
        return self.experiment.dataset.class_names

    @property
    def total_steps(self) -> int:
        """The optimizer steps of the whole run."""
        return self.experiment.total_steps

    @property
    def random_transforms(self) -> bool:
        """Whether training inputs are meant to be random, apart from mixing, which `inputs` leaves out."""
        return any(each.random for each in self.recipe.augmentation.train)

    # The protocol.

    def init(self, seed: int) -> TrainState:
        key = ("start", self.recipe.initialization, self.recipe.transfer, seed)
        start = self._program(key, lambda: self.experiment.initial_state(seed))
        average = start.variables if self.recipe.weight_average is not None else None
        factor = parallel.replicate(np.float32(self.subject.factor), self.experiment.mesh)
        optimizer = self.experiment.optimizer.init(start.params)
        return start.replace(opt_state=optimizer, average=average, rate_factor=factor, best=None)

    def step(self, state: TrainState, images: np.ndarray, labels: np.ndarray) -> tuple[TrainState, float]:
        loss, gradient, batch_stats = self._gradient(_bare(state), self._constants, self._batch(images, labels))
        return self._update(state, gradient, batch_stats), float(loss)

    def predict(self, state: TrainState, images: np.ndarray) -> np.ndarray:
        seen = self.inputs(images, train=False, seed=0)
        return np.asarray(self._predict(state.evaluated, seen))

    def train_batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        pipeline = self.experiment.train_pipeline
        with contextlib.closing(training_batches(pipeline, self.recipe.budget.batch_size, seed=0)) as batches:
            for batch in batches:
                yield _values(pipeline, batch)

    def eval_batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        pipeline = self.experiment.eval_pipeline
        batch_size = min(250, len(pipeline.split))
        for batch in evaluation_batches(pipeline, batch_size, _scattered(len(pipeline.split))):
            images, labels = _values(pipeline, batch)
            real = batch.weight > 0
            yield images[real], labels[real]

    # Capabilities.

    def parameters(self, state: TrainState) -> Mapping[str, np.ndarray]:
        return _flat(state.params)

    def gradients(self, state: TrainState, images: np.ndarray, labels: np.ndarray) -> Mapping[str, np.ndarray]:
        return _flat(self._gradient(_bare(state), self._constants, self._batch(images, labels))[1])

    def activations(self, state: TrainState, images: np.ndarray) -> Mapping[str, np.ndarray]:
        seen = self.inputs(images, train=True, seed=0)
        return {name: np.asarray(value) for name, value in self._activations(_bare(state), seen).items()}

    def inputs(self, images: np.ndarray, *, train: bool, seed: int) -> np.ndarray:
        pipeline = self.experiment.train_pipeline if train else self.experiment.eval_pipeline
        apply = self._program(("inputs", pipeline.transforms), lambda: recipe_steps.inputs(pipeline.transforms))
        return np.asarray(apply(self._constants, np.asarray(images), np.uint32(seed)))

    def loss(self, outputs: np.ndarray, labels: np.ndarray) -> float:
        key = (self.recipe.loss, self.recipe.regularization.label_smoothing, self.recipe.imbalance, self.subject.loss)
        loss = self._program(("loss", key), lambda: recipe_steps.loss(self.experiment.objective))
        return float(loss(outputs, np.asarray(labels, np.int32)))

    def learning_rate(self, step: int) -> float:
        return float(self.experiment.learning_rate(jnp.int32(step))) * self.subject.factor

    def examples(self, split: str, limit: int) -> tuple[np.ndarray, np.ndarray, Sequence[str]]:
        pipeline = self.experiment.train_pipeline if split == "train" else self.experiment.eval_pipeline
        indices = _scattered(len(pipeline.split))[:limit]
        names = [pipeline.split.describe(int(index)) for index in indices]
        if pipeline.resident:
            images, labels = pipeline.split.images, pipeline.split.labels
            assert images is not None and labels is not None
            return images[indices], labels[indices], names
        parts = list(decoded(pipeline, indices))
        return (
            np.concatenate([images for images, *_ in parts]),
            np.concatenate([labels for _, labels, _ in parts]),
            names,
        )

    def variant(self, **changes: Any) -> "RecipeProgram":
        subject, recipe, changed = self.subject, self.recipe, set()
        for name, value in changes.items():
            fields, replaced = change(name, value, recipe, subject)
            if "logits" in replaced:
                replaced["logits"] = self._probabilities
            recipe, subject = recipe.override(fields), dataclasses.replace(subject, **replaced)
            changed |= {path.split(".")[0] for path in fields}
        if not changed:
            program = RecipeProgram(self.name, self.recipe, subject, self.experiment, self.corrupt)
        elif changed & PREPARED:
            program = RecipeProgram(self.name, recipe, subject, corrupt=self.corrupt)
        else:
            program = RecipeProgram(self.name, recipe, subject, _retimed(self.experiment, recipe), self.corrupt)
        if recipe.model == self.recipe.model:
            program._programs = self._programs
        return program

    @functools.cached_property
    def _probabilities(self):
        """Whether the network returns probabilities: rows that sum to 1."""
        images, _ = next(self.eval_batches())
        outputs = self.predict(self.init(0), images[:8])
        return bool(self.subject.logits or (outputs.min() >= 0 and np.abs(outputs.sum(-1) - 1).max() < 1e-3))

    # Compiled programs.

    def _program(self, key, make):
        """Returns the program of a key, which states everything that it depends on and that a variant may change."""
        key = repr(key)  # parts of recipes have mappings, which cannot be hashed
        if key not in self._programs:
            self._programs[key] = make()
        return self._programs[key]

    @property
    def _gradient(self):
        recipe, subject = self.recipe, self.subject
        key = (recipe.augmentation, recipe.loss, recipe.regularization.label_smoothing, recipe.auxiliary_weight)
        own = (recipe.imbalance, recipe.transfer, subject.loss, subject.dropout, subject.logits)
        return self._program(("gradient", key, own), lambda: recipe_steps.gradient(self.experiment, subject))

    @property
    def _update(self):
        recipe, total = self.recipe, self.experiment.total_steps
        parts = (recipe.optimizer, recipe.schedule, recipe.regularization, recipe.clipping, recipe.weight_average)
        return self._program(("update", parts, total, recipe.transfer), lambda: recipe_steps.update(self.experiment))

    @property
    def _predict(self):
        return self._program(
            ("predict", self.subject.logits), lambda: recipe_steps.predict(self.experiment, self.subject)
        )

    @property
    def _activations(self):
        return self._program(
            ("activations", self.subject.dropout), lambda: recipe_steps.activations(self.experiment, self.subject)
        )

    @functools.cached_property
    def _constants(self):
        return parallel.replicate(Constants(self.experiment.statistics, None, None), self.experiment.mesh)

    def _batch(self, images, labels):
        count = len(images)
        index = np.arange(count, dtype=np.int32)
        labels = np.asarray(labels, np.int32)
        batch = Batch(index, index, np.ones(count, np.float32), np.asarray(images), labels)
        return parallel.shard_batch(batch, self.experiment.mesh)


def _retimed(experiment, recipe):
    """Returns an experiment with the optimizer and schedule of another recipe, and the same data and network."""
    total = recipe.budget.total_steps(experiment.train_pipeline.epoch)
    optimizer, rate = make_updates(recipe, total, experiment.frozen)
    # Those of the base class: a loss of one's own is left out.
    fields = {name: getattr(experiment, name) for name in Experiment.__dataclass_fields__}
    changed = {"recipe": recipe, "total_steps": total, "optimizer": optimizer, "learning_rate": rate}
    return Experiment(**{**fields, **changed})


def _bare(state):
    """Returns a state without what only updates use, so that programs are shared by variants of the optimizer."""
    return state.replace(opt_state=(), average=None, rate_factor=None, best=None)


def _values(pipeline: InputPipeline, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Returns images and labels of a batch, which has none if the split is resident."""
    if batch.image is not None and batch.label is not None:
        return batch.image, batch.label
    images, labels = pipeline.split.images, pipeline.split.labels
    assert images is not None and labels is not None
    return images[batch.index], labels[batch.index]


def _scattered(count: int) -> np.ndarray:
    """Returns all positions of a split in a fixed random order, so that the first ones are of all classes."""
    return np.random.default_rng(0).permutation(count)


def _flat(params):
    flat = traverse_util.flatten_dict(dict(params), sep="/")
    return {path: np.asarray(value) for path, value in flat.items()}
