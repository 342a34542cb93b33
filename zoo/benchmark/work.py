"""Specification of a step to be timed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.layers.lowering import Choice
from zoo.models.registry import find_entry


@dataclass(frozen=True)
class Work:
    """A step of one network on random pixels.

    Attributes:
      model: the network's name in the zoo.
      mode: "train" or "eval".
      batch: images per step, over all devices.
      dtype: of the computation.
      convolution: lowering of the zoo's convolutions, see `zoo.layers.lowering`.
      image_side: pixels in height and width; None for the canonical input.
      options: further arguments of `zoo.create_model`.
      devices: number of devices of this process; on CPUs they share the cores.
      coordinator: HOST:PORT of the coordinator of several processes; None for a single process.
      process, processes: index of this process, and number of processes.
    """

    model: str
    mode: str = "train"
    batch: int = 32
    dtype: str = "float32"
    convolution: Choice = "auto"
    image_side: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    devices: int = 1
    coordinator: str | None = None
    process: int = 0
    processes: int = 1

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape (height, width, channels) of an image."""
        height, width, channels = find_entry(self.model).input_shape
        return (self.image_side or height, self.image_side or width, channels)
