"""What a training step and an evaluation have to compute, written down a second time, without the code of the steps.

Inputs, keys, dropout and batch normalization follow the documentation of `zoo.training.step`; the network runs with
XLA's own operations at the highest matrix precision; the loss is computed in float64 on the host. Only the networks,
single transforms of images and mixing are the zoo's: they have checks of their own.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from verification.devices import keep_programs
from verification.loss import closed_form
from verification.step.images import transformed_image
from verification.step.layers import dropout, normalization, tolerances
from verification.step.statistics import expected_statistics
from zoo.compilation import compile_quickly
from zoo.data import augment
from zoo.data.pipeline import Batch, InputPipeline
from zoo.data.resize_crop import split_host_transforms
from zoo.layers.lowering import convolution_lowering
from zoo.recipe import ClassWeights, TenCrop
from zoo.recipe.augmentation import Transform
from zoo.training.experiment import Experiment
from zoo.training.step.freezing import frozen_layers
from zoo.training.step.state import TrainState


class Expected(NamedTuple):
    """What a step should report and leave behind, before the optimizer's update.

    Attributes:
      loss: float64, the mean objective over the examples with weight 1.
      top1: the fraction of these examples whose class has the largest logit.
      batch_stats: the new running statistics by path, such as "conv1/bn/mean".
      allowed: the difference from each of them that rounding explains, by path.
    """

    loss: float
    top1: float
    batch_stats: dict[str, np.ndarray]
    allowed: dict[str, np.ndarray]


class Predicted(NamedTuple):
    """What an evaluation should find.

    Attributes:
      losses: float64 [N], of each example.
      logits: float32 [N, K].
      labels: int [N].
    """

    losses: np.ndarray
    logits: np.ndarray
    labels: np.ndarray


def device_transforms(experiment: Experiment, transforms: tuple[Transform, ...]) -> tuple[Transform, ...]:
    """Returns the transforms of a recipe that run on the device: all of them for images that were never files."""
    return transforms if experiment.dataset.train.images is not None else split_host_transforms(transforms)[1]


def raw_examples(experiment: Experiment, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Returns images and labels of a training batch from the data set if it is in memory, else as they were decoded.

    Resampled epochs refer to a split of their own, which is that of the pipeline.
    """
    pipeline, data = experiment.train_pipeline, experiment.dataset.train
    if data.images is None or len(data) != len(pipeline.split):
        data = pipeline.split
    if batch.image is not None and data.images is None:
        return np.asarray(batch.image), np.asarray(batch.label)
    return data.images[batch.index], np.asarray(data.labels)[batch.index]


def class_weights(experiment: Experiment) -> np.ndarray:
    """Returns the weight of each class in the loss, float64 [K], by the formula in `zoo.recipe.ClassWeights`."""
    names, imbalance = experiment.dataset.class_names, experiment.recipe.imbalance
    if not isinstance(imbalance, ClassWeights):
        return np.ones(len(names))
    if imbalance.weights:
        return np.array([imbalance.weights.get(name, 1.0) for name in names])
    counts = np.bincount(np.asarray(experiment.train_pipeline.split.labels), minlength=len(names))
    return np.where(counts > 0, counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1)), 1.0)


class Specification:
    """The expected results of the steps of an experiment; its programs are compiled once."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.statistics = expected_statistics(experiment) or experiment.statistics
        self._programs: dict[Any, Any] = {}

    def training_step(self, state: TrainState, batch: Batch) -> Expected:
        """Returns what a training step should find, device by device and micro-batch by micro-batch.

        Args:
          state: before the step, on the host or on devices.
          batch: the global batch, on the host.
        """
        experiment = self.experiment
        parts, devices = experiment.recipe.budget.accumulation, experiment.mesh.size
        size = len(batch.index) // (parts * devices)
        stats, loss, correct, count = state.batch_stats, 0.0, 0.0, 0.0
        allowed: dict[str, np.ndarray] = {}
        ends = []  # the running statistics of each device, whose examples come one after the other
        for part in range(parts * devices):
            if part % parts == 0:
                stats = state.batch_stats
            rows = jax.tree.map(lambda array, part=part: array[part * size : (part + 1) * size], batch)
            images, labels = raw_examples(experiment, rows)
            logits, auxiliary, coefficient, stats, more = jax.device_get(
                self._run("train", self._forward, state.params, stats, state.seed, state.step, images, rows)
            )
            allowed = {path: allowed.get(path, 0.0) + value for path, value in more.items()}
            targets = self._targets(labels, coefficient, logits.shape[-1])
            weighted = targets @ class_weights(experiment) * rows.weight
            smoothing = experiment.recipe.regularization.label_smoothing
            smooth = (1 - smoothing) * targets + smoothing / logits.shape[-1]
            kept = rows.weight > 0
            for each, factor in [(logits, 1.0), *((one, experiment.recipe.auxiliary_weight) for one in auxiliary)]:
                loss += factor * (closed_form(experiment.recipe.loss, each, smooth) * weighted)[kept].sum()
            correct += ((logits.argmax(-1) == targets.argmax(-1)) * rows.weight).sum()
            count += rows.weight.sum()
            if part % parts == parts - 1:
                ends.append(_flat(stats))
        stats = {path: np.mean([end[path] for end in ends], 0, np.float64) for path in ends[0]}
        return Expected(loss / count, correct / count, stats, tolerances(stats) | allowed)

    def inputs(self, state: TrainState, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Returns the inputs before mixing, float32 [n, H, W, C], and the labels [n] of a training batch."""
        images, labels = raw_examples(self.experiment, batch)
        augmented = self._run("inputs", self._augment, state.seed, state.step, images, batch.position)
        return jax.device_get(augmented), labels

    def evaluation(self, variables: Mapping[str, Any], batch: Batch, pipeline: InputPipeline) -> Predicted:
        """Returns the predictions for a batch of an evaluation pipeline, which may have a part of the split."""
        images, labels = (
            (np.asarray(batch.image), np.asarray(batch.label))
            if batch.image is not None
            else (
                pipeline.split.images[batch.index],
                np.asarray(pipeline.split.labels)[batch.index],
            )
        )
        logits = jax.device_get(self._run("eval", self._evaluate, dict(variables), images))
        targets = np.eye(logits.shape[-1])[labels]
        return Predicted(closed_form(self.experiment.recipe.loss, logits, targets), logits, labels)

    def _run(self, kind, function, *arguments):
        arguments = jax.device_get(arguments)
        key = kind, *(array.shape for array in jax.tree.leaves(arguments))
        if key not in self._programs:
            keep_programs()
            with jax.default_matmul_precision("highest"), convolution_lowering("xla"):
                self._programs[key] = compile_quickly(function, *arguments)
        return self._programs[key](*arguments)

    def _forward(self, params, stats, seed, step, images, batch):
        """Returns logits, auxiliary logits, mixing coefficients, the new running statistics and their tolerances."""
        experiment, recipe = self.experiment, self.experiment.recipe
        _, dropout_key = _step_keys(seed, step)
        inputs, coefficient = self._augment(seed, step, images, batch.position), None
        if recipe.augmentation.mixing is not None:
            last = len(device_transforms(experiment, recipe.augmentation.train))
            keys = jax.vmap(lambda key: jax.random.fold_in(key, last))(_example_keys(seed, step, batch.position))
            inputs, coefficient = augment.mix(recipe.augmentation.mixing, inputs, batch.weight, keys)
        moments, allowed = {}, {}
        normalize = normalization(moments, allowed, frozen_layers(experiment.frozen, params))
        with nn.intercept_methods(normalize), nn.intercept_methods(dropout(batch.position)):
            outputs, changed = experiment.model.apply(
                {"params": params, **({"batch_stats": stats} if stats else {})},
                inputs,
                train=True,
                rngs={"dropout": dropout_key},
                mutable=["batch_stats"],
            )
        logits, auxiliary = outputs if isinstance(outputs, tuple) else (outputs, [])
        new = {**_flat(changed.get("batch_stats", {})), **moments}
        return logits, auxiliary, coefficient, traverse_util.unflatten_dict(new, sep="/"), allowed

    def _augment(self, seed, step, images, position):
        transforms = device_transforms(self.experiment, self.experiment.recipe.augmentation.train)
        keys = _example_keys(seed, step, position)
        return jax.vmap(lambda image, key: transformed_image(transforms, image, key, self.statistics))(images, keys)

    def _evaluate(self, variables, images):
        experiment = self.experiment
        transforms = device_transforms(experiment, experiment.recipe.augmentation.eval)
        key = jax.random.key(0)  # evaluation has no random transforms
        views = jax.vmap(lambda image: transformed_image(transforms, image, key, self.statistics))(images)
        logits = experiment.model.apply(variables, views.reshape(-1, *views.shape[-3:]), train=False)
        if isinstance(transforms[-1], TenCrop):
            return _averaged(transforms[-1], logits.reshape(len(images), -1, logits.shape[-1]))
        return logits

    def _targets(self, labels, coefficient, classes):
        own = np.eye(classes)[labels]
        if coefficient is None:
            return own
        other = own.reshape(-1, 2, classes)[:, ::-1].reshape(-1, classes)
        share = np.asarray(coefficient, np.float64)[:, None]
        return share * own + (1 - share) * other


def _averaged(transform, logits):
    """Averages logits [n, views, K] as `zoo.recipe.TenCrop` says: themselves, or the probabilities, whose log it is."""
    if transform.average == "logits":
        return logits.mean(1)
    return jnp.log(jax.nn.softmax(logits).mean(1))


def _step_keys(seed, step):
    """Returns the keys of a step for augmentation and dropout."""
    return jax.random.split(jax.random.fold_in(jax.random.key(seed), step))


def _example_keys(seed, step, position):
    augment_key, _ = _step_keys(seed, step)
    return jax.vmap(lambda place: jax.random.fold_in(augment_key, place))(position)


def _flat(tree):
    return traverse_util.flatten_dict(dict(tree), sep="/")
