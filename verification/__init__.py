"""Checks that networks match their references and that recipes converge: `python -m verification`.

`verification.check(subject, like="alexnet")` compares a network, a recipe or a data set of one's own with a reference.
"""

import sys
import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verification.like import check as check

SEED = 1000  # default seed of the run under test; reference runs in the ledgers have small seeds

__all__ = ["SEED", "check"]


class _Package(types.ModuleType):
    """The type of this module; keeps the function `check` when the module `verification.check` is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name == "check" and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


if not TYPE_CHECKING:  # imported on first use, so that usage errors of programs are reported without importing JAX

    def __getattr__(name: str) -> object:
        if name != "check":
            raise AttributeError(f"module 'verification' has no attribute {name!r}")
        from verification.like import check

        return check
