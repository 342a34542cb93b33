"""Mistakes in evaluation: training is right, its result is measured wrongly."""

import dataclasses
import types

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import zoo.data.augment.resize_crop
import zoo.training.evaluation
import zoo.training.experiment
import zoo.training.loop
from verification.faults.applies import (
    drops,
    every,
    fashion,
    has,
    images,
    modes_differ,
    random_transforms,
    resizes,
)
from verification.faults.augmentation import prepared_as
from verification.faults.fault import fault
from verification.faults.patching import replaced
from zoo.layers import BatchNorm
from zoo.training.step import step


def _evaluated_by(apply):
    """Replaces how the evaluation step applies the network: `apply(model, variables, images) -> logits`."""

    def make(right):
        def wrong(model, *arguments):
            network = types.SimpleNamespace(apply=lambda variables, inputs, train: apply(model, variables, inputs))
            return right(network, *arguments)

        return wrong

    return replaced(zoo.training.experiment, "make_eval_step", make)


def _batches(change):
    """Changes the batches of evaluation: `change(list of batches) -> batches`."""

    def make(right):
        return lambda *arguments, **options: iter(change(list(right(*arguments, **options))))

    return replaced(zoo.training.evaluation, "evaluation_batches", make)


def _state(change):
    """Changes the state that an evaluation sees: `change(memory, state) -> state`, with a dictionary that persists."""

    def make(right):
        memory = {}

        def wrong(self, state, step):
            returned = right(self, change(memory, state), step)
            return returned.replace(params=state.params, batch_stats=state.batch_stats, average=state.average)

        return wrong

    return replaced(zoo.training.loop.Loop, "evaluate", make)


@fault("Evaluation uses the statistics of the batch and dropout (train=True).", applies=modes_differ)
def evaluation_in_train_mode():
    def apply(model, variables, inputs):
        outputs, _ = model.apply(
            variables, inputs, train=True, rngs={"dropout": jax.random.key(0)}, mutable=["batch_stats"]
        )
        return outputs[0] if isinstance(outputs, tuple) else outputs

    return _evaluated_by(apply)


@fault("Evaluation normalizes by the statistics of its batch.", applies=has("BatchNorm"))
def evaluation_by_batch_statistics():
    def intercept(next_function, arguments, options, context):
        module = context.module
        if type(module).__name__ == "BatchNorm" and context.method_name == "__call__":
            object.__setattr__(module, "use_running_average", False)
        return next_function(*arguments, **options)

    def apply(model, variables, inputs):
        with nn.intercept_methods(intercept):
            return model.apply(variables, inputs, train=False, mutable=["batch_stats"])[0]

    return _evaluated_by(apply)


@fault(
    "Evaluation adapts running statistics to its batch: it mixes the batch's own into them.",
    strengths=(0.5, 0.1),
    matters=0.1,
    applies=has("BatchNorm"),
    bases=("bn_cnn",),
)
def evaluation_adapts_statistics(fraction):
    def intercept(next_function, arguments, options, context):
        module = context.module
        output = next_function(*arguments, **options)
        if not isinstance(module, BatchNorm) or context.method_name != "__call__":
            return output
        x = arguments[0].astype(jnp.float32)
        axes = tuple(range(x.ndim - 1))
        own, kept = (x.mean(axes), x.var(axes)), (module.get_variable("batch_stats", name) for name in ("mean", "var"))
        mean, variance = ((1 - fraction) * old + fraction * new for old, new in zip(kept, own, strict=True))
        scale = module.get_variable("params", "scale") if module.use_scale else 1.0
        y = (x - mean) * (lax.rsqrt(variance + module.epsilon) * scale) + module.get_variable("params", "bias")
        return y.astype(output.dtype)

    def apply(model, variables, inputs):
        with nn.intercept_methods(intercept):
            return model.apply(variables, inputs, train=False)

    return _evaluated_by(apply)


@fault("Dropout is active in evaluation.", applies=drops)
def dropout_in_evaluation():
    def intercept(next_function, arguments, options, context):
        if not isinstance(context.module, nn.Dropout) or context.method_name != "__call__":
            return next_function(*arguments, **options)
        object.__setattr__(context.module, "deterministic", False)
        return next_function(arguments[0])

    def apply(model, variables, inputs):
        with nn.intercept_methods(intercept):
            return model.apply(variables, inputs, train=False, rngs={"dropout": jax.random.key(0)})

    return _evaluated_by(apply)


@fault(
    "Evaluation uses stale parameters: those of the first evaluation, or of the one before.",
    strengths=("first", "previous"),
    matters="previous",
)
def stale_parameters(which):
    def change(memory, state):
        now = jax.tree.map(
            jnp.copy, {"params": state.params, "batch_stats": state.batch_stats, "average": state.average}
        )
        seen = memory.get("before", now)
        if which == "previous" or not memory:
            memory["before"] = now
        return state.replace(**seen)

    return _state(change)


@fault(
    "Evaluation has the running statistics of the evaluation before, with the present parameters.",
    applies=has("BatchNorm"),
    bases=("bn_cnn",),
)
def evaluation_statistics_stale():
    def make(right):
        def wrong(self, kind, pipeline, eval_step):
            evaluate = right(self, kind, pipeline, eval_step)
            memory = self.__dict__.setdefault("_of_evaluation_before", {})

            def stale(variables, step, all_examples):
                now = jax.tree.map(jnp.copy, variables["batch_stats"])  # copies, because the next step donates them
                before = memory.get("batch_stats", now)
                memory["batch_stats"] = now
                return evaluate({**variables, "batch_stats": before}, step, all_examples)

            return stale

        return wrong

    return replaced(zoo.training.loop.Loop, "evaluator", make)


@fault("The last batch is dropped in evaluation.")
def last_batch_dropped():
    return _batches(lambda batches: batches[:-1] or batches)


@fault("The last batch is evaluated twice.", bases=("mlp", "lenet5"))
def last_batch_evaluated_twice():
    return _batches(lambda batches: [*batches, batches[-1]])


@fault("Only the first batch is evaluated.")
def only_first_batch():
    return _batches(lambda batches: batches[:1])


@fault("Evaluation ends after a part of the examples.", strengths=(0.1, 0.9), matters=0.9)
def evaluation_ends_early(fraction):
    def make(right):
        def wrong(pipeline, batch_size, indices=None, **options):
            indices = np.arange(len(pipeline.split)) if indices is None else indices
            return right(pipeline, batch_size, indices[: int(fraction * len(indices))], **options)

        return wrong

    return replaced(zoo.training.evaluation, "evaluation_batches", make)


@fault("Padding of the last batch counts.")
def padding_counted():
    return _batches(lambda batches: [batch._replace(weight=np.ones_like(batch.weight)) for batch in batches])


@fault("Examples of the last batch have another weight.", strengths=(2.0, 1.1), matters=1.1)
def last_batch_weight(factor):
    def change(batches):
        last = batches[-1]
        return [*batches[:-1], last._replace(weight=np.asarray(factor * last.weight, np.float32))]

    return _batches(change)


@fault("The first example of each batch is evaluated twice, and the last one not at all.")
def examples_repeated():
    def change(batches):
        return [batch._replace(index=np.r_[batch.index[:1], batch.index[:-1]]) for batch in batches]

    return _batches(change)


@fault("Evaluation images are augmented like training images.", applies=random_transforms)
def evaluation_augmented():
    def change(data):
        transforms = data.train_pipeline.transforms
        pipelines = {"eval_pipeline": data.eval_pipeline, "validation_pipeline": data.validation_pipeline}
        return {
            name: pipeline and dataclasses.replace(pipeline, transforms=transforms)
            for name, pipeline in pipelines.items()
        }

    return prepared_as(change)


@fault("Evaluation images are upside down.", applies=images)
def evaluation_upside_down():
    def make(right):
        def wrong(*arguments):
            inputs, labels = right(*arguments)
            return inputs[..., ::-1, :, :], labels

        return wrong

    return replaced(step, "inputs_and_labels", make)


@fault(
    "Evaluation pads images to the network's size where training enlarges them.",
    applies=every(fashion, resizes),
    bases=("lenet5",),
)
def evaluation_padded():
    def padded(right):
        def wrong(pixels, height, width, interpolation="bilinear"):
            rows, columns = height - pixels.shape[0], width - pixels.shape[1]
            if min(rows, columns) < 0:
                return right(pixels, height, width, interpolation)
            sides = ((rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2), (0, 0))
            return jnp.pad(pixels, sides)

        return wrong

    def make(right):
        def wrong(*arguments):
            with replaced(zoo.data.augment.resize_crop, "_resized", padded):
                return right(*arguments)

        return wrong

    return replaced(step, "inputs_and_labels", make)
