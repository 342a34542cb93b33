"""Each transform of a recipe by itself, on a picture from whose result one can read what was done to it."""

from verification.traces.transforms import color, erasing, geometry, policies  # noqa: F401 - they register what they check
from verification.traces.transforms.mixing import mixes
from verification.traces.transforms.probe import ALPHA, behaves

__all__ = ["ALPHA", "behaves", "mixes"]
