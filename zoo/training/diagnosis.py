"""Diagnosis of divergence: where in a network the first non-finite value arose."""

from typing import Any

import jax
import jax.numpy as jnp

from zoo.layers.lowering import convolution_lowering
from zoo.training.experiment import Experiment
from zoo.training.step.forward import forward
from zoo.training.step.inputs import Constants, mixed_inputs, step_keys
from zoo.training.step.objective import sums_of_outputs
from zoo.training.step.state import TrainState


def first_non_finite(experiment: Experiment, state: TrainState, constants: Constants, batch: Any) -> str:
    """Finds the first non-finite value of a training step: the input, a parameter, a layer's output, or a gradient.

    Args:
      experiment: of the run.
      state: the state before the step; see `TrainState.failed`.
      constants: of the training pipeline.
      batch: the step's global batch.

    Returns:
      A phrase such as "the output of conv3".
    """
    layers: list[tuple[str, ...]] = []  # paths in execution order, filled while `check` is traced
    accumulation = experiment.recipe.budget.accumulation

    @convolution_lowering(experiment.convolution)
    def check(state, constants, batch):
        """Checks all micro-batches, one after the other to save memory, as the step does."""
        parts = jax.tree.map(lambda array: array.reshape(accumulation, -1, *array.shape[1:]), batch)
        finite = jax.lax.map(lambda part: check_part(state, constants, part), parts)
        return jax.tree.map(lambda of_parts: of_parts.all(), finite)

    def check_part(state, constants, batch):
        augment_key, dropout_key = step_keys(state)
        images, labels, coefficient = mixed_inputs(
            experiment.train_pipeline.transforms, experiment.recipe.augmentation.mixing, constants, batch, augment_key
        )

        def loss(params):
            seen = []

            def record(next_function, args, kwargs, context):
                output = next_function(*args, **kwargs)
                if context.method_name == "__call__":
                    seen.append((context.module.path, _finite(output)))
                return output

            outputs, _ = forward(
                experiment.model,
                params,
                state.batch_stats,
                images,
                batch.position,
                dropout_key,
                frozen=experiment.frozen,
                interceptors=[record],
            )
            layers[:] = [path for path, _ in seen]
            sums = sums_of_outputs(outputs, labels, batch.weight, experiment.objective, coefficient)
            return sums.loss, [finite for _, finite in seen]

        gradient, outputs = jax.grad(loss, has_aux=True)(state.params)
        of_layers = [(_finite(_below(state.params, path)), _finite(_below(gradient, path))) for path in layers]
        return _finite(images), outputs, of_layers

    input_finite, outputs, of_layers = jax.device_get(jax.jit(check)(state, constants, batch))
    if not input_finite:
        return "the network's input"
    for path, output, (params, _) in zip(layers, outputs, of_layers, strict=True):
        if path and not params:
            return f"the parameters of {'/'.join(path)}"
        if not output:
            return f"the output of {'/'.join(path) or 'the network'}"
    # The backward pass starts at the last layer.
    for path, (_, gradient) in reversed(list(zip(layers, of_layers, strict=True))):
        if path and not gradient:
            return f"the gradient of {'/'.join(path)}"
    return "the loss"


def _below(tree, path):
    for name in path:
        tree = tree.get(name, {})
    return tree


def _finite(tree):
    return jnp.array([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]).all()
