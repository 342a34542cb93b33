"""Random numbers for code that draws from global generators, such as a user's loader or network, without a trace."""

import random
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def draws() -> dict[str, Any]:
    """Returns the states of the global random generators of Python, NumPy and, if it is in use, PyTorch."""
    states: dict[str, Any] = {"python": random.getstate(), "numpy": np.random.get_state()}
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.random.get_rng_state()
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def set_draws(states: Mapping[str, Any]) -> None:
    """Sets the global random generators to states that `draws` returned."""
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    if "torch" in states:
        sys.modules["torch"].random.set_rng_state(states["torch"])
    if "cuda" in states:
        sys.modules["torch"].cuda.set_rng_state_all(states["cuda"])


class Stream:
    """A sequence of random numbers, which the global generators give while the stream is entered.

    What is drawn continues the sequence each time that the stream is entered, and the user's own sequence goes on as if
    nothing had been drawn.

    Attributes:
      states: of the global generators, as `draws` returns them, where the sequence continues.
    """

    def __init__(self, states: Mapping[str, Any] | None = None, generators: Sequence[Any] = ()) -> None:
        """Starts a sequence at some states, or else at the current ones of the global generators.

        Args:
          states: of the global generators.
          generators: generators of PyTorch that are not global, such as a loader's own; they start where they are.
        """
        self.states = draws() if states is None else states
        self._generators = generators
        self._own = [generator.get_state() for generator in generators]
        self._start = self.states, self._own

    def again(self) -> "Stream":
        """Returns a stream that gives the same sequence from its start."""
        stream = Stream(self._start[0], self._generators)
        stream._own = self._start[1]
        stream._start = self._start
        return stream

    def __enter__(self) -> "Stream":
        self._outside = draws(), [generator.get_state() for generator in self._generators]
        set_draws(self.states)
        self._set(self._own)
        return self

    def __exit__(self, *error: object) -> None:
        self.states, self._own = draws(), [generator.get_state() for generator in self._generators]
        set_draws(self._outside[0])
        self._set(self._outside[1])

    def _set(self, states):
        for generator, state in zip(self._generators, states, strict=True):
            generator.set_state(state)


def seeded(seed: int) -> Mapping[str, Any]:
    """Returns the states of the global generators that follow from a seed."""
    with Stream() as stream:
        random.seed(seed)
        np.random.seed(seed % 2**32)
        if torch := sys.modules.get("torch"):
            torch.manual_seed(seed)
    return stream.states
