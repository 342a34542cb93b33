"""Mapping of layers and variables to their names, axes and order in other frameworks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.errors import ZooError
from zoo.models.preprocessing import Preprocessing

Path = tuple[str, ...]  # of a variable in the zoo: its collection, the names of its layers, its own name
Axes = tuple[
    int | None, ...
]  # of an array in another framework: the zoo's axis for each axis, or None for an axis of size 1


@dataclass(frozen=True)
class Framework:
    """Conventions shared by all networks of a framework.

    Attributes:
      separator: between names of layers, and between the names of a layer and its variable.
      linear: names of variables of layers with a kernel, by the zoo's names and in the framework's order.
      others: the same for all other layers; a variable that is not listed has the same name as in the zoo.
      tensors: (pattern, replacement) pairs for `re.sub`, applied to full names of tensors.
      kernels: axes of kernels by number of dimensions, where they differ from the zoo's, [height, width, in, out] or
        [in, out].
      ignored: suffixes of names of tensors that are not part of the network.
    """

    separator: str
    linear: Mapping[str, str]
    others: Mapping[str, str]
    tensors: tuple[tuple[str, str], ...] = ()
    kernels: Mapping[int, Axes] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


PYTORCH = Framework(
    separator=".",
    linear={"kernel": "weight", "bias": "bias"},
    others={"scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"},
    kernels={4: (3, 2, 0, 1), 2: (1, 0)},
    ignored=("num_batches_tracked",),  # batch normalization's counter
)

KERAS = Framework(
    separator="/",
    linear={"kernel": "kernel", "bias": "bias"},
    others={"scale": "gamma", "bias": "beta", "mean": "moving_mean", "var": "moving_variance"},
    # A separable convolution is one layer; the scale of a branch is a layer, whose name in a layout is the full name.
    tensors=((r"/(depthwise|pointwise)/(?=kernel$)", r"/\1_"), (r"/layer_scale$", "")),
)
ZOO = Framework(separator="/", linear={}, others={})
# Keras's depthwise kernels are [height, width, channels, 1], the zoo's [height, width, 1, channels].
KERAS_DEPTHWISE: Axes = (0, 1, 3, 2)


@dataclass(frozen=True)
class Tensor:
    """A variable of the zoo as stored in another framework.

    Attributes:
      name, shape: in the other framework.
      axes: see `Axes`.
      flattened: channels of the image that a linear layer takes flattened, see `Layout`; 0 for other inputs.
    """

    name: str
    shape: tuple[int, ...]
    axes: Axes
    flattened: int = 0

    def exported(self, array: np.ndarray) -> np.ndarray:
        """Converts the zoo's array to the other framework's axes."""
        if self.flattened:
            size = self._image_size(array)
            image = array.reshape(size, size, self.flattened, -1)
            array = image.transpose(2, 0, 1, 3).reshape(array.shape)
        order = [axis for axis in self.axes if axis is not None]
        return np.ascontiguousarray(array.transpose(order)).reshape(self.shape)

    def imported(self, tensor: np.ndarray) -> np.ndarray:
        """Converts a tensor of this shape to the zoo's axes; inverse of `exported`."""
        units = tuple(place for place, axis in enumerate(self.axes) if axis is None)
        order = [axis for axis in self.axes if axis is not None]
        array = np.squeeze(tensor, units).transpose(np.argsort(order))
        if self.flattened:
            size = self._image_size(array)
            image = array.reshape(self.flattened, size, size, -1)
            array = image.transpose(1, 2, 0, 3).reshape(array.shape)
        return array

    def _image_size(self, kernel):
        size = round((len(kernel) / self.flattened) ** 0.5)
        if self.flattened * size * size != len(kernel):
            raise ZooError(f"{self.name}: {len(kernel)} inputs are not a square image with {self.flattened} channels")
        return size


@dataclass(frozen=True)
class Layout:
    """Rules that derive names and shapes in another framework's weight files from the zoo's.

    Attributes:
      rules: (pattern, replacement) pairs for `re.sub`, applied in sequence to a layer's path in the zoo, such as
        "layer1_0/conv1". Remaining "/" are then replaced by the framework's separator.
      layers: names by full path, for all layers that have variables and in the framework's order, instead of `rules` if
        the framework also matches tensors by order.
      flattened: channels of the image that a linear layer takes flattened, by the layer's path: PyTorch flattens
        [C, H, W], the zoo [H, W, C].
      axes: (pattern, axes) pairs, searched for in a variable's path, such as "layer1_0/conv1/kernel", for variables
        whose axes differ from the framework's kernels.
      constants: (pattern, value) pairs for variables that the other network does not have, with their implied values.
      options: arguments of `create_model` with which the zoo's network computes the same as the other one.
      framework: the framework of the layout.
      preprocessing: how images are prepared for the framework's published weights; None if none are published.
    """

    rules: tuple[tuple[str, str], ...] = ()
    layers: Mapping[str, str] = field(default_factory=dict)
    flattened: Mapping[str, int] = field(default_factory=dict)
    axes: tuple[tuple[str, Axes], ...] = ()
    constants: tuple[tuple[str, float], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    framework: Framework = PYTORCH
    preprocessing: Preprocessing | None = None

    def name(self, path: str) -> str:
        """Returns the other framework's name of the layer at a path."""
        if path in self.layers:
            return self.layers[path]
        for pattern, replacement in self.rules:
            path = re.sub(pattern, replacement, path)
        return path.replace("/", self.framework.separator)

    def constant(self, path: Path) -> float | None:
        """Returns the value of a variable that the other network does not have, or None for those that it has."""
        return next((value for pattern, value in self.constants if re.search(pattern, "/".join(path[1:]))), None)

    def tensors(self, shapes: Mapping[Path, tuple[int, ...]]) -> dict[Path, Tensor]:
        """Returns the other framework's tensors for variables of these shapes, in its order if there are `layers`."""
        linear = {path[:-1] for path in shapes if path[-1] == "kernel"}
        order = {layer: place for place, layer in enumerate(self.layers)}
        found = {}
        for path, shape in shapes.items():
            if self.constant(path) is not None:
                continue
            layer, variable = "/".join(path[1:-1]), path[-1]
            called = self.framework.linear if path[:-1] in linear else self.framework.others
            rank = order.get(layer, 0), layer, list(called).index(variable) if variable in called else 0
            name = self.framework.separator.join((self.name(layer), called.get(variable, variable)))
            for pattern, replacement in self.framework.tensors:
                name = re.sub(pattern, replacement, name)
            axes = self._axes(f"{layer}/{variable}", len(shape))
            theirs = tuple(1 if axis is None else shape[axis] for axis in axes)
            flattened = self.flattened.get(layer, 0) if variable == "kernel" else 0
            found[path] = rank, Tensor(name, theirs, axes, flattened)
        return {path: tensor for path, (_, tensor) in sorted(found.items(), key=lambda item: item[1][0])}

    def _axes(self, variable, ndim):
        for pattern, axes in self.axes:
            if re.search(pattern, variable):
                return axes
        same = tuple(range(ndim))
        return self.framework.kernels.get(ndim, same) if variable.endswith("/kernel") else same


OWN = Layout(framework=ZOO)  # the zoo's names and axes, such as "layer1_0/conv1/kernel"
