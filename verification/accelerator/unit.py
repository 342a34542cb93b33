"""Jobs, and the settings of their pieces."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Settings:
    """Settings of pieces.

    Attributes:
      rehearse: run few steps of small networks, on a CPU, to test the program itself.
      data: locations of data sets by name, such as {"cifar10": "folder:cifar10"}.
      known: earlier results, lines as `runner` writes them.
    """

    rehearse: bool = False
    data: Mapping[str, str] = field(default_factory=dict)
    known: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Job:
    """A job, consisting of pieces of one kind.

    Attributes:
      name: name of the job and of its results file.
      module: dotted name of the module whose `measure(unit, settings)` returns the JSON-compatible result of a piece.
      units: names of the pieces, most valuable first.
      seconds: estimated time of a piece on an H100; pieces that do not fit into the remaining time are not started.
      processes: number of parallel processes.
      environment: additional environment variables of these processes.
    """

    name: str
    module: str
    units: tuple[str, ...]
    seconds: float
    processes: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
