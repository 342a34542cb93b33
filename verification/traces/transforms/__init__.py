"""Checks of single transforms, on pictures whose result reveals the parameters that were sampled."""

from verification.traces.transforms import color, erasing, geometry, policies, resizing  # noqa: F401 - register their checks
from verification.traces.transforms.mixing import mixes
from verification.traces.transforms.probe import ALPHA, behaves

__all__ = ["ALPHA", "behaves", "mixes"]
