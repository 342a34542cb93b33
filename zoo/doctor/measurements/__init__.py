"""Measurements of a program; each knows nothing of causes, and each is in a file of its own."""

import importlib
import pkgutil

from zoo.doctor.evidence import Measurement


def measurements() -> list[Measurement]:
    """Returns the `MEASUREMENT` of all modules of this folder that have one, the quickest first."""
    modules = [importlib.import_module(found.name) for found in pkgutil.iter_modules(__path__, f"{__name__}.")]
    found = [module.MEASUREMENT for module in modules if hasattr(module, "MEASUREMENT")]
    return sorted(found, key=lambda measurement: measurement.seconds)
