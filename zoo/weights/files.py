"""Reading arrays by name from files of weights. Names, shapes and types are known before any of them is read."""

import contextlib
import io
import math
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from zoo.errors import ZooError, reason
from zoo.files import check_file
from zoo.weights.tensors import UNREADABLE, Unread

LARGEST_HEADER = 2**16  # bytes of an array's header in an .npz file; NumPy itself takes 10,000 characters
# Files that have to be gone through as a whole hold a network's weights, and perhaps what an optimizer keeps.
LARGEST, LARGEST_EXPANSION = 2**30, 20
# The types of `.safetensors` files that NumPy has; what ml_dtypes adds to it is not everywhere.
SAFETENSORS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


@contextlib.contextmanager
def open_tensors(path: Path, wanted: Mapping[str, tuple[int, ...]]) -> Iterator[Mapping[str, Any]]:
    """The tensors in a file, by name; they have a shape and a dtype, and `numpy.asarray` reads them while it is open.

    What PyTorch saved may be mappings in mappings, see `zoo.weights.names.find_weights`.

    Args:
      path: a `.safetensors`, `.npz`, `.pth`, `.pt`, `.ckpt`, `.bin`, `.h5` or `.hdf5` file.
      wanted: the shapes of a network's tensors by name, in the framework's order; for files that give no names.

    Raises:
      ZooError: the file is missing, damaged, of another kind, or holds what would have to be executed.
    """
    suffix = ".pth" if path.name.lower().endswith(".pth.tar") else path.suffix.lower()  # which is no tar file
    largest = LARGEST + LARGEST_EXPANSION * sum(4 * math.prod(shape) for shape in wanted.values())
    if suffix == ".keras":
        raise ZooError(f"{path} is a program: save its weights by themselves, model.save_weights('x.weights.h5')")
    if suffix in (".h5", ".hdf5"):
        try:
            from zoo.weights.hdf5 import open_hdf5
        except ImportError:
            raise ZooError(f"{path} takes h5py to read: python -m pip install h5py") from None
        check_file(path, largest)
        with open_hdf5(path, wanted) as tensors:
            yield tensors
    elif suffix in (".pth", ".pt", ".ckpt", ".bin"):
        from zoo.weights.pytorch import load_torch

        check_file(path)
        yield load_torch(path, largest)
    elif suffix in (".safetensors", ".npz"):
        check_file(path)
        with contextlib.ExitStack() as stack:
            try:
                tensors = _open_safetensors(path, stack) if suffix == ".safetensors" else _open_npz(path, stack)
            except UNREADABLE as error:
                raise ZooError(f"{path} cannot be read: {reason(error)}") from None
            yield tensors
    else:
        raise ZooError(f"{path}: weights are read from .safetensors, .npz, .pth (.pt, .ckpt, .bin) and .h5 files")


def _open_safetensors(path, stack):
    file = stack.enter_context(safe_open(path, "numpy"))

    def unread(name):
        part = file.get_slice(name)
        dtype = part.get_dtype()
        return Unread(
            tuple(part.get_shape()), SAFETENSORS.get(dtype, dtype), lambda: file.get_tensor(name), f"{path}: {name}"
        )

    return {name: unread(name) for name in file.keys()}  # noqa: SIM118, it is no mapping


def _open_npz(path, stack):
    archive = stack.enter_context(zipfile.ZipFile(path))
    tensors = {}
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if name in tensors:
            raise ValueError(f"{name} is there twice")
        tensors[name] = _npz_member(path, archive, member, name)
    return tensors


def _npz_member(path, archive, member, name):
    if member.flag_bits & 1:
        raise ValueError(f"{name} is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed in a way that NumPy's are not")
    with archive.open(member) as file:
        start = io.BytesIO(file.read(LARGEST_HEADER))
    versions = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        shape, _, dtype = versions[np.lib.format.read_magic(start)](start)
    except UNREADABLE:
        return Unread((), "no array of NumPy's", lambda: np.empty(0), f"{path}: {name}")
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize + start.tell() != member.file_size:
        raise ValueError(f"{name} has another size than its shape {list(shape)}")

    def read():
        with archive.open(member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    return Unread(tuple(shape), dtype.name, read, f"{path}: {name}")
