"""Reads trained weights of other frameworks into the zoo's networks."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from safetensors import SafetensorError
from safetensors.numpy import load_file

from zoo.errors import ZooError, unknown
from zoo.models.registry import create_model, find_entry, name_of


class Flattened(NamedTuple):
    """A linear layer behind a flattened image: PyTorch lays images out as [C, H, W], the zoo as [H, W, C]."""

    name: str
    channels: int


# The names of layers in PyTorch's state dicts, by the layer's path in the zoo; a layer that is not here has the same.
LAYER_NAMES: dict[tuple[str, str], Mapping[str, str | Flattened]] = {
    ("torch", "alexnet"): {"fc6": Flattened("fc6", 256)},
    ("torchvision", "alexnet_owt"): {
        "conv1": "features.0",
        "conv2": "features.3",
        "conv3": "features.6",
        "conv4": "features.8",
        "conv5": "features.10",
        "fc6": Flattened("classifier.1", 256),
        "fc7": "classifier.4",
        "fc8": "classifier.6",
    },
}
PARAMETER_NAMES = {"kernel": "weight", "bias": "bias"}


def import_weights(
    model: str | nn.Module,
    tensors: str | Path | Mapping[str, Any],
    layout: str = "torchvision",
    *,
    input_shape: tuple[int, int, int] | None = None,
) -> dict[str, Any]:
    """Turns the weights of another framework into variables for a network of the zoo.

    Args:
      model: a name from `zoo.list_models()`, or a network of the zoo.
      tensors: arrays by name, or a `.safetensors` or `.npz` file, or a `.pth` file, for which PyTorch has to be
        installed. Nothing in a file is ever executed.
      layout: whose names and axes they have: "torchvision"; "torch" for networks that torchvision has not.
      input_shape: (height, width, channels); the canonical input if None.

    Returns:
      {"params": ...}, float32.

    Raises:
      ZooError: the layout is not known for this network; a tensor is missing, surplus or misshapen (all are listed); or
        the file cannot be read.
    """
    name = model if isinstance(model, str) else name_of(model)
    model = create_model(model) if isinstance(model, str) else model
    if (layout, name) not in LAYER_NAMES:
        raise unknown(
            f"layout of {name or type(model).__name__}",
            layout,
            [known for known, network in LAYER_NAMES if network == name],
        )
    layer_names = LAYER_NAMES[layout, name]
    tensors = tensors if isinstance(tensors, Mapping) else read_tensors(Path(tensors))
    shape = input_shape or find_entry(name).input_shape
    abstract = jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros((1, *shape)), train=False))

    params, problems, used = {}, [], set()
    for path, wanted in traverse_util.flatten_dict(abstract["params"]).items():
        layer, parameter = "/".join(path[:-1]), path[-1]
        source = layer_names.get(layer, layer.replace("/", "."))
        key = f"{source.name if isinstance(source, Flattened) else source}.{PARAMETER_NAMES[parameter]}"
        used.add(key)
        if key not in tensors:
            problems.append(f"{key} is missing")
            continue
        tensor = np.asarray(tensors[key], np.float32)
        array = _from_torch(tensor, source) if parameter == "kernel" else tensor
        if array.shape != wanted.shape:
            problems.append(
                f"{key} is {list(tensor.shape)}, which makes {list(array.shape)} and not {list(wanted.shape)}"
            )
        params[path] = array
    problems += [f"{key} is surplus" for key in tensors if key not in used]
    if problems:
        raise ZooError(f"these are not the weights of {name} in the layout of {layout}: {'; '.join(problems)}")
    return {"params": traverse_util.unflatten_dict(params)}


def _from_torch(kernel, source):
    if kernel.ndim == 4:
        return kernel.transpose(2, 3, 1, 0)  # OIHW to HWIO
    if kernel.ndim == 2 and isinstance(source, Flattened):
        size = round((kernel.shape[1] / source.channels) ** 0.5)
        if source.channels * size * size == kernel.shape[1]:
            image = kernel.reshape(-1, source.channels, size, size)
            kernel = image.transpose(0, 2, 3, 1).reshape(kernel.shape)
    return kernel.T


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """The arrays in a `.safetensors`, `.npz` or `.pth` file, by name.

    Raises:
      ZooError: the file is missing, damaged, of another kind, or holds objects that would have to be executed.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        if path.suffix in (".pth", ".pt"):
            return _read_torch(path)
    except ZooError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, SafetensorError) as error:
        raise ZooError(f"{path} cannot be read: {str(error).strip().splitlines()[0]}") from None
    raise ZooError(f"{path}: weights are read from .safetensors, .npz and .pth files")


def _read_torch(path):
    try:
        import torch
    except ImportError:
        raise ZooError(f"{path} takes PyTorch to read; .safetensors and .npz do not") from None
    # weights_only refuses everything but tensors and plain containers: a pickle could run any code.
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = state.get("state_dict", state)  # training scripts save more than the weights
        return {name: tensor.float().numpy() for name, tensor in state.items()}
    except (RuntimeError, AttributeError, pickle.UnpicklingError) as error:
        raise ZooError(f"{path} holds no weights, or is damaged: {str(error).strip().splitlines()[0]}") from None
