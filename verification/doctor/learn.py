"""Learning of the confidence in a suspicion from the score of its rule: logistic regression on labelled diagnoses."""

import datetime
import json
from collections import defaultdict
from typing import Any

import numpy as np
from scipy import optimize

from zoo.doctor.likelihood import LEARNED

# Before any example, a score is about the logarithm of the odds: slope and intercept have Gaussian priors with these
# means and standard deviations, so that a rule with few examples stays near them.
PRIOR_SLOPE, SLOPE_DEVIATION = 1.0, 0.25
PRIOR_INTERCEPT, INTERCEPT_DEVIATION = -0.5, 1.0


def learn(results: list[dict[str, Any]]) -> str:
    """Fits every rule on the cases to learn from, writes the values, and returns a table of them."""
    examples = defaultdict(list)
    for result in results:
        if not result.get("learned") or "error" in result:
            continue
        for each in result["suspicions"]:
            if not each["exact"]:
                examples[each["rule"]].append((each["score"], each["cause"] in result["causes"]))
    rules, lines = {}, []
    for rule, found in sorted(examples.items()):
        scores, right = np.array(found, float).T
        intercept, slope = fit(np.clip(scores, -10, 10), right)
        rules[rule] = {
            "intercept": round(intercept, 4),
            "slope": round(slope, 4),
            "right": int(right.sum()),
            "wrong": int(len(right) - right.sum()),
        }
        lines.append(f"{rule}: {intercept:+.2f} {slope:+.2f} x score, from {right.sum():.0f} right and"
                     f" {len(right) - right.sum():.0f} wrong")  # fmt: skip
    content = {"command": "python -m verification.doctor --learn", "date": str(datetime.date.today()), "rules": rules}
    LEARNED.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return "\n".join(lines)


def fit(scores: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Returns intercept and slope, at least 0, of the logarithm of the odds that a suspicion is right.

    Args:
      scores: float [n].
      right: 1 or 0 [n].
    """

    def loss(values):
        intercept, slope = values
        logits = intercept + slope * scores
        fitted = np.logaddexp(0, logits) - right * logits
        off = ((slope - PRIOR_SLOPE) / SLOPE_DEVIATION, (intercept - PRIOR_INTERCEPT) / INTERCEPT_DEVIATION)
        return fitted.sum() + (off[0] ** 2 + off[1] ** 2) / 2

    found = optimize.minimize(loss, (PRIOR_INTERCEPT, PRIOR_SLOPE), bounds=[(-15, 15), (0, 10)])
    return float(found.x[0]), float(found.x[1])
