"""The doctor: says why a network does not converge, with the evidence and the remedy.

Used as `zoo.diagnose(recipe)`, or with a program of another framework, as in

    diagnosis = zoo.diagnose(zoo.doctor.from_torch(model, loss_fn, optimizer, train_loader, eval_loader))
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.doctor.adapters.keras_program import from_keras as from_keras
    from zoo.doctor.adapters.torch_program import from_torch as from_torch
    from zoo.doctor.causes import CAUSES as CAUSES
    from zoo.doctor.diagnosing import diagnose as diagnose
    from zoo.doctor.diagnosis import Diagnosis as Diagnosis
    from zoo.doctor.program import Program as Program

_HOME = {
    "CAUSES": "zoo.doctor.causes",
    "Diagnosis": "zoo.doctor.diagnosis",
    "Program": "zoo.doctor.program",
    "diagnose": "zoo.doctor.diagnosing",
    "from_keras": "zoo.doctor.adapters.keras_program",
    "from_torch": "zoo.doctor.adapters.torch_program",
}

__all__ = list(_HOME)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module 'zoo.doctor' has no attribute {name!r}")
        return getattr(importlib.import_module(_HOME[name]), name)
