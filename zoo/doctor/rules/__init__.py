"""Rules, which read the values of measurements and name the causes that these point to."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping

from zoo.doctor.evidence import Suspicion, Values


def suspicions(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Yields what the evidence points to, by the `RULES` of all modules of this folder."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        for rule in importlib.import_module(module.name).RULES:
            yield from rule(evidence)
