"""Answers of earlier tools' rules to the same programs, as far as the doctor's measurements allow them.

The rules of UMLAUT (Schoop et al., CHI 2021), DeepDiagnosis (Wardat et al., ICSE 2022), AUTOTRAINER (Zhang et al.,
ICSE 2021) and TheDeepChecker (Ben Braiek and Khomh 2022) watch a run for symptoms, and compare them with thresholds;
those used here are stated in their published files. For each symptom, the cause is the one that the tool repairs or
names first. UMLAUT and DeepDiagnosis expect a softmax as the last layer, which a loss on logits does not need. The same
rule of AUTOTRAINER is left out, since it would answer for all others, and so are its rules about the accuracies of
epochs, since these runs are shorter than one. Dead units and gradients are judged before training.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from zoo.doctor.evidence import Values
from zoo.doctor.program import Program, can

INPUT_RANGE = 1.0  # UMLAUT and DeepDiagnosis: inputs are expected in [-1, 1]
UMLAUT_RATE, DEEPDIAGNOSIS_RATE = 0.01, 0.1  # largest learning rates
UMLAUT_ACCURACY = 0.95  # of validation, beyond which leakage is suspected
DEAD = 0.7  # fraction of units without a signal, or of gradients that are zero
# AUTOTRAINER's default parameters: accuracy that is satisfying, loss that has exploded, ratio of the norms of the first
# kernel's gradient to the last one's, and the norm of the first, inputs that are abnormal.
SATISFYING, EXPLODED, VANISHING, VANISHING_NORM, EXPLODING, ABNORMAL = 0.7, 1e3, 1e-3, 1e-4, 70.0, 10.0
# TheDeepChecker's settings: relative precision of comparisons, of balance and of initial losses, fractions of dead and
# saturated units, logarithms of updates, fall of the loss in a window and its rise above the least, changes of sign.
CLOSE, BALANCE, LOSS_RATIO, CHECKER_DEAD = 0.1, 0.5, 1.0, 0.5
SMALL_UPDATE, LARGE_UPDATE, WINDOW, FALL, RISE, SMOOTH, MODES = -4, -1, 5, 0.05, 2.0, 0.5, 0.5


def gradients(program: Program, seed: int) -> Values:
    """Returns the norms of the kernels' gradients of the first batch, and the fraction of zeros."""
    if not can(program, "gradients"):
        return {}
    images, labels = next(iter(program.train_batches()))
    found = program.gradients(program.init(seed), images, labels)  # type: ignore[attr-defined]
    kernels = [np.asarray(value, np.float64) for value in found.values() if np.ndim(value) > 1]
    zeros = np.concatenate([np.ravel(value == 0) for value in kernels])
    return {"norms": [float(np.linalg.norm(value)) for value in kernels], "zeros": float(zeros.mean())}


def umlaut(evidence: Mapping[str, Values]) -> Iterator[str]:
    """Yields the causes that UMLAUT's rules would name, in the order of its checks."""
    yield from _inputs(evidence)
    yield from _softmax(evidence)
    if evidence.get("schedule", {}).get("peak", 0.0) > UMLAUT_RATE:
        yield "learning_rate_high"
    if not evidence.get("one batch", {"finite": True})["finite"]:
        yield "learning_rate_high"
    if evidence.get("course", {}).get("eval_accuracy", 0.0) > UMLAUT_ACCURACY:
        yield "leakage"


def deepdiagnosis(evidence: Mapping[str, Values]) -> Iterator[str]:
    """Yields the causes that DeepDiagnosis's rules would name, in the order of its decision tree."""
    yield from _inputs(evidence)
    if not evidence.get("one batch", {"finite": True})["finite"]:
        yield "learning_rate_high"
    if evidence.get("activations", {}).get("dead", 0.0) > DEAD:
        yield "hidden_activation"
    if evidence.get("one batch", {}).get("still"):
        yield "initialization_scale"
    yield from _softmax(evidence)
    if evidence.get("schedule", {}).get("peak", 0.0) > DEEPDIAGNOSIS_RATE:
        yield "learning_rate_high"


def autotrainer(evidence: Mapping[str, Values]) -> Iterator[str]:
    """Yields the causes that AUTOTRAINER's first repairs would change, in the order in which it judges problems."""
    inputs, course = evidence.get("inputs", {}), evidence.get("course", {})
    if max(abs(inputs.get("train_min", 0.0)), abs(inputs.get("train_max", 0.0))) >= ABNORMAL:
        yield "inputs_unscaled"
    losses = course.get("losses") or [0.0]
    if not course.get("finite", True) or not np.isfinite(losses).all() or max(losses) >= EXPLODED:
        yield "learning_rate_high"
    if max(course.get("eval_accuracy", 1.0), course.get("train_accuracy", 1.0)) >= SATISFYING:
        return
    norms = evidence.get("gradients", {}).get("norms", ())
    ratio = norms[0] / max(norms[-1], 1e-30) if norms else 1.0
    if evidence.get("gradients", {}).get("zeros", 0.0) >= DEAD:
        yield "hidden_activation"
    elif ratio > EXPLODING:
        yield "initialization_scale"
    elif ratio < VANISHING and norms[0] < VANISHING_NORM:
        yield "hidden_activation"
    else:
        yield "learning_rate_low"  # slow convergence, after another optimizer


def deepchecker(evidence: Mapping[str, Values]) -> Iterator[str]:
    """Yields the causes that TheDeepChecker's warnings name: before training, on one batch, and after training."""
    yield from _checked_before(evidence)
    batch, signal = evidence.get("one batch", {}), evidence.get("activations", {})
    losses = np.array(batch.get("losses") or [math.nan])
    if not np.isfinite(losses).all() or losses[-1] >= RISE * losses.min():
        yield "learning_rate_high"
    elif len(losses) > WINDOW and losses[-1] > (1 - FALL) * losses[-1 - WINDOW]:
        yield "learning_rate_low"
    if len(losses) > 2 and np.mean(np.diff(np.sign(np.diff(losses))) != 0) > SMOOTH:
        yield "learning_rate_high"
    if signal.get("dead", 0.0) > CHECKER_DEAD or signal.get("saturated", 0.0) > CHECKER_DEAD:
        yield "hidden_activation"
    if update := batch.get("relative_move"):
        if math.log10(update) > LARGE_UPDATE:
            yield "learning_rate_high"
        elif math.log10(update) < SMALL_UPDATE:
            yield "learning_rate_low"
    trained = evidence.get("evaluation", {})
    training, evaluation = trained.get("training_loss"), trained.get("evaluation_loss")
    if training and evaluation and abs(evaluation - training) > MODES * training:
        yield "batch_norm_misuse"


def _checked_before(evidence):
    inputs, outputs = evidence.get("inputs", {}), evidence.get("outputs", {})
    low, high, mean, spread = (inputs.get(f"train_{name}", math.nan) for name in ("min", "max", "mean", "std"))
    in_range = high == 1 and low in (0, -1)
    if (
        inputs
        and not in_range
        and not (np.max(np.abs(mean)) < CLOSE and np.all(np.abs(np.subtract(spread, 1)) < CLOSE))
    ):
        yield "inputs_unscaled"
    counts = np.array(evidence.get("labels", {}).get("train_counts") or [1, 1], float)
    shares = counts[counts > 0] / counts.sum()
    if np.exp(-(shares * np.log(shares)).sum()) / len(counts) < BALANCE:
        yield "class_imbalance"
    for kernel in evidence.get("initial weights", {}).get("kernels", ()):
        if kernel["spread"] < 1e-8:
            yield "initialization_symmetric"
            continue
        known = [he * scale for he in kernel["he"] for scale in (1.0, math.sqrt(2))]  # He, LeCun
        known.append(math.hypot(*kernel["he"]))  # Glorot, whose variance is 2 / (fan-in + fan-out)
        if all(abs(each - 1) > CLOSE for each in known):
            yield "initialization_scale"
    uniform = math.log(max(outputs.get("classes", 2), 2))
    if abs(outputs.get("first_loss", uniform) - uniform) > LOSS_RATIO * uniform:
        yield "initialization_scale"


def _inputs(evidence):
    found = evidence.get("inputs", {})
    if max(abs(found.get("train_min", 0.0)), abs(found.get("train_max", 0.0))) > INPUT_RANGE:
        yield "inputs_unscaled"


def _softmax(evidence):
    if not evidence.get("outputs", {"sums_to_one": True})["sums_to_one"]:
        yield "output_activation"


BASELINES: Mapping[str, Callable[[Mapping[str, Values]], Iterator[str]]] = {
    "UMLAUT's rules": umlaut,
    "DeepDiagnosis's rules": deepdiagnosis,
    "AUTOTRAINER's rules": autotrainer,
    "TheDeepChecker's rules": deepchecker,
}


def answers(evidence: Mapping[str, Values], course: Mapping[str, Any]) -> dict[str, list[str]]:
    """Returns the causes that each tool's rules name, without repetition."""
    known = {**evidence, "course": course}
    return {name: list(dict.fromkeys(rules(known))) for name, rules in BASELINES.items()}
