"""Answers of simpler diagnoses to the same programs: one cause for all, and the rules of two earlier tools.

The rules of UMLAUT (Schoop et al., CHI 2021) and DeepDiagnosis (Wardat et al., ICSE 2022) watch a run for symptoms and
compare them with fixed thresholds; those used here are stated in their published files. Both expect a softmax as the
last layer, which a loss on logits does not need. Dead units are judged before training.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from zoo.doctor.evidence import Values

INPUT_RANGE = 1.0  # both: inputs are expected in [-1, 1]
UMLAUT_RATE, DEEPDIAGNOSIS_RATE = 0.01, 0.1  # largest learning rates
UMLAUT_ACCURACY = 0.95  # of validation, beyond which leakage is suspected
DEAD = 0.7  # fraction of units without a signal


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
}


def answers(evidence: Mapping[str, Values], course: Mapping[str, Any]) -> dict[str, list[str]]:
    """Returns the causes that each tool's rules name, without repetition."""
    known = {**evidence, "course": course}
    return {name: list(dict.fromkeys(rules(known))) for name, rules in BASELINES.items()}
