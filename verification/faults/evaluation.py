"""Mistakes in evaluation: training is right, its result is measured wrongly."""

import dataclasses
import types

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

import zoo.training.evaluation
import zoo.training.experiment
import zoo.training.loop
from verification.faults.applies import (
    drops,
    evaluates_fewer_at_first,
    has,
    images,
    modes_differ,
    random_transforms,
    validated,
)
from verification.faults.augmentation import prepared_as
from verification.faults.fault import fault
from verification.faults.patching import replaced
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


def _counts(change):
    """Changes what is counted of a batch: `change(counts, logits, labels, weight) -> counts`."""
    return replaced(step, "count_predictions", lambda right: lambda *arguments: change(right(*arguments), *arguments))


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


@fault("The last batch is dropped in evaluation.")
def last_batch_dropped():
    return _batches(lambda batches: batches[:-1] or batches)


@fault("Only the first batch is evaluated.")
def only_first_batch():
    return _batches(lambda batches: batches[:1])


@fault("The final evaluation is of the examples of interim evaluations only.", applies=evaluates_fewer_at_first)
def final_evaluation_of_interim_examples():
    def make(right):
        def wrong(self, *arguments):
            evaluate = right(self, *arguments)
            return lambda variables, step, all_examples: evaluate(variables, step, False)

        return wrong

    return replaced(zoo.training.loop.Loop, "evaluator", make)


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


@fault("The evaluation loss has label smoothing.", strengths=(0.1, 0.01))
def evaluation_smoothed(amount):
    def make(right):
        def wrong(logits, targets, weight, objective):
            return right(logits, targets, weight, objective._replace(label_smoothing=amount))

        return wrong

    return replaced(step, "sums_over_examples", make)


@fault("Every batch has the same weight in the evaluation loss, also the last one, which is smaller.")
def mean_of_means():
    def make(right):
        def wrong(logits, targets, weight, *arguments):
            sums = right(logits, targets, weight, *arguments)
            return sums._replace(loss=sums.loss * len(weight) / jnp.maximum(weight.sum(), 1))

        return wrong

    return replaced(step, "sums_over_examples", make)


@fault("An example counts as correct if its class is among the two largest logits.")
def top2_for_top1():
    def make(right):
        def wrong(logits, targets, weight, *arguments):
            sums = right(logits, targets, weight, *arguments)
            _, best = jax.lax.top_k(logits, min(2, logits.shape[-1]))
            among = (best == targets.argmax(-1)[:, None]).any(-1)
            return sums._replace(correct=(among * weight) @ targets)

        return wrong

    return replaced(step, "sums_over_examples", make)


@fault("The class is counted among the six largest logits for top-5 accuracy.", applies=images)
def top6_for_top5():
    def counted(counts, logits, labels, weight):
        _, best = jax.lax.top_k(logits, 6)
        return {**counts, "top5": (best == labels[:, None]).any(-1) @ weight}

    return _counts(counted)


@fault("Rows and columns of the confusion matrix are exchanged.")
def confusion_transposed():
    return _counts(lambda counts, *_: {**counts, "confusion": counts["confusion"].T})


@fault(
    "Evaluations during the run are on the evaluation split although there is a validation split.", applies=validated
)
def validation_on_evaluation_split():
    def make(right):
        def wrong(self, kind, pipeline, eval_step):
            return right(self, kind, self.experiment.eval_pipeline, self.experiment.eval_step)

        return wrong

    return replaced(zoo.training.loop.Loop, "evaluator", make)
