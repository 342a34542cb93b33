"""Comparison of an evaluation with a plain one: example by example, in float64, from the same weights."""

import dataclasses
import math
from typing import Any

import jax
import numpy as np

from verification.check import Check, Group
from verification.devices import keep_programs
from verification.step.probe import small
from verification.step.specification import Specification
from zoo import parallel
from zoo.data.pipeline import InputPipeline, evaluation_batches
from zoo.data.splitting import subset
from zoo.training.evaluation import evaluate_pipeline
from zoo.training.experiment import Experiment
from zoo.training.run.mistakes import Outcomes
from zoo.training.step.objective import OUTCOMES, TOP5_CLASSES, Sums
from zoo.training.step.state import TrainState

MAX_VALUES = 2**20  # input values; of large images, fewer examples are evaluated
MIN_EXAMPLES, MAX_EXAMPLES = 19, 1003  # neither is a multiple of a batch size
TOLERANCE = 2e-5  # relative, of the loss
LOSS_OF_EXAMPLE = 1e-3  # relative, of losses and probabilities of single examples: single logits in float32
NEAR_TIE = 1e-3  # of the logits' standard deviation: predictions that rounding may change


def evaluated_variables(state: TrainState, seed: int) -> dict[str, Any]:
    """Returns variables of a state with running statistics that differ from those of any batch."""
    random = np.random.default_rng(seed)

    def move(path, value):
        factor = random.uniform(0.5, 2.0, value.shape).astype(np.float32)
        shift = 0.3 * random.standard_normal(value.shape, np.float32)
        return factor * value if path[-1].key == "var" else value + shift

    if not state.batch_stats:
        return state.variables
    return {"params": state.params, "batch_stats": jax.tree_util.tree_map_with_path(move, state.batch_stats)}


def some_examples(pipeline: InputPipeline, input_shape: tuple[int, int, int]) -> InputPipeline:
    """Returns an evaluation pipeline over a few examples from the whole split, so many that batches do not fit."""
    count = min(max(MIN_EXAMPLES, MAX_VALUES // math.prod(input_shape)), MAX_EXAMPLES, len(pipeline.split))
    chosen = np.unique(np.linspace(0, len(pipeline.split) - 1, count).astype(int))
    return dataclasses.replace(pipeline, split=subset(pipeline.split, chosen))


def check_evaluation(group: Group, experiment: Experiment, specification: Specification, state: TrainState) -> Check:
    """Checks loss, accuracy and counts of an evaluation over all examples of a split, in batches of several sizes."""
    variables = evaluated_variables(state, 0)
    pipeline = some_examples(experiment.eval_pipeline, experiment.input_shape)
    expected, near = expected_metrics(specification, pipeline, variables)
    full = experiment.recipe.budget.batch_size // experiment.recipe.budget.accumulation
    unit = experiment.mesh.size
    sizes = [full, *({3 * unit, 8 * unit} if small(experiment) else {4 * unit})]
    # Only one program has the run's own convolutions; XLA's are kept in the compilation cache.
    plain = dataclasses.replace(experiment, convolution="xla") if small(experiment) else experiment
    ways = [(f"with batch size {size}", experiment if size == full else plain, size) for size in dict.fromkeys(sizes)]
    devices = jax.local_devices(backend=experiment.mesh.devices.flat[0].platform)
    if small(experiment) and experiment.mesh.size == 1 and len(devices) > 1:
        both = dataclasses.replace(plain, mesh=parallel.make_mesh(devices[:2]))
        ways.append(("on two devices", both, full + full % 2))
    problems, worst = [], 0.0
    for name, one, size in ways:
        keep_programs()
        outcomes: list[Outcomes] = []
        found = evaluate_pipeline(
            one.eval_step,
            parallel.replicate(variables, one.mesh),
            one.constants(pipeline),
            pipeline,
            one.mesh,
            batch_size=size,
            on_outcomes=outcomes.append,
        )
        off, problem = compare(found, expected, near)
        problem = problem or _compare_outcomes(outcomes, expected, near)
        worst = max(worst, off)
        problems += [f"{name}, {problem}"] if problem else []
    problems += _of_whole_split(experiment, full)
    detail = (
        f"{expected['examples']} examples {', '.join(name for name, *_ in ways)}: the loss differs by {worst:.1e},"
        " accuracy and counts by no example, from an evaluation one by one"
    )
    figures = {"value": worst, "high": TOLERANCE, "n": expected["examples"]}
    return group.check("evaluation", not problems, "; ".join(problems[:2]) or detail, figures)


def _compare_outcomes(found, expected, near):
    """Returns a sentence if the predictions for single examples are not the expected ones, in the same order."""
    if len(found) != 1:
        return f"the predictions for single examples are reported {len(found)} times"
    (found,), (places, losses, logits, labels) = found, expected["examples one by one"]
    if not np.array_equal(found.index, places) or not np.array_equal(found.label, labels):
        return "predictions for single examples are not in the order of the examples"
    wrong = int((~(np.abs(found.loss - losses) <= LOSS_OF_EXAMPLE * np.maximum(losses.mean(), losses))).sum())
    if wrong:
        return f"the losses of {wrong} examples are others"
    wrong = int((found.predicted != logits.argmax(-1)).sum())
    if wrong > near["top1"]:
        return f"the predictions for {wrong} examples are others"
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    rows = np.arange(len(labels))
    for name, values in (("probability", shares[rows, found.predicted]), ("of_class", shares[rows, labels])):
        if not np.allclose(getattr(found, name), values, rtol=LOSS_OF_EXAMPLE, atol=1e-6):
            return f"the probabilities of the {'predicted' if name == 'probability' else 'own'} classes are others"
    return None


def _of_whole_split(experiment, batch_size):
    """Returns problems of the examples that an evaluation of the whole split counts, if it need not decode images."""
    pipeline = experiment.eval_pipeline
    if not pipeline.resident:
        return []

    def counted(variables, constants, batch):
        index, weight = np.asarray(batch.index, np.float64), np.asarray(batch.weight, np.float64)
        count = weight.sum(keepdims=True)
        return Sums((weight * index).sum(), np.zeros(1), count, outcomes=np.zeros((len(index), len(OUTCOMES))))

    found = evaluate_pipeline(counted, {}, None, pipeline, experiment.mesh, batch_size=batch_size)
    total = len(pipeline.split)
    if found["examples"] != total:
        return [f"of the whole split, {found['examples']} examples are counted, there are {total}"]
    # The mean of their positions.
    return [] if found["loss"] == (total - 1) / 2 else ["of the whole split, some examples are counted twice"]


def expected_metrics(
    specification: Specification, pipeline: InputPipeline, variables: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, int]]:
    """Returns the metrics of a plain evaluation over a pipeline, and how many examples of "top1" and "top5" are ties.

    Ties are predictions that rounding may change.
    """
    batches = [batch for batch in evaluation_batches(pipeline, min(64, len(pipeline.split)))]
    places, losses, logits, labels = [], [], [], []
    for number, batch in enumerate(batches):
        kept = np.asarray(batch.weight) > 0  # images that cannot be decoded are not
        places.append(number * len(kept) + np.flatnonzero(kept))
        predicted = specification.evaluation(variables, batch, pipeline)
        losses.append(predicted.losses[kept])
        logits.append(predicted.logits[kept])
        labels.append(predicted.labels[kept])
    places, losses, logits, labels = map(np.concatenate, (places, losses, logits, labels))
    order, classes = np.sort(logits, -1), logits.shape[-1]
    near, of_five = {"top1": _nearly_tied(order, 1, logits)}, {}
    if classes >= TOP5_CLASSES:
        of_five["top5"] = float((logits.argsort(-1)[:, -5:] == labels[:, None]).any(-1).mean())
        near["top5"] = _nearly_tied(order, 5, logits)
    confusion = np.zeros((classes, classes), int)
    np.add.at(confusion, (labels, logits.argmax(-1)), 1)
    metrics = {
        "loss": float(losses.mean()),
        "examples": len(labels),
        "confusion": confusion,
        "examples one by one": (places, losses, logits, labels),
    }
    return metrics | of_five | _of_confusion(confusion), near


def _of_confusion(confusion):
    """Returns the metrics that follow from the numbers of examples by class and prediction, [K, K]."""
    counts = confusion.sum(1)
    recall = np.divide(confusion.diagonal(), counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return {
        "top1": confusion.trace() / counts.sum(),
        "recall": recall,
        "balanced_accuracy": np.nanmean(recall),
        "majority": counts.max() / counts.sum(),
    }


def _nearly_tied(order, count, logits):
    """Returns in how many examples the smallest of the `count` largest logits is nearly equal to the next one."""
    return int((order[:, -count] - order[:, -count - 1] < NEAR_TIE * logits.std()).sum())


def compare(found: dict[str, Any], expected: dict[str, Any], near: dict[str, int]) -> tuple[float, str | None]:
    """Returns the relative difference of the loss, and a sentence if metrics differ by more than rounding explains."""
    off = abs(found["loss"] / expected["loss"] - 1)
    if found["examples"] != expected["examples"]:
        return off, f"{found['examples']} examples were counted, there are {expected['examples']}"
    if not off < TOLERANCE:
        return off, f"the loss is {found['loss']:.6g}, expected {expected['loss']:.6g}"
    for name, ties in near.items():
        if not abs(found[name] - expected[name]) * expected["examples"] <= ties + 0.5:
            return off, f"{name} is {found[name]:.4f}, expected {expected[name]:.4f}"
    known, tied = expected, near["top1"] > 0
    if "confusion" in found:
        confusion = np.array(found["confusion"])
        different = np.abs(confusion - expected["confusion"]).sum() / 2
        if different > near["top1"]:
            return off, f"the confusion matrix differs in {different:.0f} examples"
        known, tied = _of_confusion(confusion), False
    if not tied:
        for name in ("balanced_accuracy", "majority", "recall"):
            value = np.array(found.get(name, known[name]), np.float64)
            if not np.allclose(value, known[name], rtol=0, atol=1e-6, equal_nan=True):
                return off, f"{name} is {value.round(6).tolist()}, expected {known[name].round(6).tolist()}"
    return off, None
