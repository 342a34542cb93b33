"""A piece of a job, and what its functions are given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Settings:
    """How pieces are done.

    Attributes:
      rehearse: with few steps and small networks, for a CPU: only to see that all goes through.
      data: where data sets are, by name, such as {"cifar10": "folder:cifar10"}.
      known: what was recorded already, lines as `runner` writes them.
    """

    rehearse: bool = False
    data: Mapping[str, str] = field(default_factory=dict)
    known: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Job:
    """Pieces of one kind.

    Attributes:
      name: also of the file of its results.
      module: by its dotted name; its function `measure(unit, settings)` gives the result of a piece, as JSON takes it.
      units: the names of the pieces, most valuable first.
      seconds: that a piece takes on an H100, as far as is known; a piece that does not fit into what is left is not begun.
      processes: at once.
      environment: of these processes.
    """

    name: str
    module: str
    units: tuple[str, ...]
    seconds: float
    processes: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
