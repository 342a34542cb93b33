"""The list of networks with their sizes, read from `networks.json` without importing JAX or tracing a network.

`python -m verification.facts.derive` writes the file from the reference layer tables and from the registry, and
`python -m verification` compares it with every network.
"""

import fnmatch
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("networks.json")


class Listed(NamedTuple):
    """A network in the list.

    Attributes:
      year, paper, input_shape, num_classes: see `zoo.models.registry.Entry`.
      params: number of trainable parameters.
      batch_stats: number of running statistics.
      macs: multiply-adds for one image of the canonical input.
    """

    year: int
    paper: str
    input_shape: tuple[int, int, int]
    num_classes: int
    params: int
    batch_stats: int
    macs: int


@functools.cache
def listing() -> Mapping[str, Listed]:
    """Returns all networks by name, in alphabetical order."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: Listed(**{**row, "input_shape": tuple(row["input_shape"])}) for name, row in content.items()}


def list_networks(pattern: str = "*") -> list[str]:
    """Returns the names of the networks that match a shell-style pattern: `zoo.list_models` without importing JAX."""
    return fnmatch.filter(listing(), pattern)
