"""Mistakes that can be made on purpose, which verification must find: a module for each subject.

    python -m verification --recipe=alexnet --fault=no_lrn
    python -m verification --recipe=lenet5 --fault=kernel_gradient_scaled:0.9
    python -m verification.faults

They are in the places where developers, compilers and users make them: in layers and their gradients, in the compiled
steps, in what a run is prepared with, in the loop and in the data. None changes the code of verification.
"""

from contextlib import AbstractContextManager

from verification.faults import (
    adam,
    augmentation,
    averaging,
    backward,
    data,
    devices,
    evaluation,
    frozen,
    gradients,
    initialization,
    interim,
    loader,
    loss,
    lowering,
    metrics,
    momentum,
    network,
    normalization,
    optimizer,
    precision,
    randomness,
    resuming,
    schedule,
    splits,
    statistics,
    stopping,
    windows,
)
from verification.faults.fault import Fault, parse

_MODULES = (
    network, windows, gradients, backward, frozen, lowering, optimizer, momentum, adam, schedule, loss, precision,
    statistics, evaluation, interim, metrics, data, splits, loader, augmentation, randomness, normalization,
    initialization, averaging, resuming, stopping, devices,
)  # fmt: skip

FAULTS: dict[str, Fault] = {
    name: found for module in _MODULES for name, found in vars(module).items() if isinstance(found, Fault)
}


def inject(text: str) -> AbstractContextManager:
    """Returns a context manager that makes the mistake "NAME" or "NAME:STRENGTH".

    Raises:
      ZooError: there is no such fault or strength.
    """
    found, strength = parse(text, FAULTS)
    return found.inject(strength)
