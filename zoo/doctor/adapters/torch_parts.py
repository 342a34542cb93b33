"""What trains in PyTorch - network, loss, optimizer and scheduler - and what a variant replaces in it."""

import contextlib
import copy
import functools
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.doctor.adapters.delivery import explained
from zoo.errors import ZooError, reason

Loss = Callable[[Any, Any], Any]
# Modules that may stand after the last layer, by the names of their classes.
ACTIVATIONS = (
    "Softmax", "Softmax2d", "Softmin", "LogSoftmax", "Sigmoid", "LogSigmoid", "Hardsigmoid", "Tanh", "Hardtanh",
    "ReLU", "ReLU6", "LeakyReLU", "PReLU", "ELU", "GELU", "SELU", "SiLU", "Softplus",
)  # fmt: skip
SMALLEST = 1e-30  # probability whose logarithm is taken instead of that of 0


@dataclass
class Parts:
    """Objects of PyTorch that train together.

    Attributes:
      model: the network.
      loss: a function of outputs and labels, or a module.
      optimizer: of the parameters of both.
      scheduler: of the optimizer; None for none.
    """

    model: Any
    loss: Loss
    optimizer: Any
    scheduler: Any = None

    def copied(self) -> "Parts":
        """Returns copies that belong to each other; raises `ZooError` if that is not possible."""
        # Tensors with a history, such as activations that a network keeps, cannot be copied; without it, they can.
        kept = (
            value for module in self.modules().values() for each in module.modules() for value in vars(each).values()
        )
        memo = {id(value): value.detach().clone() for value in kept if getattr(value, "grad_fn", None) is not None}
        try:
            return Parts(*copy.deepcopy((self.model, self.loss, self.optimizer, self.scheduler), memo))
        except Exception as error:
            raise ZooError(
                f"doctor: the network cannot be copied, so that yours stays as it is: {reason(error)}"
            ) from error

    def modules(self) -> dict[str, Any]:
        """Returns the network, and the loss if it is a module, by a prefix for the names of their parameters."""
        return {"": self.model} | ({"loss.": self.loss} if hasattr(self.loss, "named_parameters") else {})

    def tensors(self) -> dict[str, Any]:
        """Returns all parameters and buffers by name, also those that a state dict leaves out."""
        tensors = {}
        for prefix, module in self.modules().items():
            for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
                tensors[prefix + name] = tensor
        return tensors

    def trained(self) -> list[Any]:
        """Returns the parameters that can have a gradient: those of the network and those of the optimizer."""
        groups = [group["params"] for group in self.optimizer.param_groups]
        parameters = [*self.model.parameters(), *(each for group in groups for each in group)]
        return list({id(each): each for each in parameters if each.requires_grad}.values())

    def forget_gradients(self) -> None:
        """Removes all gradients."""
        for parameter in [*self.model.parameters(), *self.trained()]:
            parameter.grad = None


@dataclass
class Tap:
    """Lets a network return what one of its modules received, or returned, last.

    Attributes:
      received: whether it is the module's input.
      value: during a forward pass, the tensor.
    """

    received: bool
    value: Any = None

    def note(self, module: Any, inputs: Any, output: Any) -> None:
        """Keeps the tensor; a forward hook of the module."""
        self.value = inputs[0] if self.received else output

    def replace(self, module: Any, inputs: Any, output: Any) -> Any:
        """Returns the tensor in place of the output; a forward hook of the network."""
        value, self.value = self.value, None
        return value


def with_cross_entropy(parts: Parts, images: Any) -> None:
    """Replaces the loss by the mean softmax cross-entropy, and removes an activation after the last layer.

    Where no layer gives the values before the activation, logits are computed from its probabilities.

    Args:
      parts: to change.
      images: some examples, as the network receives them.
    """
    import torch

    calls: list[tuple[Any, Any]] = []

    def note(name, module, inputs, output):
        calls.append((module, output))

    with hooked(parts.model, note), torch.no_grad(), explained("the network cannot be evaluated"):
        outputs = parts.model.train()(images)
    parts.loss = cross_entropy
    if not calls or not isinstance(outputs, torch.Tensor):
        return
    module, last = calls[-1]
    if type(module).__name__ in ACTIVATIONS and _same(last, outputs):
        _tap(parts.model, module, received=True)
    elif not _same(last, outputs) and any(_same(function(last), outputs) for function in _functions(last)):
        _tap(parts.model, module, received=False)
    elif (outputs.min() >= 0) and outputs.ndim > 1 and outputs.shape[1] > 1 and _sums_to_one(outputs):
        parts.loss = cross_entropy_of_probabilities
    elif outputs.min() > 0 and outputs.max() < 1:
        parts.loss = cross_entropy_of_sigmoids


def _tap(model, module, received):
    if getattr(module, "inplace", False):
        module.inplace = False  # it would overwrite what it receives
    tap = Tap(received)
    module.register_forward_hook(tap.note)
    model.register_forward_hook(tap.replace)


def _functions(values):
    import torch

    if not isinstance(values, torch.Tensor) or values.ndim < 2:
        return []
    return [
        lambda x: torch.softmax(x, 1), lambda x: torch.log_softmax(x, 1), torch.sigmoid, torch.relu, torch.tanh,
        torch.nn.functional.logsigmoid, torch.nn.functional.softplus, torch.nn.functional.leaky_relu,
        torch.nn.functional.elu, torch.nn.functional.gelu, torch.nn.functional.silu,
    ]  # fmt: skip


def _same(one, other):
    import torch

    if not isinstance(one, torch.Tensor) or one.shape != other.shape or one.dtype != other.dtype:
        return False
    return torch.allclose(one, other, equal_nan=True)


def _sums_to_one(outputs):
    return bool(((outputs.sum(1) - 1).abs() < 1e-4).all())


def cross_entropy(outputs: Any, labels: Any) -> Any:
    """Returns the mean softmax cross-entropy of logits [n, K], or [n, 1] of class 1, and classes or one-hot rows."""
    import torch
    from torch.nn import functional

    outputs = outputs.reshape(len(outputs), -1)
    if outputs.shape[1] == 1:
        outputs = torch.cat([torch.zeros_like(outputs), outputs], 1)
    if labels.ndim == 2 and labels.shape[1] == outputs.shape[1]:
        return functional.cross_entropy(outputs, labels.to(outputs.dtype))
    return functional.cross_entropy(outputs, labels.reshape(len(outputs)).long())


def cross_entropy_of_probabilities(outputs: Any, labels: Any) -> Any:
    """Returns `cross_entropy` of the logarithms of probabilities, which are logits."""
    return cross_entropy(outputs.clamp(min=SMALLEST).log(), labels)


def cross_entropy_of_sigmoids(outputs: Any, labels: Any) -> Any:
    """Returns `cross_entropy` of the logits that sigmoids had."""
    return cross_entropy(outputs.logit(1e-7), labels)


def without_regularization(parts: Parts) -> None:
    """Removes weight decay, dropout and label smoothing."""
    for group in parts.optimizer.param_groups:
        if "weight_decay" in group:
            group["weight_decay"] = 0.0
    for module in parts.model.modules():
        if "Dropout" in type(module).__name__ and hasattr(module, "p"):
            module.p = 0.0
    if getattr(parts.loss, "label_smoothing", 0):
        parts.loss.label_smoothing = 0.0  # type: ignore[attr-defined]


def with_he_initialization(parts: Parts) -> None:
    """Draws kernels by He et al. 2015, sets biases to zero, and normalization layers to the identity."""
    import torch

    generator = torch.Generator().manual_seed(0)
    kernels = (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d, torch.nn.ConvTranspose2d)
    with torch.no_grad():
        for module in parts.model.modules():
            weight, bias = (getattr(module, name, None) for name in ("weight", "bias"))
            if isinstance(module, kernels):
                drawn = torch.empty(module.weight.shape)
                torch.nn.init.kaiming_normal_(drawn, nonlinearity="relu", generator=generator)
                module.weight.copy_(drawn)
            elif "Norm" in type(module).__name__ and isinstance(weight, torch.Tensor) and weight.ndim == 1:
                weight.fill_(1.0)
                getattr(module, "reset_running_stats", lambda: None)()
            else:
                continue
            if isinstance(bias, torch.Tensor):
                bias.zero_()
    parts.optimizer.state.clear()


def with_adam(parts: Parts) -> None:
    """Replaces the optimizer by Adam with its default settings, at a constant rate of 0.001."""
    import torch

    parts.optimizer = torch.optim.Adam([each for each in parts.model.parameters() if each.requires_grad], lr=1e-3)
    parts.scheduler = None


@contextlib.contextmanager
def hooked(model: Any, note: Callable[[str, Any, Any, Any], None], before: bool = False) -> Iterator[None]:
    """Calls a function with the name, module, inputs and output of each layer, a module without others, when it is run.

    Args:
      model: the network.
      note: the function; it returns nothing.
      before: whether to call it before the layer, with None for its output.
    """
    handles = []
    for name, module in model.named_modules():
        if next(module.children(), None) is not None:
            continue
        hook = functools.partial(_noted, note, name or type(module).__name__.lower())
        handles.append(module.register_forward_pre_hook(hook) if before else module.register_forward_hook(hook))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _noted(note, name, module, inputs, output=None):
    note(name, module, inputs, output)


def advance(scheduler: Any) -> None:
    """Makes a step of a scheduler, unless its run is over or it follows a measured loss."""
    over = getattr(scheduler, "total_steps", None)  # of OneCycleLR, which raises an error at the end
    if not hasattr(scheduler, "last_epoch") or type(scheduler).__name__ == "ReduceLROnPlateau":
        return
    if isinstance(over, int) and scheduler.last_epoch >= over:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the optimizer, of which this is a copy, has made no step
        scheduler.step()


def on_host(value: Any) -> Any:
    """Returns a copy of nested states whose tensors are in the host's memory."""
    import torch

    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {key: on_host(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(on_host, value))
    return copy.deepcopy(value)


def to_tensor(array: np.ndarray, dtype: Any = None, device: Any = None) -> Any:
    """Returns an array as a tensor of its own."""
    import torch

    return torch.tensor(np.ascontiguousarray(array)).to(device=device, dtype=dtype)
