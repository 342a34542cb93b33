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
from zoo.training.step.state import TrainState

MAX_VALUES = 2**20  # input values; of large images, fewer examples are evaluated
MIN_EXAMPLES, MAX_EXAMPLES = 19, 1003  # neither is a multiple of a batch size
TOLERANCE = 2e-5  # relative, of the loss
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
        found = evaluate_pipeline(
            one.eval_step,
            parallel.replicate(variables, one.mesh),
            one.constants(pipeline),
            pipeline,
            one.mesh,
            batch_size=size,
        )
        off, problem = compare(found, expected, near)
        worst = max(worst, off)
        problems += [f"{name}, {problem}"] if problem else []
    detail = (
        f"{expected['examples']} examples {', '.join(name for name, *_ in ways)}: the loss differs by {worst:.1e},"
        " accuracy and counts by no example, from an evaluation one by one"
    )
    figures = {"value": worst, "high": TOLERANCE, "n": expected["examples"]}
    return group.check("evaluation", not problems, "; ".join(problems[:2]) or detail, figures)


def expected_metrics(
    specification: Specification, pipeline: InputPipeline, variables: dict[str, Any]
) -> tuple[dict[str, Any], int]:
    """Returns the metrics of a plain evaluation over a pipeline, and how many predictions are nearly ties."""
    batches = [batch for batch in evaluation_batches(pipeline, min(64, len(pipeline.split)))]
    losses, logits, labels = [], [], []
    for batch in batches:
        kept = batch.weight > 0
        predicted = specification.evaluation(variables, batch, pipeline)
        losses.append(predicted.losses[kept])
        logits.append(predicted.logits[kept])
        labels.append(predicted.labels[kept])
    losses, logits, labels = map(np.concatenate, (losses, logits, labels))
    classes = logits.shape[-1]
    predictions, counts = logits.argmax(-1), np.bincount(labels, minlength=classes)
    right = predictions == labels
    recall = [float(right[labels == label].mean()) for label in range(classes) if counts[label]]
    two = np.sort(logits, -1)[:, -2:]
    near = int((two[:, 1] - two[:, 0] < NEAR_TIE * logits.std()).sum())
    metrics = {
        "loss": float(losses.mean()),
        "top1": float(right.mean()),
        "balanced_accuracy": float(np.mean(recall)),
        "majority": float(counts.max() / len(labels)),
        "examples": len(labels),
    }
    return metrics, near


def compare(found: dict[str, Any], expected: dict[str, Any], near: int) -> tuple[float, str | None]:
    """Returns the relative difference of the loss, and a sentence if metrics differ by more than rounding explains."""
    off = abs(found["loss"] / expected["loss"] - 1)
    if found["examples"] != expected["examples"]:
        return off, f"{found['examples']} examples were counted, there are {expected['examples']}"
    if not off < TOLERANCE:
        return off, f"the loss is {found['loss']:.6g}, expected {expected['loss']:.6g}"
    if not abs(found["top1"] - expected["top1"]) * expected["examples"] <= near + 0.5:
        return off, f"the accuracy is {found['top1']:.4f}, expected {expected['top1']:.4f}"
    if not near:
        for name in ("balanced_accuracy", "majority"):
            if not abs(found[name] - expected[name]) <= 1e-6:
                return off, f"{name} is {found[name]:.6f}, expected {expected[name]:.6f}"
    return off, None
