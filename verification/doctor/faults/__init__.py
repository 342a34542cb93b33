"""Seeded faults of training programs, a file per subject; each module has a tuple `FAULTS`."""

import importlib
import pkgutil

from verification.doctor.case import Fault


def faults() -> list[Fault]:
    """Returns the faults of all modules of this folder."""
    modules = [importlib.import_module(found.name) for found in pkgutil.iter_modules(__path__, f"{__name__}.")]
    return [fault for module in modules for fault in module.FAULTS]
