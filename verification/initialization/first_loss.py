"""The loss before training, with batch statistics, and the bounds of that of random logits."""

from collections.abc import Callable, Iterator

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from verification.check import Check, Group
from verification.loss import of_equal_logits, of_random_logits
from zoo import parallel
from zoo.compilation import compile_quickly
from zoo.data.selection import sample_indices
from zoo.layers.normalization import BatchNorm, batch_norm
from zoo.training.evaluation import evaluate_pipeline
from zoo.training.experiment import Experiment
from zoo.training.step.state import TrainState
from zoo.training.step.step import make_eval_step

LOSS_IMAGES = 16  # an untrained network gives similar logits for all images, so more would add little


def check_loss(group: Group, experiment: Experiment, state: TrainState, alpha: float) -> Iterator[Check]:
    """Checks that the loss lies between the bounds for random logits, see `of_random_logits`.

    `alpha` is the rate of false alarms, over seeds, if the logits have unit variance.
    """
    classes = len(experiment.dataset.class_names)
    pipeline = experiment.eval_pipeline
    indices = sample_indices(len(pipeline.split), LOSS_IMAGES)
    metrics = evaluate_pipeline(
        first_eval_step(experiment),
        state.variables,
        experiment.constants(pipeline),
        pipeline,
        experiment.mesh,
        batch_size=LOSS_IMAGES,
        indices=indices,
    )
    # A permutation of the classes does not change the distribution of the loss, so only the numbers of images matter.
    labels = [pipeline.split.read(int(index))[1] for index in indices]
    images = tuple(sorted(np.unique(labels, return_counts=True)[1].tolist()))
    equal = of_equal_logits(experiment.recipe.loss, classes)
    low, high = of_random_logits(experiment.recipe.loss, classes, images, alpha)
    how = ", with batch statistics" if state.batch_stats else ""
    yield group.check(
        "loss",
        low <= metrics["loss"] <= high,
        f"{metrics['loss']:.3f} before training{how}; {equal:.3f} if all {classes} logits are equal,"
        f" {low:.3f} to {high:.3f} if they are random with unit variance, except in 1 of {1 / alpha:,.0f} seeds",
    )


def first_eval_step(experiment: Experiment) -> Callable:
    """Returns an evaluation step in which batch normalization uses batch statistics, as in the first training step.

    The running statistics are 0 and 1 before training; with these, each block of a residual network would double the
    variance.
    """
    body = make_eval_step(experiment.model, experiment.eval_pipeline.transforms, experiment.recipe.loss)

    def by_batch_statistics(next_method, arguments, options, context):
        layer = context.module
        if not isinstance(layer, BatchNorm) or context.method_name != "__call__":
            return next_method(*arguments, **options)
        (x,) = arguments
        bias = layer.get_variable("params", "bias")
        scale = layer.get_variable("params", "scale") if layer.use_scale else jnp.ones_like(bias)
        return batch_norm(x, scale, bias, layer.epsilon)[0].astype(layer.dtype)

    def step(*arguments):
        with nn.intercept_methods(by_batch_statistics):
            return body(*arguments)

    by_devices = parallel.data_parallel(step, experiment.mesh, donate=False)
    return lambda *arguments: compile_quickly(by_devices, *arguments)(*arguments)  # called once
