"""Each transform of a recipe by itself, on a picture from whose result one can read what was done to it."""

from verification.transforms import color, erasing, geometry, policies  # noqa: F401 - they register what they check
from verification.transforms.mixing import mixes
from verification.transforms.probe import ALPHA, behaves

__all__ = ["ALPHA", "behaves", "mixes"]
