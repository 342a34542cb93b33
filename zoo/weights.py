"""Trained weights of other frameworks, into the zoo's networks and out of them."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from safetensors import SafetensorError
from safetensors.numpy import load_file

from zoo.errors import ZooError, unknown
from zoo.models.registry import create_model, find_entry, name_of

# What a framework calls a layer's variables, by the zoo's collection and name; others are called the same.
TORCH_VARIABLES = {
    ("params", "kernel"): "weight",
    ("params", "scale"): "weight",
    ("batch_stats", "mean"): "running_mean",
    ("batch_stats", "var"): "running_var",
}
IGNORED = ("num_batches_tracked",)  # PyTorch's batch normalization counts batches, which nothing here needs


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
      layout: whose names and axes they have: "torchvision"; for networks that it has not, "timm" or, as in
        `zoo/benchmark/torch_networks/`, "torch".
      input_shape: (height, width, channels); the canonical input if None.

    Returns:
      {"params": ..., "batch_stats": ...}, float32; no "batch_stats" where the network has none.

    Raises:
      ZooError: the layout is not known for this network; a tensor is missing, surplus or misshapen (all are listed); or
        the file cannot be read.
    """
    name, model, known = _resolve(model, layout)
    tensors = tensors if isinstance(tensors, Mapping) else read_tensors(Path(tensors))
    found, problems, used = {}, [], set()
    for path, wanted in _abstract_variables(name, model, input_shape).items():
        key, layer = _tensor_name(known, path), "/".join(path[1:-1])
        used.add(key)
        if key not in tensors:
            problems.append(f"{key} is missing")
            continue
        tensor = np.asarray(tensors[key], np.float32)
        array = _from_torch(tensor, known.flattened.get(layer), len(wanted.shape)) if path[-1] == "kernel" else tensor
        if array.size == wanted.size and path[-1] != "kernel":
            array = array.reshape(wanted.shape)  # PyTorch keeps some vectors as [C, 1, 1]
        if array.shape != wanted.shape:
            problems.append(
                f"{key} is {list(tensor.shape)}, which makes {list(array.shape)} and not {list(wanted.shape)}"
            )
        found[path] = array
    problems += [f"{key} is surplus" for key in tensors if key not in used and not key.endswith(IGNORED)]
    if problems:
        raise ZooError(f"these are not the weights of {name} in the layout of {layout}: {'; '.join(problems)}")
    return traverse_util.unflatten_dict(found)


def export_weights(
    model: str | nn.Module, variables: Mapping[str, Any], layout: str = "torchvision"
) -> dict[str, np.ndarray]:
    """The inverse of `import_weights`: arrays by the names and with the axes of another framework, float32.

    `safetensors.numpy.save_file(zoo.export_weights(...), path)` makes a file of them.

    Args:
      model, layout: as in `import_weights`.
      variables: {"params": ..., "batch_stats": ...}.

    Raises:
      ZooError: the layout is not known for this network.
    """
    _, _, known = _resolve(model, layout)
    tensors = {}
    for path, array in traverse_util.flatten_dict(dict(variables)).items():
        array, layer = np.asarray(jax.device_get(array), np.float32), "/".join(path[1:-1])
        if path[-1] == "kernel":
            array = _to_torch(array, known.flattened.get(layer))
        tensors[_tensor_name(known, path)] = np.ascontiguousarray(array)
    return tensors


def _resolve(model, layout):
    """The name of a network, the network, and what the layout calls its layers."""
    name = model if isinstance(model, str) else name_of(model)
    if name is None:
        raise ZooError(f"{type(model).__name__} is not one of the zoo's networks")
    known = find_entry(name).layouts
    if layout not in known:
        raise unknown(f"layout of {name}", layout, known)
    return name, create_model(model) if isinstance(model, str) else model, known[layout]


def _abstract_variables(name, model, input_shape):
    shape = input_shape or find_entry(name).input_shape
    abstract = jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros((1, *shape)), train=False))
    return traverse_util.flatten_dict(abstract)


def _tensor_name(layout, path):
    collection, *layer, variable = path
    return f"{layout.name('/'.join(layer))}.{TORCH_VARIABLES.get((collection, variable), variable)}"


def _from_torch(kernel, flattened, ndim):
    if kernel.ndim == 4 and ndim == 2 and kernel.shape[2:] == (1, 1):
        kernel = kernel[:, :, 0, 0]  # timm keeps some linear layers as 1x1 convolutions
    if kernel.ndim == 4:
        return kernel.transpose(2, 3, 1, 0)  # OIHW to HWIO
    if kernel.ndim == 2 and flattened:
        size = round((kernel.shape[1] / flattened) ** 0.5)
        if flattened * size * size == kernel.shape[1]:
            image = kernel.reshape(-1, flattened, size, size)
            kernel = image.transpose(0, 2, 3, 1).reshape(kernel.shape)
    return kernel.T


def _to_torch(kernel, flattened):
    if kernel.ndim == 4:
        return kernel.transpose(3, 2, 0, 1)  # HWIO to OIHW
    kernel = kernel.T
    if flattened:
        size = round((kernel.shape[1] / flattened) ** 0.5)
        image = kernel.reshape(-1, size, size, flattened)
        kernel = image.transpose(0, 3, 1, 2).reshape(kernel.shape)
    return kernel


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
