"""Transfer learning: loads initial weights from a run folder or a file, except for layers to re-initialize."""

import fnmatch
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
from flax import traverse_util

from zoo.errors import ZooError, shown
from zoo.files import expand, sha256_of
from zoo.models.registry import find_entry, name_of
from zoo.recipe import Recipe, Transfer
from zoo.training.run.load_run import load_run
from zoo.weights import import_weights
from zoo.weights.detection import find_layout


class Start(NamedTuple):
    """The initial weights of a network.

    Attributes:
      variables: loaded variables by path, such as ("params", "conv1", "kernel"); on the host.
      drawn: paths of the parameters that are re-initialized, such as "fc8/kernel".
    """

    variables: Mapping[tuple[str, ...], np.ndarray]
    drawn: tuple[str, ...]


def check_start(recipe: Recipe) -> None:
    """Checks that the weights of a recipe with transfer learning are there, before its data is read.

    Raises:
      WeightsMissing: none are given.
      ZooError: the run or file does not exist, or the file is another one than the recipe names.
    """
    recipe.check_weights_given()
    transfer = recipe.transfer
    if transfer is None or transfer.source is None:
        return
    source = expand(transfer.source)
    if os.path.isdir(source):  # `Path.is_dir` raises for names that are too long
        for name in ("layout", "num_classes", "sha256"):
            if getattr(transfer, name) is not None:
                raise ZooError(f"transfer.{name} is for weight files, but {source} is a run folder: set it to None")
    elif not os.path.isfile(source):
        raise ZooError(f"transfer.source: {shown(str(source))} is neither a run folder nor a weight file")
    elif transfer.sha256 is not None and (found := sha256_of(source)) != transfer.sha256:
        raise ZooError(
            f"transfer.source: {source} is not the file that the recipe names: its SHA-256 is {found}, expected"
            f" {transfer.sha256}; set transfer.sha256 to None to start from it all the same"
        )


def load_start(
    transfer: Transfer,
    model: nn.Module,
    variables: Mapping[str, Any],
    input_shape: tuple[int, int, int],
    num_classes: int,
) -> Start:
    """Loads the initial weights of a recipe with transfer learning.

    Args:
      transfer: the recipe's.
      model: the network to train.
      variables: its variables or their shapes.
      input_shape: (height, width, channels) of its input.
      num_classes: of the data.

    Raises:
      ZooError: the run or file does not exist or cannot be read, or its variables do not match the network.
    """
    found, classes = _read(transfer, model, input_shape)
    wanted = traverse_util.flatten_dict(dict(variables))

    def is_head(path):
        if transfer.head is not None:
            return _matches(path, transfer.head)
        if path not in found or path not in wanted:
            return False
        return classes != num_classes and _is_last(found[path].shape, wanted[path].shape, classes, num_classes)

    for pattern in transfer.head or ():
        if not any(fnmatch.fnmatchcase("/".join(path[1:]), pattern) for path in wanted):
            raise ZooError(f"transfer.head: no parameter of the network matches {pattern!r}")
    head = {path for path in wanted if is_head(path)}
    shapes = [{path: list(leaf.shape) for path, leaf in tree.items()} for tree in (found, wanted)]
    differing = sorted(
        path for path in {**found, **wanted} if not is_head(path) and shapes[0].get(path) != shapes[1].get(path)
    )
    if differing:
        listed = "; ".join(
            f"{'/'.join(path[1:])} is {shapes[0].get(path, 'missing')}, expected {shapes[1].get(path, 'none')}"
            for path in differing[:5]
        )
        raise ZooError(
            f"transfer.source: {transfer.source} has weights of another network (list parameters to re-initialize in"
            f" transfer.head): {listed}"
        )
    return Start(
        {path: np.asarray(jax.device_get(found[path])) for path in wanted if path not in head},
        tuple(sorted("/".join(path[1:]) for path in head if path[0] == "params")),
    )


def _matches(path, patterns):
    return any(fnmatch.fnmatchcase("/".join(path[1:]), pattern) for pattern in patterns)


def _is_last(there, here, classes, num_classes):
    """Returns whether two shapes are those of a last layer with one logit per class."""
    return (*there[:-1], classes) == there and (*there[:-1], num_classes) == here


def _read(transfer, model, input_shape):
    """Returns the variables of the source by path, and its number of classes."""
    source = expand(transfer.source)
    if os.path.isdir(source):
        run = load_run(source)
        return traverse_util.flatten_dict(run.variables), len(run.class_names)
    name = name_of(model)
    if name is None:
        raise ZooError(
            f"transfer.source: {source} is a weight file, but {type(model).__name__} is not a network of the zoo"
        )
    found = find_layout(name, source, transfer.layout, input_shape=input_shape)
    classes = transfer.num_classes or found.num_classes or find_entry(name).num_classes
    network = model.clone(num_classes=classes)
    variables = import_weights(network, source, found.layout, input_shape=input_shape)
    return traverse_util.flatten_dict(variables), classes
