"""Reading the `.h5` files that Keras saves weights in, without trusting them; needs h5py.

HDF5 files can refer to other files (links, external storage, virtual data sets), load code (filters), unpack into far
more than they are (chunks, filters), and contain themselves. Keras makes use of none of that, and a file that does is
refused. `model_config` in files of whole models, from which Keras would build layers, is never looked at.
"""

import contextlib
import math
import mmap
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import h5py
import numpy as np

from zoo.errors import ZooError, reason

# Names that Keras gives to layers without one, counting what a process has built: "conv2d", "conv2d_1", ...
AUTOMATIC = re.compile(r"(conv2d|batch_normalization)(?:_(\d+))?")
HEAP = b"GCOL\x01\0\0\0"
# Bytes that an attribute has at most, texts of any length counting 16 each; Keras cuts longer lists of names in pieces.
LARGEST_ATTRIBUTE = 65_536


@contextlib.contextmanager
def open_hdf5(path: Path, wanted: Mapping[str, tuple[int, ...]]) -> Iterator[dict[str, h5py.Dataset]]:
    """The tensors in a file of Keras's by their names in `wanted`; none has been read yet.

    Older files (`layer_names`), such as those of keras.applications, list layers and tensors in Keras's order. Where
    names are not those of now, for they have changed from version to version, that order tells which tensor is which,
    as it does for Keras itself. In newer files (`layers/CLASS_NUMBER/vars/NUMBER`) layers say their names. Tensors that
    are not wanted have the file's own names.

    Args:
      path: of the file.
      wanted: shapes by name, "LAYER/VARIABLE", in Keras's order.

    Raises:
      ZooError: the file is damaged, no file of weights, or makes use of what Keras does not.
    """
    try:
        with h5py.File(path, "r") as file:
            _check_heaps(path)
            root = _member(file, "model_weights") if _has(file, "model_weights") else file
            if "layer_names" in root.attrs or "layer_names0" in root.attrs:
                yield _by_order(root, wanted)
            elif _has(root, "layers"):
                yield _by_name(root, wanted)
            else:
                raise ValueError("it holds no weights as Keras saves them")
    # What h5py raises for a damaged file; ValueError is also what the functions here refuse a file with.
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise ZooError(f"{path} cannot be read: {reason(error)}") from None


def _check_heaps(path):
    """Raises ValueError for damaged heaps of texts that the HDF5 library would go through without end.

    A heap ("GCOL" in the HDF5 File Format Specification 3.0, III.E) is a row of objects, each of which says where the
    next one is. Number 0 is what is free, and the library does not mind if that is of no size.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        begin = content.find(HEAP)
        while begin >= 0:
            (size,) = struct.unpack_from("<Q", content, begin + 8) if begin + 16 <= len(content) else (0,)
            position, end = begin + 16, min(begin + size, len(content))
            while position + 16 <= end:
                number, length = struct.unpack_from("<H6xQ", content, position)
                if number == 0 and length == 0:
                    raise ValueError("it is damaged: a heap of texts does not end")
                position += length if number == 0 else 16 + -(-length // 8) * 8
            begin = content.find(HEAP, begin + 1)


def _by_order(root, wanted):
    """The tensors of an older file."""
    known = {_end(name): name for name in wanted}
    names, tensors = [], []
    for layer in _list(root, "layer_names"):
        group = _member(root, layer)
        for name in _list(group, "weight_names"):
            names.append(known.get(_end(name.removesuffix(":0")), f"{layer}/{name}"))
            tensors.append(_tensor(group, name))
    if len(names) == len(wanted) and set(names) != set(wanted):
        names = wanted
    if len(set(names)) < len(names):
        raise ValueError("two of its tensors have the same name")
    return dict(zip(names, tensors, strict=True))


def _by_name(root, wanted):
    """The tensors of a newer file."""
    layers = {}
    for name, variables in _layers(root):
        if name in layers:
            raise ValueError(f"the layer {name} is there twice")
        layers[name] = [_tensor(variables, str(number)) for number in range(len(variables))]
    names: dict[str, list[str]] = {}
    for name in wanted:
        names.setdefault(_end(name).split("/")[0], []).append(name)
    found = {}
    for layer, fresh in _as_in_a_fresh_process(layers).items():
        known = names.get(fresh, [])
        for number, tensor in enumerate(layers[layer]):
            found[known[number] if number < len(known) else f"{layer}/{number}"] = tensor
    return found


def _layers(root):
    """(name, group of variables) of a model's layers that have variables, and of the layers of models among them."""
    models, seen = [root], set()
    while models:
        layers = _member(models.pop(), "layers")
        for key in layers:
            layer = _member(layers, key)
            if layer in seen:
                raise ValueError(f"{layer.name} contains itself")
            seen.add(layer)
            if _has(layer, "layers"):
                models.append(layer)
            if _has(layer, "vars") and len(variables := _member(layer, "vars")):
                yield _name(variables), variables


def _as_in_a_fresh_process(names: Iterable[str]) -> dict[str, str]:
    """The names that Keras would have given in a process that had built nothing before, by those that it has given."""
    fresh = {name: name for name in names}
    automatic = sorted(filter(None, map(AUTOMATIC.fullmatch, fresh)), key=lambda match: int(match[2] or 0))
    for family in {match[1] for match in automatic}:
        members = [match[0] for match in automatic if match[1] == family]
        fresh |= {name: f"{family}_{number}" if number else family for number, name in enumerate(members)}
    return fresh


def _end(name):
    """A tensor's own name and its layer's, without those of models that the layer is in."""
    return "/".join(name.split("/")[-2:])


def _has(group, name):
    """Whether a group has a member; h5py's `in` would go after links."""
    return group.id.links.exists(name.encode())


def _member(group, path):
    """What is at a path; every step of it must be in the file itself."""
    found = group
    for name in filter(None, path.split("/")):
        if not isinstance(found, h5py.Group) or not _has(found, name):
            raise ValueError(f"there is no {path} in {group.name}")
        if found.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
            raise ValueError(f"{path} in {group.name} is a link")
        found = found[name]
    return found


def _tensor(group, path):
    """The data set at a path, if it is no larger than it says and can be read by itself."""
    tensor = _member(group, path)
    if not isinstance(tensor, h5py.Dataset) or tensor.shape is None:
        raise ValueError(f"{tensor.name} is no tensor")
    if tensor.external or tensor.is_virtual:
        raise ValueError(f"{tensor.name} is in another file")
    if tensor.chunks is not None:
        raise ValueError(f"{tensor.name} is compressed or in chunks, as Keras does not save it")
    if tensor.dtype.kind != "f":
        raise ValueError(f"{tensor.name} is of the type {tensor.dtype} and not of floating-point numbers")
    if tensor.id.get_storage_size() < tensor.nbytes:  # HDF5 would fill in zeros
        raise ValueError(f"{tensor.name} has the shape {list(tensor.shape)}, and its values are not all there")
    return tensor


def _list(group, name):
    """A list of names, which may be in pieces, `NAME0`, `NAME1`, ..."""
    if name in group.attrs:
        return _names(group, name)
    names, piece = [], 0
    while f"{name}{piece}" in group.attrs:
        names += _names(group, f"{name}{piece}")
        piece += 1
    return names


def _name(variables):
    """The name of the layer that has the variables."""
    if "name" not in variables.attrs:
        raise ValueError("its layers have no names, as before Keras 3.6: save it again with a newer Keras")
    (name,) = _names(variables, "name")
    return name


def _names(group, attribute):
    """The names in an attribute: bytes of one length in older files, text in newer ones."""
    found = group.attrs.get_id(attribute)
    if not math.prod(found.shape):
        return []
    if found.get_storage_size() > LARGEST_ATTRIBUTE or not h5py.check_string_dtype(found.dtype):
        raise ValueError(f"{attribute} of {group.name} holds no names")
    names = np.atleast_1d(group.attrs[attribute]).ravel()
    return [name.decode() if isinstance(name, bytes) else name for name in names]
