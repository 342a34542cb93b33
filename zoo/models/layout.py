"""What other frameworks call the layers of a network, and how they keep the variables of those."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.errors import ZooError

Path = tuple[str, ...]  # of a variable of the zoo's: its collection, the names of its layers, its own name
Axes = tuple[int | None, ...]  # of an array elsewhere: for each axis the zoo's, or None for one of size 1


@dataclass(frozen=True)
class Framework:
    """What all networks of a framework have in common.

    Attributes:
      separator: between the names of layers, and between a layer's and its variable's.
      linear: what variables of layers with a kernel are called, by the zoo's names and in the framework's order.
      others: the same for all other layers; a variable that is not here is called as in the zoo.
      tensors: (pattern, replacement) pairs for `re.sub`, applied to whole names of tensors.
      kernels: axes of kernels, by their number, where they are not the zoo's, [height, width, in, out] or [in, out].
      ignored: how names of tensors end that say nothing of the network.
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
    ignored=("num_batches_tracked",),  # batch normalization counts batches
)

KERAS = Framework(
    separator="/",
    linear={"kernel": "kernel", "bias": "bias"},
    others={"scale": "gamma", "bias": "beta", "mean": "moving_mean", "var": "moving_variance"},
    # A separable convolution is one layer; the scale of a branch is a layer, whose name in a layout is all of it.
    tensors=((r"/(depthwise|pointwise)/(?=kernel$)", r"/\1_"), (r"/layer_scale$", "")),
)
# Its depthwise kernels are [height, width, channels, 1], the zoo's [height, width, 1, channels].
KERAS_DEPTHWISE: Axes = (0, 1, 3, 2)


@dataclass(frozen=True)
class Tensor:
    """A variable of the zoo's as another framework keeps it.

    Attributes:
      name, shape: there.
      axes: see `Axes`.
      flattened: channels of the image that a linear layer gets flattened, see `Layout`; 0 if it gets none.
    """

    name: str
    shape: tuple[int, ...]
    axes: Axes
    flattened: int = 0

    def exported(self, array: np.ndarray) -> np.ndarray:
        """The zoo's array as the other framework keeps it."""
        if self.flattened:
            size = self._image_size(array)
            image = array.reshape(size, size, self.flattened, -1)
            array = image.transpose(2, 0, 1, 3).reshape(array.shape)
        order = [axis for axis in self.axes if axis is not None]
        return np.ascontiguousarray(array.transpose(order)).reshape(self.shape)

    def imported(self, tensor: np.ndarray) -> np.ndarray:
        """The inverse of `exported`, for a tensor of this shape."""
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
            raise ZooError(f"{self.name}: its {len(kernel)} inputs are no square image of {self.flattened} channels")
        return size


@dataclass(frozen=True)
class Layout:
    """How the names and shapes in another framework's file of weights follow from the zoo's.

    Attributes:
      rules: (pattern, replacement) pairs for `re.sub`, applied one after the other to a layer's path in the zoo, such as
        "layer1_0/conv1". What is left of "/" then becomes the framework's separator.
      layers: names by the whole path, for all layers that have variables and in the framework's order, in the place
        of `rules` where it also knows tensors by their order.
      flattened: the channels of the image that a linear layer gets flattened, by the layer's path: PyTorch flattens
        [C, H, W], the zoo [H, W, C].
      axes: (pattern, axes) pairs, searched for in a variable's path, such as "layer1_0/conv1/kernel", where it has
        other axes than the framework's kernels.
      constants: (pattern, value) pairs for variables that the other network does not have, as if they had this value.
      options: arguments of `create_model` that make the zoo's network compute what the other one does.
      framework: whose layout it is.
    """

    rules: tuple[tuple[str, str], ...] = ()
    layers: Mapping[str, str] = field(default_factory=dict)
    flattened: Mapping[str, int] = field(default_factory=dict)
    axes: tuple[tuple[str, Axes], ...] = ()
    constants: tuple[tuple[str, float], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    framework: Framework = PYTORCH

    def name(self, path: str) -> str:
        """The other framework's name of the layer at a path."""
        if path in self.layers:
            return self.layers[path]
        for pattern, replacement in self.rules:
            path = re.sub(pattern, replacement, path)
        return path.replace("/", self.framework.separator)

    def constant(self, path: Path) -> float | None:
        """The value of a variable that the other network does not have; None for those that it has."""
        return next((value for pattern, value in self.constants if re.search(pattern, "/".join(path[1:]))), None)

    def tensors(self, shapes: Mapping[Path, tuple[int, ...]]) -> dict[Path, Tensor]:
        """The other framework's tensors for variables of these shapes; in its order, if there are `layers`."""
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
