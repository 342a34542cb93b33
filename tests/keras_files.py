"""Writers of weight files in Keras's formats; requires h5py."""

import h5py
import numpy as np


def by_layer(tensors):
    layers = {}
    for name, tensor in tensors.items():
        layer, variable = name.rsplit("/", 1)
        layers.setdefault(layer, {})[variable] = tensor
    return layers


def save_older(path, tensors, layer_name=str, tensor_name="{}/{}:0".format, whole_model=False):
    """Writes a file as Keras 1 and 2 do, and Keras 3 if the name does not end in `.weights.h5`."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole_model else file
        layers = {layer_name(layer): variables for layer, variables in by_layer(tensors).items()}
        half = len(layers) // 2
        names = [name.encode() for name in layers]
        root.attrs["layer_names0"], root.attrs["layer_names1"] = [b"input_1", *names[:half]], names[half:]
        root.create_group("input_1").attrs["weight_names"] = []
        for layer, variables in layers.items():
            group = root.create_group(layer)
            group.attrs["weight_names"] = np.array([tensor_name(layer, name).encode() for name in variables])
            for name, tensor in variables.items():
                group[tensor_name(layer, name)] = tensor


def save_newer(path, tensors, layer_name=str):
    """Writes a file as Keras 3 writes `.weights.h5`."""
    with h5py.File(path, "w") as file:
        for number, (layer, variables) in enumerate(by_layer(tensors).items()):
            group = file.create_group(f"layers/some_class_{number}/vars")
            group.attrs["name"] = layer_name(layer)
            for index, tensor in enumerate(variables.values()):
                group[str(index)] = tensor
