"""Checks that networks match their references and that recipes converge: `python -m verification`.

`verification.check(subject, like="alexnet")` compares a network, a recipe or a data set of one's own with a reference.
"""

import importlib
import sys
import types

SEED = 1000  # default seed of the run under test; reference runs in the ledgers have small seeds

__all__ = ["SEED", "check"]


class _Package(types.ModuleType):
    """The type of this module; keeps the function `check` when the module `verification.check` is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name == "check" and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> object:
    """Imports `check` on first use, so that programs report usage errors without importing JAX."""
    if name != "check":
        raise AttributeError(f"module 'verification' has no attribute {name!r}")
    return importlib.import_module("verification.like").check
