"""Mistakes in metrics: what is counted of the outputs, how it is added up, and what is reported."""

import jax
import jax.numpy as jnp

import zoo.training.evaluation
from verification.faults.applies import images, weighted
from verification.faults.fault import fault
from verification.faults.patching import replaced, together, with_attributes
from zoo.training.execution import Execution
from zoo.training.experiment import Experiment
from zoo.training.step import step


def _counts(change):
    """Changes what is counted of a batch: `change(counts, logits, labels, weight) -> counts`."""
    return replaced(step, "count_predictions", lambda right: lambda *arguments: change(right(*arguments), *arguments))


@fault("The evaluation loss has label smoothing.", strengths=(0.1, 0.01))
def evaluation_smoothed(amount):
    def make(right):
        def wrong(logits, targets, weight, objective):
            return right(logits, targets, weight, objective._replace(label_smoothing=amount))

        return wrong

    return replaced(step, "sums_over_examples", make)


@fault(
    "The loss of evaluations has the class weights of training.",
    applies=weighted,
    bases=("verification.faults.bases.weighted",),
)
def evaluation_loss_weighted_by_class():
    known = {}

    def remember(right):
        def same(self, pipeline):
            known["weights"] = self.class_weights
            return right(self, pipeline)

        return same

    def make(right):
        def wrong(logits, targets, weight, objective):
            return right(logits, targets, weight, objective._replace(class_weights=known.get("weights")))

        return wrong

    return together(replaced(Experiment, "_eval_step", remember), replaced(step, "sums_over_examples", make))


@fault("Every batch has the same weight in the evaluation loss, also the last one, which is smaller.")
def mean_of_means():
    def make(right):
        def wrong(logits, targets, weight, *arguments):
            sums = right(logits, targets, weight, *arguments)
            return sums._replace(loss=sums.loss * len(weight) / jnp.maximum(weight.sum(), 1))

        return wrong

    return replaced(step, "sums_over_examples", make)


@fault("The sums of evaluation are added in half precision.", bases=("lenet5", "bn_cnn"))
def evaluation_sums_in_half_precision():
    return replaced(zoo.training.evaluation, "np", lambda module: with_attributes(module, float64=module.float16))


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


@fault(
    "A prediction counts as correct only if its probability is above a threshold.",
    strengths=(0.9, 0.5),
    matters=0.5,
    applies=images,
    bases=("lenet5", "bn_cnn"),
)
def prediction_needs_probability(threshold):
    """Which all predictions exceed if there are two classes and the threshold is one half."""

    def make(right):
        def wrong(logits, targets, weight, *arguments):
            sums = right(logits, targets, weight, *arguments)
            correct = logits.argmax(-1) == targets.argmax(-1)
            certain = jax.nn.softmax(logits.astype(jnp.float32)).max(-1) > threshold
            return sums._replace(correct=(correct * certain * weight) @ targets)

        return wrong

    return replaced(step, "sums_over_examples", make)


@fault("The class is counted among the six largest logits for top-5 accuracy.", applies=images)
def top6_for_top5():
    def counted(counts, logits, labels, weight):
        _, best = jax.lax.top_k(logits, 6)
        return {**counts, "top5": (best == labels[:, None]).any(-1) @ weight}

    return _counts(counted)


@fault("Padding of the last batch counts in top-5 accuracy.", applies=images, bases=("lenet5", "bn_cnn"))
def top5_counts_padding():
    def make(right):
        def wrong(logits, labels, weight):
            counts, of_all = right(logits, labels, weight), right(logits, labels, jnp.ones_like(weight))
            return {**counts, **{name: value for name, value in of_all.items() if name == "top5"}}

        return wrong

    return replaced(step, "count_predictions", make)


@fault("Rows and columns of the confusion matrix are exchanged.")
def confusion_transposed():
    return _counts(lambda counts, *_: {**counts, "confusion": counts["confusion"].T})


@fault("Examples are counted by their predicted class, so that recall is precision.", bases=("mlp", "lenet5"))
def recall_is_precision():
    def make(right):
        def wrong(logits, targets, weight, *arguments):
            sums = right(logits, targets, weight, *arguments)
            return sums._replace(count=weight @ jax.nn.one_hot(jnp.argmax(logits, -1), logits.shape[-1]))

        return wrong

    return replaced(step, "sums_over_examples", make)


@fault("The training loss and accuracy that are reported are those of the step before.", bases=("mlp", "lenet5"))
def metrics_of_previous_step():
    def make(right):
        last = {}

        def wrong(self):
            records = []
            for number, values in right(self):
                before = last.get(number - 1, values)
                last.clear()
                last[number] = dict(values)
                records.append((number, {**values, "loss": before["loss"], "top1": before["top1"]}))
            return records

        return wrong

    return replaced(Execution, "records", make)
