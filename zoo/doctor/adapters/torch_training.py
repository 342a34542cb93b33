"""Training steps in PyTorch with copies of a user's objects, from snapshots that are never changed."""

import contextlib
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.doctor.adapters.draws import Stream, draws
from zoo.doctor.adapters.torch_parts import Parts, advance, on_host, to_tensor
from zoo.errors import ZooError


@dataclass(frozen=True, eq=False)
class TorchState:
    """A snapshot of training, in the host's memory.

    Attributes:
      step: the number of optimizer steps made.
      tensors: parameters and buffers by name.
      optimizer, scheduler: their state dicts.
      draws: states of the random generators, from which the next step draws.
    """

    step: int
    tensors: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    scheduler: Mapping[str, Any] | None
    draws: Mapping[str, Any]


class Training:
    """Parts that are put into one state after the other.

    Attributes:
      parts: the network and what trains it, which nobody else uses.
      types: of images and labels in the user's loader.
      reached: the state that the parts are in; None if it is no longer that of a snapshot.
    """

    def __init__(self, parts: Parts, types: tuple[Any, Any]) -> None:
        self.parts, self.types = parts, types
        self.reached: TorchState | None = None

    def snapshot(self, step: int) -> TorchState:
        """Returns the present state."""
        parts = self.parts
        scheduler = None if parts.scheduler is None else copy.deepcopy(parts.scheduler.state_dict())
        state = TorchState(step, on_host(parts.tensors()), on_host(parts.optimizer.state_dict()), scheduler, draws())
        self.reached = state
        return state

    def put(self, state: TorchState) -> None:
        """Brings the parts into a state, unless they are in it."""
        import torch

        if state is self.reached:
            return
        self.reached, parts = None, self.parts
        with torch.no_grad():
            for name, tensor in parts.tensors().items():
                tensor.copy_(state.tensors[name])
        # Optimizers keep tensors of a state dict as they are, and change them in place.
        parts.optimizer.load_state_dict(copy.deepcopy(state.optimizer))
        if parts.scheduler is not None:
            parts.scheduler.load_state_dict(copy.deepcopy(state.scheduler))
        self.reached = state

    @contextlib.contextmanager
    def at(self, state: TorchState, *, keeps: bool = False, stream: Stream | None = None) -> Iterator[None]:
        """Puts the parts into a state, with gradients and random numbers as in the user's loop.

        Args:
          state: to start from.
          keeps: whether what follows leaves the state as it is; otherwise it is no longer known.
          stream: the random numbers to draw; None for the state's.
        """
        import torch

        self.put(state)
        self.reached = None
        with Stream(state.draws) if stream is None else stream, torch.enable_grad():
            try:
                yield
                if keeps:
                    self.reached = state
            finally:
                self.parts.forget_gradients()

    def forward(self, images: np.ndarray) -> Any:
        """Returns the outputs for images in the network's layout."""
        import torch

        outputs = self.parts.model(self.tensor(images))
        if not isinstance(outputs, torch.Tensor):
            raise ZooError(f"doctor: the network must return a tensor of outputs, not {type(outputs).__name__}")
        return outputs

    def loss(self, outputs: Any, labels: np.ndarray) -> Any:
        """Returns the loss of outputs, as a tensor."""
        import torch

        kind = self.types[1] if isinstance(self.types[1], torch.dtype) else None
        value = self.parts.loss(outputs, to_tensor(labels, kind, self.device))
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            what = list(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
            raise ZooError(f"doctor: loss_fn must return the loss of a batch as a scalar tensor, not {what}")
        return value

    def backward(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Computes the gradients of a batch in training mode; returns its loss."""
        self.parts.model.train()
        self.parts.optimizer.zero_grad()
        loss = self.loss(self.forward(images), labels)
        # Only those of the program's own parameters: a loss may refer to others.
        loss.backward(inputs=self.parts.trained())
        return float(loss.detach())

    def update(self, factor: float, scheduled: bool) -> None:
        """Makes a step of the optimizer, and of the scheduler.

        Args:
          factor: on the learning rates.
          scheduled: whether the scheduler's turn has come.
        """
        groups = self.parts.optimizer.param_groups
        rates = [group["lr"] for group in groups]
        if factor != 1:
            for group, rate in zip(groups, rates, strict=True):
                group["lr"] = rate * factor
        self.parts.optimizer.step()
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate  # the schedule continues from its own rate
        if scheduled:
            advance(self.parts.scheduler)

    def tensor(self, images: np.ndarray) -> Any:
        """Returns images as the tensor that the network receives: of the loader's type, or float32."""
        import torch

        kind = self.types[0] if isinstance(self.types[0], torch.dtype) else None
        if images.dtype.kind == "f" and (kind is None or not kind.is_floating_point):
            kind = torch.float32  # NumPy's own type is float64
        return to_tensor(images, kind, self.device)

    @property
    def device(self) -> Any:
        """The device of the network's first parameter."""
        parameter = next(self.parts.model.parameters(), None)
        return None if parameter is None else parameter.device
