"""Safe reading of Keras `.h5` weight files from untrusted sources; requires h5py.

HDF5 files can refer to other files (links, external storage, virtual data sets), load code (filters), expand to far
more than their size (chunks, filters), and contain cycles. Keras uses none of these features, so files that do are
rejected. `model_config` in files of whole models, from which Keras would build layers, is never read.
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

# Automatic names that Keras gives to layers, numbered by what the process has built: "conv2d", "conv2d_1", ...
AUTOMATIC = re.compile(r"(conv2d|batch_normalization)(?:_(\d+))?")
HEAP = b"GCOL\x01\0\0\0"
# Maximum size of an attribute, variable-length strings counting 16 bytes each; Keras splits longer lists of names.
MAX_ATTRIBUTE_BYTES = 65_536


@contextlib.contextmanager
def open_hdf5(path: Path, wanted: Mapping[str, tuple[int, ...]]) -> Iterator[dict[str, h5py.Dataset]]:
    """Opens a Keras file and yields its tensors, not yet read, by their names in `wanted`.

    Older files (`layer_names`), such as those of keras.applications, list layers and tensors in Keras's order. Where
    their names differ from the current ones, since Keras has changed them over time, tensors are matched by that order,
    as Keras itself does. Newer files (`layers/CLASS_NUMBER/vars/NUMBER`) store the names of layers. Tensors that are
    not wanted keep the file's own names.

    Args:
      path: the file.
      wanted: shapes by name, "LAYER/VARIABLE", in Keras's order.

    Raises:
      ZooError: the file is damaged, contains no weights, or uses HDF5 features that Keras does not.
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
                raise ValueError("no weights as Keras saves them")
    # Raised by h5py for damaged files; the functions below also raise ValueError.
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise ZooError(f"{path} cannot be read: {reason(error)}") from None


def _check_heaps(path):
    """Raises ValueError for damaged string heaps on which the HDF5 library would loop forever.

    A heap ("GCOL" in the HDF5 File Format Specification 3.0, III.E) is a sequence of objects, each with the offset of
    the next. Object 0 is the free space, and the library accepts size 0 for it.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        begin = content.find(HEAP)
        while begin >= 0:
            (size,) = struct.unpack_from("<Q", content, begin + 8) if begin + 16 <= len(content) else (0,)
            position, end = begin + 16, min(begin + size, len(content))
            while position + 16 <= end:
                number, length = struct.unpack_from("<H6xQ", content, position)
                if number == 0 and length == 0:
                    raise ValueError("damaged string heap without an end")
                position += length if number == 0 else 16 + -(-length // 8) * 8
            begin = content.find(HEAP, begin + 1)


def _by_order(root, wanted):
    """Returns the tensors of an older file."""
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
        raise ValueError("two tensors have the same name")
    return dict(zip(names, tensors, strict=True))


def _by_name(root, wanted):
    """Returns the tensors of a newer file."""
    layers = {}
    for name, variables in _layers(root):
        if name in layers:
            raise ValueError(f"duplicate layer {name}")
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
    """Yields (name, group of variables) for each layer with variables, including those of nested models."""
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
    """Maps Keras's automatic names to those that it would give in a process that had built no other model."""
    fresh = {name: name for name in names}
    automatic = sorted(filter(None, map(AUTOMATIC.fullmatch, fresh)), key=lambda match: int(match[2] or 0))
    for family in {match[1] for match in automatic}:
        members = [match[0] for match in automatic if match[1] == family]
        fresh |= {name: f"{family}_{number}" if number else family for number, name in enumerate(members)}
    return fresh


def _end(name):
    """Returns the names of a tensor and its layer, without those of enclosing models."""
    return "/".join(name.split("/")[-2:])


def _has(group, name):
    """Returns whether a group has a member; h5py's `in` would follow links."""
    return group.id.links.exists(name.encode())


def _member(group, path):
    """Returns the object at a path, every step of which must be in the file itself."""
    found = group
    for name in filter(None, path.split("/")):
        if not isinstance(found, h5py.Group) or not _has(found, name):
            raise ValueError(f"there is no {path} in {group.name}")
        if found.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
            raise ValueError(f"{path} in {group.name} is a link")
        found = found[name]
    return found


def _tensor(group, path):
    """Returns the data set at a path, after checking that all its values are stored in the file, uncompressed."""
    tensor = _member(group, path)
    if not isinstance(tensor, h5py.Dataset) or tensor.shape is None:
        raise ValueError(f"{tensor.name} is not a tensor")
    if tensor.external or tensor.is_virtual:
        raise ValueError(f"{tensor.name} is stored in another file")
    if tensor.chunks is not None:
        raise ValueError(f"{tensor.name} is compressed or chunked, which Keras does not use")
    if tensor.dtype.kind != "f":
        raise ValueError(f"{tensor.name} is {tensor.dtype}, expected floating-point values")
    if tensor.id.get_storage_size() < tensor.nbytes:  # HDF5 would fill in zeros
        raise ValueError(f"{tensor.name} has shape {list(tensor.shape)}, but some of its values are missing")
    return tensor


def _list(group, name):
    """Returns a list of names, which may be split into attributes `NAME0`, `NAME1`, ..."""
    if name in group.attrs:
        return _names(group, name)
    names, piece = [], 0
    while f"{name}{piece}" in group.attrs:
        names += _names(group, f"{name}{piece}")
        piece += 1
    return names


def _name(variables):
    """Returns the name of the layer that owns the variables."""
    if "name" not in variables.attrs:
        raise ValueError("its layers have no names, as before Keras 3.6: save it again with Keras 3.6 or newer")
    (name,) = _names(variables, "name")
    return name


def _names(group, attribute):
    """Returns the names in an attribute: fixed-length bytes in older files, text in newer ones."""
    found = group.attrs.get_id(attribute)
    if not math.prod(found.shape):
        return []
    if found.get_storage_size() > MAX_ATTRIBUTE_BYTES or not h5py.check_string_dtype(found.dtype):
        raise ValueError(f"{attribute} of {group.name} is not a list of names")
    names = np.atleast_1d(group.attrs[attribute]).ravel()
    return [name.decode() if isinstance(name, bytes) else name for name in names]
