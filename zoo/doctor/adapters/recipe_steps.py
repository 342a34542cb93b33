"""The compiled programs of a recipe's training and evaluation, apart from each other, so that variants share them.

`zoo.fit` compiles a whole step. Here, the gradient and the update are two programs: with another optimizer or learning
rate, only the small one is compiled again.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from zoo.data import augment
from zoo.doctor.adapters.recipe_changes import Subject, intercepted
from zoo.layers.lowering import convolution_lowering
from zoo.recipe.augmentation import Transform
from zoo.training.experiment import Experiment
from zoo.training.step.forward import forward
from zoo.training.step.freezing import frozen_layers, keep_frozen_statistics
from zoo.training.step.inputs import mixed_inputs, step_keys
from zoo.training.step.objective import Objective, sums_of_outputs, sums_over_examples
from zoo.training.step.weight_average import average_weights


def gradient(experiment: Experiment, subject: Subject) -> Callable:
    """Compiles (state, constants, batch) -> (mean loss, its gradient, running statistics) of a training step."""
    frozen = experiment.frozen

    def loss(params, state, constants, batch):
        augment_key, dropout_key = step_keys(state)
        transforms, mixing = experiment.train_pipeline.transforms, experiment.recipe.augmentation.mixing
        images, labels, coefficient = mixed_inputs(transforms, mixing, constants, batch, augment_key)
        with intercepted(subject), convolution_lowering(experiment.convolution):
            outputs, stats = forward(
                experiment.model, params, state.batch_stats, images, batch.position, dropout_key, frozen=frozen
            )
        stats = keep_frozen_statistics(stats, state.batch_stats, frozen_layers(frozen, params))
        sums = sums_of_outputs(outputs, labels, batch.weight, experiment.objective, coefficient)
        return sums.loss / sums.count.sum(), stats

    def compute(state, constants, batch):
        (value, stats), found = jax.value_and_grad(loss, has_aux=True)(state.params, state, constants, batch)
        return value, found, stats

    return jax.jit(compute)


def update(experiment: Experiment) -> Callable:
    """Compiles (state, gradient, running statistics) -> the state after the optimizer's update."""
    averaging = experiment.recipe.weight_average

    def compute(state, gradient, batch_stats):
        updates, opt_state = experiment.optimizer.update(
            gradient, state.opt_state, state.params, rate_factor=state.rate_factor
        )
        params = optax.apply_updates(state.params, updates)
        new = state.replace(step=state.step + 1, params=params, batch_stats=batch_stats, opt_state=opt_state)
        if averaging is None:
            return new
        return new.replace(average=average_weights(averaging, state.average, new.variables, new.step))

    return jax.jit(compute)


def predict(experiment: Experiment, subject: Subject) -> Callable:
    """Compiles (variables, network inputs) -> outputs [n, K] in evaluation mode."""

    def compute(variables, images):
        with intercepted(subject), convolution_lowering(experiment.convolution):
            return experiment.model.apply(variables, images, train=False)

    return jax.jit(compute)


def activations(experiment: Experiment, subject: Subject) -> Callable:
    """Compiles (state, network inputs) -> the outputs of the layers in training mode, by path, in order."""

    def compute(state, images):
        outputs = {}

        def record(next_function, args, kwargs, context):
            output = next_function(*args, **kwargs)
            if context.method_name == "__call__" and context.module.path and isinstance(output, jax.Array):
                outputs["/".join(context.module.path)] = output
            return output

        position, dropout_key = jnp.arange(len(images)), step_keys(state)[1]
        apply = functools.partial(forward, frozen=experiment.frozen, interceptors=[record])
        with intercepted(subject), convolution_lowering(experiment.convolution):
            apply(experiment.model, state.params, state.batch_stats, images, position, dropout_key)
        return outputs

    return jax.jit(compute)


def inputs(transforms: tuple[Transform, ...]) -> Callable:
    """Compiles (constants, images, seed) -> the network's inputs; of ten crops, the central one."""

    def compute(constants, images, seed):
        keys = jax.random.split(jax.random.key(seed), len(images))
        apply = functools.partial(augment.apply, transforms)
        seen = jax.vmap(apply, (0, 0, None))(images, keys, constants.statistics)
        return seen[:, 4] if seen.ndim == 5 else seen

    return jax.jit(compute)


def loss(objective: Objective) -> Callable:
    """Compiles (outputs [n, K], labels [n]) -> the mean of the objective."""

    def compute(outputs, labels):
        targets = jax.nn.one_hot(labels, outputs.shape[-1])
        sums = sums_over_examples(outputs, targets, jnp.ones(len(outputs)), objective)
        return sums.loss / sums.count.sum()

    return jax.jit(compute)
