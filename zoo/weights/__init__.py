"""Trained weights of other frameworks, into the zoo's networks and out of them."""

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
    """Turns the weights of another framework into variables for a network of the zoo.

    Args:
      model: a name from `zoo.list_models()`, or a network of the zoo.
      tensors: arrays by name, or a `.safetensors` or `.npz` file, or a `.pth` file, for which PyTorch has to be
        installed, or a `.h5` file of Keras's, for which h5py has to be. Nothing in a file is ever executed. Tensors may
        be in a mapping among others, as under "model_state_dict", and "module." or the like may stand in front of all
        names; a `ZooWarning` says so.
      layout: whose names and axes they have: "torchvision", "timm", "keras" (keras.applications), or "torch" for
        networks that no other has. Arrays of Keras's are called as in `{variable.path: variable for variable in
        model.weights}`, such as "block1_conv1/kernel", and layers without a name of their own as in a process that has
        built no other model: "conv2d", "conv2d_1", ... In files other names will do, see `zoo.weights.hdf5.open_hdf5`.
      input_shape: (height, width, channels); the canonical input if None.

    Returns:
      {"params": ..., "batch_stats": ...}, float32; no "batch_stats" where the network has none.

    Raises:
      ZooError: the layout is not known for this network; the network has not the options that make it the layout's; a
        tensor is missing, surplus, misshapen or of another type (five of each are listed); a value is not finite, or a
        variance negative; or the file cannot be read.
    """
    if not isinstance(tensors, str | Path | Mapping):
        raise ZooError(
            f"weights are a mapping of names to arrays, or the path of a file, and not a {type(tensors).__name__}: such as"
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
        said = "; ".join(filter(None, (place_note, prefix_note)))
        # Nothing is read, of files that allow it, before all shapes are known to be right.
        if problems := _differences(map(str, found), there, wanted, known.framework.ignored):
            looked = f" ({said})" if said else ""
            raise ZooError(f"{source}these are not the weights of {name} in the layout of {layout}{looked}: {problems}")
        values = read_floats(there, source)
    if said:
        warnings.warn(f"{source}weights were found: {said}", ZooWarning, stacklevel=2)
    arrays = {path: values[place.name] for path, place in places.items()}
    if negative := [places[path].name for path, array in arrays.items() if path[-1] == "var" and np.any(array < 0)]:
        raise ZooError(f"{source}variances are negative: {listed(negative)}")
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
    """The inverse of `import_weights`: arrays by the names and with the axes of another framework, float32.

    `safetensors.numpy.save_file(zoo.export_weights(...), path)` makes a file of them. Those of Keras's are in its
    order, too: `model.set_weights(list(zoo.export_weights(...).values()))`.

    Args:
      model, layout: as in `import_weights`.
      variables: {"params": ..., "batch_stats": ...}.

    Raises:
      ZooError: the layout is not known for this network; the network has not the options that make it the layout's; or
        the other framework's does not have some variable, which would have to be a constant here.
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
                f"{name} in {layout} does not have {'/'.join(path[1:])}, which has to be {known.constant(path):g} then"
            )
    return {place.name: place.exported(arrays[path]) for path, place in places.items()}


def _resolve(model, layout):
    """The name of a network, the network, and the layout of this name, if it is this network's."""
    name = model if isinstance(model, str) else name_of(model)
    if name is None:
        raise ZooError(f"{type(model).__name__} is not one of the zoo's networks")
    known = find_entry(name).layouts
    if layout not in known:
        raise unknown(f"layout of {name}", layout, known)
    model = create_model(model) if isinstance(model, str) else model
    if any(getattr(model, option) != value for option, value in known[layout].options.items()):
        options = ", ".join(f"{option}={value!r}" for option, value in known[layout].options.items())
        raise ZooError(
            f"{name} computes something else than in {layout}: take the network create_model({name!r}, {options}) "
            "in the place of its name"
        )
    return name, model, known[layout]


def _abstract_variables(name, model, input_shape):
    shape = input_shape or find_entry(name).input_shape
    abstract = jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros((1, *shape)), train=False))
    return traverse_util.flatten_dict(abstract)


def _differences(names, there, wanted, ignored):
    """What is missing, misshapen, of another type or surplus: five of each, and how many more there are."""
    kinds = {
        "missing": [f"{name} is missing" for name in wanted if name not in there],
        "misshapen": [
            f"{name} is {list(tensor.shape)} and not {list(wanted[name])}"
            for name, tensor in there.items()
            if tensor.shape != wanted[name]
        ],
        "of another type": [
            f"{name} is {tensor.dtype} and not of floating-point numbers"
            for name, tensor in there.items()
            if tensor.dtype not in FLOATING
        ],
        "surplus": [f"{short(name)} is surplus" for name in names if name not in wanted and not name.endswith(ignored)],
    }
    return "; ".join(
        listed(lines, separator="; ") + (f" {kind}" if len(lines) > 5 else "") for kind, lines in kinds.items() if lines
    )
