"""The confidence in a suspicion, as a function of the score of its rule, learned from faults and healthy runs."""

import functools
import json
import math
from collections.abc import Mapping
from pathlib import Path

from zoo.doctor.evidence import Suspicion

LEARNED = Path(__file__).parent / "likelihood.json"  # written by `python -m verification.doctor --learn`
LARGEST = 30.0  # of a logarithm of odds, for the exponential


@functools.cache
def learned() -> Mapping[str, tuple[float, float]]:
    """Returns intercept and slope of the logarithm of the odds by rule; empty before anything was learned."""
    if not LEARNED.exists():
        return {}
    rules = json.loads(LEARNED.read_text(encoding="utf-8"))["rules"]
    return {name: (values["intercept"], values["slope"]) for name, values in rules.items()}


def confidence(suspicion: Suspicion) -> float:
    """Returns the estimated probability that the suspicion names what has to be changed.

    Without learned values, a score is taken as the logarithm of the odds.
    """
    if suspicion.exact:
        return 1.0
    intercept, slope = learned().get(suspicion.rule, (0.0, 1.0))
    odds = min(max(intercept + slope * suspicion.score, -LARGEST), LARGEST)
    return 1 / (1 + math.exp(-odds))
