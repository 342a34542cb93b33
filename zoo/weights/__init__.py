"""Import and export of trained weights in the formats of other frameworks."""

import contextlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from zoo.errors import ZooError, ZooWarning, listed, short, unknown
from zoo.files import expand
from zoo.models.registry import create_model, find_entry, name_of
from zoo.weights.detection import layouts_of
from zoo.weights.files import open_tensors
from zoo.weights.names import find_weights, without_prefix
from zoo.weights.tensors import FLOATING, in_memory, read_floats


def import_weights(
    model: str | nn.Module,
    tensors: str | Path | Mapping[str, Any],
    layout: str = "torchvision",
    *,
    input_shape: tuple[int, int, int] | None = None,
) -> dict[str, Any]:
    """Converts the weights of another framework into variables of a network of the zoo.

    Args:
      model: a name from `zoo.list_models()`, or a network of the zoo.
      tensors: arrays by name, or the path of a `.safetensors`, `.npz`, `.pth` (requires PyTorch) or Keras `.h5` file
        (requires h5py). Nothing in a file is ever executed. The tensors may be nested in other mappings, as under
        "model_state_dict", and all names may have a prefix such as "module."; a `ZooWarning` reports either.
      layout: the framework whose names and axes they have: "torchvision", "timm", "keras" (keras.applications), "torch"
        for networks that none of these has, or "zoo" for the zoo's own names, such as "conv1/kernel". Keras arrays are
        named as in `{variable.path: variable for variable in model.weights}`, such as "block1_conv1/kernel", and
        automatically named layers as in a process that has built no other model: "conv2d", "conv2d_1", ... In files,
        other names are accepted, see `zoo.weights.hdf5.open_hdf5`.
      input_shape: (height, width, channels); the canonical input if None.

    Returns:
      {"params": ..., "batch_stats": ...}, float32; without "batch_stats" if the network has none.

    Raises:
      ZooError: the network has no such layout; the network's options differ from the layout's; a tensor is missing,
        unexpected, of the wrong shape or of the wrong type (up to five of each are listed); a value is not finite, or a
        variance negative; or the file cannot be read.
    """
    if not isinstance(tensors, str | Path | Mapping):
        raise ZooError(
            f"expected a mapping of names to arrays or the path of a file, got {type(tensors).__name__}: pass"
            " model.state_dict(), or {variable.path: variable for variable in model.weights}"
        )
    name, model, known = _resolve(model, layout)
    variables = _abstract_variables(name, model, input_shape)
    places = known.tensors({path: variable.shape for path, variable in variables.items()})
    wanted = {place.name: place.shape for place in places.values()}
    opened = contextlib.nullcontext(tensors) if isinstance(tensors, Mapping) else open_tensors(expand(tensors), wanted)
    source = "" if isinstance(tensors, Mapping) else f"{tensors}: "
    with opened as loaded:
        try:
            found, place_note = find_weights(loaded, wanted)
        except ZooError as error:
            raise ZooError(f"{source}{error}") from None
        found, prefix_note = without_prefix(found, wanted)
        there = in_memory({name: found[name] for name in wanted if name in found})
        notes = "; ".join(filter(None, (place_note, prefix_note)))
        # No values are read before all shapes are checked, for file formats that allow it.
        if problems := _differences(map(str, found), there, wanted, known.framework.ignored):
            found_at = f" ({notes})" if notes else ""
            raise ZooError(f"{source}not the weights of {name} in the layout {layout}{found_at}: {problems}")
        values = read_floats(there, source)
    if notes:
        warnings.warn(f"{source}weights loaded: {notes}", ZooWarning, stacklevel=2)
    arrays = {path: values[place.name] for path, place in places.items()}
    if negative := [places[path].name for path, array in arrays.items() if path[-1] == "var" and np.any(array < 0)]:
        raise ZooError(f"{source}negative variances: {listed(negative)}")
    constants = {
        path: np.full(variables[path].shape, known.constant(path), np.float32)
        for path in variables
        if path not in places
    }
    imported = {path: place.imported(arrays[path]) for path, place in places.items()}
    return traverse_util.unflatten_dict(constants | imported)


def export_weights(
    model: str | nn.Module, variables: Mapping[str, Any], layout: str = "torchvision"
) -> dict[str, np.ndarray]:
    """Converts variables into float32 arrays with the names and axes of another framework; inverse of `import_weights`.

    `safetensors.numpy.save_file(zoo.export_weights(...), path)` saves them to a file. Arrays for Keras are also in its
    order: `model.set_weights(list(zoo.export_weights(...).values()))`.

    Args:
      model, layout: as in `import_weights`.
      variables: {"params": ..., "batch_stats": ...}.

    Raises:
      ZooError: the network has no such layout; the network's options differ from the layout's; or a variable that the
        other framework's network lacks does not have the constant value that this implies.
    """
    name, _, known = _resolve(model, layout)
    arrays = {
        path: np.asarray(jax.device_get(array), np.float32)
        for path, array in traverse_util.flatten_dict(dict(variables)).items()
    }
    places = known.tensors({path: array.shape for path, array in arrays.items()})
    for path in sorted(arrays.keys() - places.keys()):
        if np.any(arrays[path] != known.constant(path)):
            raise ZooError(
                f"{name} in {layout} has no {'/'.join(path[1:])}, so it must be {known.constant(path):g} everywhere"
            )
    return {place.name: place.exported(arrays[path]) for path, place in places.items()}


def _resolve(model, layout):
    """Returns the name of a network, the network, and its layout, if the network's options match the layout's."""
    name = model if isinstance(model, str) else name_of(model)
    if name is None:
        raise ZooError(f"{type(model).__name__} is not one of the zoo's networks")
    known = layouts_of(name)
    if layout not in known:
        raise unknown(f"layout of {name}", layout, known)
    model = create_model(model) if isinstance(model, str) else model
    if any(getattr(model, option) != value for option, value in known[layout].options.items()):
        options = ", ".join(f"{option}={value!r}" for option, value in known[layout].options.items())
        raise ZooError(
            f"{name} differs from the {layout} variant; pass create_model({name!r}, {options}) instead of the name"
        )
    return name, model, known[layout]


def _abstract_variables(name, model, input_shape):
    shape = input_shape or find_entry(name).input_shape
    abstract = jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros((1, *shape)), train=False))
    return traverse_util.flatten_dict(abstract)


def _differences(names, there, wanted, ignored):
    """Lists tensors that are missing, of the wrong shape or type, or unexpected: five of each, and how many more."""
    kinds = {
        "missing": [f"{name} is missing" for name in wanted if name not in there],
        "of the wrong shape": [
            f"{name} has shape {list(tensor.shape)}, expected {list(wanted[name])}"
            for name, tensor in there.items()
            if tensor.shape != wanted[name]
        ],
        "of the wrong type": [
            f"{name} is {tensor.dtype}, expected floating-point values"
            for name, tensor in there.items()
            if tensor.dtype not in FLOATING
        ],
        "unexpected": [
            f"{short(name)} is unexpected" for name in names if name not in wanted and not name.endswith(ignored)
        ],
    }
    return "; ".join(
        listed(lines, separator="; ") + (f" {kind}" if len(lines) > 5 else "") for kind, lines in kinds.items() if lines
    )
