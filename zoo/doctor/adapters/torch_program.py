"""A program made from what users of PyTorch have: a network, a loss, an optimizer and loaders."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from zoo.doctor.adapters.delivery import Delivery, Reached, check_changes, explained, in_parts
from zoo.doctor.adapters.draws import Stream, seeded
from zoo.doctor.adapters.loader import Loader, check_loader, first_axis, last_axis, length
from zoo.doctor.adapters.torch_parts import (
    Loss,
    Parts,
    advance,
    hooked,
    to_tensor,
    with_adam,
    with_cross_entropy,
    with_he_initialization,
    without_regularization,
)
from zoo.doctor.adapters.torch_training import TorchState, Training
from zoo.errors import ZooError, shown

CHANNELS = (1, 3, 4)  # numbers of channels that images have
PER_STEP = ("OneCycleLR", "CyclicLR")  # schedulers that are stepped after each batch; others after each epoch
FAILED = "a training step cannot be made"
UNUSABLE = "the network cannot be evaluated"


def from_torch(
    model: Any,
    loss_fn: Loss,
    optimizer: Any,
    train_loader: Iterable[Any],
    eval_loader: Iterable[Any],
    *,
    name: str | None = None,
    classes: int | None = None,
    scheduler: Any = None,
    total_steps: int | None = None,
) -> "TorchProgram":
    """Makes a program of the usual training loop in PyTorch, for `zoo.diagnose`.

    A step is `model.train()`, `optimizer.zero_grad()`, `loss_fn(model(images), labels).backward()` and
    `optimizer.step()`; a prediction is made after `model.eval()`. All of it happens with copies: the arguments stay as
    they are, and so do the global random generators. Only a generator that a data set keeps to itself is not restored.

    Args:
      model: the network, as initialized: its parameters are part of what is diagnosed.
      loss_fn: a function or module (outputs, labels) -> scalar. It must not use the network itself.
      optimizer: of the network's parameters.
      train_loader: a DataLoader, or another iterable of batches (images, labels) that can be iterated over again.
      eval_loader: likewise, of the evaluation examples.
      name: of the program, for messages; the name of the network's class by default.
      classes: the number of classes, if it is known.
      scheduler: of the optimizer's learning rate. It is stepped once per epoch; `OneCycleLR` and `CyclicLR` are stepped
        once per step, and `ReduceLROnPlateau` never.
      total_steps: optimizer steps of the whole run, if it is known.

    Raises:
      ZooError: a loader can be iterated over only once, or gives something else; or the network cannot be copied.
    """
    import torch

    loaders = []
    for source, argument in ((train_loader, "train_loader"), (eval_loader, "eval_loader")):
        check_loader(source, argument, "a DataLoader, or a list of batches")
        loaders.append(Loader(source, argument, Stream(generators=_generators(source, torch))))
    if not isinstance(model, torch.nn.Module):
        raise ZooError(f"doctor: model must be a torch.nn.Module, not {shown(model)}")
    if not hasattr(optimizer, "param_groups"):
        raise ZooError(f"doctor: optimizer must be a torch.optim.Optimizer, not {shown(optimizer)}")
    (images, labels), _ = (each.first() for each in loaders)
    first = _channels_first(images)
    train, evaluation = (Loader(each.source, each.name, each.stream, first) for each in loaders)
    types = getattr(images, "dtype", None), getattr(labels, "dtype", None)
    over = getattr(scheduler, "total_steps", None)
    return TorchProgram(
        type(model).__name__ if name is None else name,
        classes,
        (over if isinstance(over, int) else None) if total_steps is None else total_steps,
        Training(Parts(model, loss_fn, optimizer, scheduler).copied(), types),
        Delivery(train, evaluation, len(images), length(train_loader)),
    )


class TorchProgram:
    """A training loop in PyTorch, see `zoo.doctor.program.Program`.

    Images and activations are [n, H, W, C] here, and [n, C, H, W] in the network, if its loader delivers them so.
    Parameters and gradients have PyTorch's own names and shapes.
    """

    def __init__(
        self,
        name: str,
        classes: int | None,
        total_steps: int | None,
        training: Training,
        delivery: Delivery,
        factor: float = 1.0,
    ) -> None:
        """Takes parts that belong to the program alone.

        Args:
          name, classes, total_steps: see `from_torch`.
          training: at its start.
          delivery: of the batches.
          factor: on the learning rate.
        """
        self.name, self.classes, self.total_steps = name, classes, total_steps
        self._training, self._delivery, self._factor = training, delivery, factor
        self._start = training.snapshot(0)
        self._evaluation_stream = Stream()  # predictions are random if the user's evaluation is
        self._clock: tuple[Parts, list[float]] | None = None

    # The protocol.

    def init(self, seed: int) -> TorchState:
        """Returns the state that the user passed, whatever the seed, which only dropout and the like depend on."""
        start = self._start
        return TorchState(0, start.tensors, start.optimizer, start.scheduler, seeded(seed))

    def step(self, state: TorchState, images: np.ndarray, labels: np.ndarray) -> tuple[TorchState, float]:
        training, number = self._training, state.step + 1
        with training.at(state), explained(FAILED):
            loss = training.backward(self._given(images), labels)
            training.update(self._factor, self._every is not None and number % self._every == 0)
            new = training.snapshot(number)
        return new, loss

    def predict(self, state: TorchState, images: np.ndarray) -> np.ndarray:
        import torch

        training = self._training
        with training.at(state, keeps=True, stream=self._evaluation_stream), torch.no_grad(), explained(UNUSABLE):
            training.parts.model.eval()
            return _array(training.forward(self._given(images)))

    def train_batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return iter(self._delivery.batches)

    def eval_batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return iter(self._delivery.evaluation)

    # Capabilities.

    def parameters(self, state: TorchState) -> Mapping[str, np.ndarray]:
        return {name: _array(state.tensors[name]) for name, _ in self._training.parts.model.named_parameters()}

    def gradients(self, state: TorchState, images: np.ndarray, labels: np.ndarray) -> Mapping[str, np.ndarray]:
        with self._training.at(state), explained(FAILED):
            self._training.backward(self._given(images), labels)
            return {
                name: np.zeros(each.shape, np.float32) if each.grad is None else _array(each.grad)
                for name, each in self._training.parts.model.named_parameters()
            }

    def activations(self, state: TorchState, images: np.ndarray) -> Mapping[str, np.ndarray]:
        import torch

        training = self._training
        found: dict[str, np.ndarray] = {}
        calls: dict[str, int] = {}

        def note(name, module, inputs, output):
            if isinstance(output, torch.Tensor):
                calls[name] = calls.get(name, 0) + 1
                found[name if calls[name] == 1 else f"{name}:{calls[name]}"] = self._delivered(_array(output))

        with training.at(state), torch.no_grad(), explained(FAILED), hooked(training.parts.model, note):
            training.parts.model.train()
            training.forward(self._given(images))
        return found

    def inputs(self, images: np.ndarray, *, train: bool, seed: int) -> np.ndarray:
        """Returns what the first layer with parameters receives: the images after any preprocessing in the network."""
        import torch

        training, received = self._training, []

        def note(name, module, inputs, output):
            if next(module.parameters(), None) is not None:
                received.append(inputs[0] if inputs else None)
                raise Reached

        def apply(some):
            given = self._given(some)
            received.clear()
            with contextlib.suppress(Reached), hooked(training.parts.model, note, before=True):
                training.forward(given)
            values = received[0] if received else None
            if not isinstance(values, torch.Tensor) or len(values) != len(some):
                return self._delivered(given)
            # A network of dense layers flattens images first.
            values = _array(values).reshape(given.shape if values.numel() == given.size else values.shape)
            return self._delivered(values if values.ndim == given.ndim else given)

        with training.at(self.init(seed)), torch.no_grad(), explained(UNUSABLE):
            training.parts.model.train(train)
            return in_parts(np.asarray(images), apply)

    def loss(self, outputs: np.ndarray, labels: np.ndarray) -> float:
        training = self._training
        with Stream(), explained("the loss cannot be computed"):
            return float(training.loss(to_tensor(np.asarray(outputs, np.float32), None, training.device), labels))

    def learning_rate(self, step: int) -> float:
        """Returns the rate of the optimizer's first group of parameters."""
        if self._clock is None:
            self._training.put(self._start)
            parts = self._training.parts.copied()
            self._clock = parts, [float(parts.optimizer.param_groups[0]["lr"])]
        parts, rates = self._clock
        count = step // self._every if self._every else 0
        while len(rates) <= count:
            advance(parts.scheduler)
            rates.append(float(parts.optimizer.param_groups[0]["lr"]))
        return rates[count] * self._factor

    def variant(self, **changes: Any) -> "TorchProgram":
        check_changes(changes)
        delivery, total = self._delivery.changed(changes), self.total_steps
        if "batch_size" in changes and total is not None:
            total = max(total * self._delivery.batch // delivery.batch, 1)
        training = Training(self._training.parts.copied(), self._training.types)
        parts, factor = training.parts, self._factor
        with Stream():
            training.put(self._start)
            if "loss" in changes:
                images = next(iter(delivery.train.again()))[0]
                with_cross_entropy(parts, training.tensor(self._arranged(delivery.scaled(images))))
                training.reached = None  # running statistics have moved
                training.put(self._start)
            if "initialization" in changes:
                with_he_initialization(parts)
            if "schedule" in changes and parts.scheduler is not None:
                self._hold_peak(parts)
            if "optimizer" in changes:
                with_adam(parts)
                factor = 1.0
            if "regularization" in changes:
                without_regularization(parts)
        return TorchProgram(self.name, self.classes, total, training, delivery, factor * changes.get("rate", 1.0))

    def _hold_peak(self, parts):
        """Replaces a scheduler by the highest rate of the run, or of 1,000 epochs if its length is unknown."""
        total = self.total_steps or 1_000 * (self._every or 1)
        rates = [self.learning_rate(step) for step in range(0, total, max(total // 1_000, 1))]
        for group in parts.optimizer.param_groups:
            group["lr"] = group["lr"] * max(rates) / rates[0] if rates[0] else max(rates) / self._factor
        parts.scheduler = None

    # Layouts.

    def _given(self, images):
        """Returns images as the network is given them."""
        return self._arranged(self._delivery.scaled(images))

    def _arranged(self, images):
        return first_axis(images) if self._delivery.train.channels_first else images

    def _delivered(self, values):
        return last_axis(values) if self._delivery.train.channels_first else values

    @property
    def _every(self):
        """The number of optimizer steps for each of the scheduler's; None if it makes none."""
        scheduler = self._training.parts.scheduler
        if scheduler is None:
            return None
        return 1 if type(scheduler).__name__ in PER_STEP else self._delivery.per_epoch


def _generators(loader, torch):
    """Returns generators that a DataLoader draws from instead of the global one."""
    owners = (
        loader,
        getattr(loader, "sampler", None),
        getattr(getattr(loader, "batch_sampler", None), "sampler", None),
    )
    found = [getattr(owner, "generator", None) for owner in owners]
    return list({id(each): each for each in found if isinstance(each, torch.Generator)}.values())


def _channels_first(images):
    shape = np.shape(images)
    return len(shape) == 4 and not (shape[-1] in CHANNELS and shape[1] not in CHANNELS)


def _array(tensor):
    import torch

    return tensor.detach().to("cpu", torch.float32).numpy().copy()
