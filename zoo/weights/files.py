"""Reading arrays by name from weight files; names, shapes and types are known before any values are read."""

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
from zoo.extras import install_command
from zoo.files import check_file
from zoo.weights.tensors import READ_ERRORS, Unread

MAX_HEADER_BYTES = 2**16  # of an array's header in an .npz file; NumPy itself limits it to 10,000 characters
# Size limit of files that are read as a whole: a constant plus a multiple of the network's parameters, for the state of
# an optimizer.
MAX_BASE_BYTES, MAX_EXPANSION = 2**30, 20
# Supported floating-point types of `.safetensors` files; further types of ml_dtypes are not available everywhere.
SAFETENSORS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


@contextlib.contextmanager
def open_tensors(path: Path, wanted: Mapping[str, tuple[int, ...]]) -> Iterator[Mapping[str, Any]]:
    """Opens a file and yields its tensors by name; they have a shape and a dtype, and `numpy.asarray` reads the values.

    Files saved by PyTorch may have nested mappings, see `zoo.weights.names.find_weights`.

    Args:
      path: a `.safetensors`, `.npz`, `.pth`, `.pt`, `.ckpt`, `.bin`, `.h5` or `.hdf5` file.
      wanted: the shapes of a network's tensors by name, in the framework's order; for files without names.

    Raises:
      ZooError: the file is missing, damaged, of an unsupported format, or contains executable code.
    """
    suffix = ".pth" if path.name.lower().endswith(".pth.tar") else path.suffix.lower()  # not a tar file
    max_bytes = MAX_BASE_BYTES + MAX_EXPANSION * sum(4 * math.prod(shape) for shape in wanted.values())
    if suffix == ".keras":
        raise ZooError(f"{path} contains code: save only the weights, with model.save_weights('x.weights.h5')")
    if suffix in (".h5", ".hdf5"):
        try:
            from zoo.weights.hdf5 import open_hdf5
        except ImportError:
            raise ZooError(f"reading {path} requires h5py: {install_command('keras')}") from None
        check_file(path, max_bytes)
        with open_hdf5(path, wanted) as tensors:
            yield tensors
    elif suffix in (".pth", ".pt", ".ckpt", ".bin"):
        from zoo.weights.pytorch import load_torch

        check_file(path)
        yield load_torch(path, max_bytes)
    elif suffix in (".safetensors", ".npz"):
        check_file(path)
        with contextlib.ExitStack() as stack:
            try:
                tensors = _open_safetensors(path, stack) if suffix == ".safetensors" else _open_npz(path, stack)
            except READ_ERRORS as error:
                raise ZooError(f"{path} cannot be read: {reason(error)}") from None
            yield tensors
    else:
        raise ZooError(f"{path}: unsupported weight file, expected .safetensors, .npz, .pth (.pt, .ckpt, .bin) or .h5")


def _open_safetensors(path, stack):
    file = stack.enter_context(safe_open(path, "numpy"))

    def unread(name):
        part = file.get_slice(name)
        dtype = part.get_dtype()
        return Unread(
            tuple(part.get_shape()), SAFETENSORS.get(dtype, dtype), lambda: file.get_tensor(name), f"{path}: {name}"
        )

    return {name: unread(name) for name in file.keys()}  # noqa: SIM118, not a mapping


def _open_npz(path, stack):
    archive = stack.enter_context(zipfile.ZipFile(path))
    tensors = {}
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if name in tensors:
            raise ValueError(f"duplicate array {name}")
        tensors[name] = _npz_member(path, archive, member, name)
    return tensors


def _npz_member(path, archive, member, name):
    if member.flag_bits & 1:
        raise ValueError(f"{name} is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} has a compression method that NumPy does not use")
    with archive.open(member) as file:
        start = io.BytesIO(file.read(MAX_HEADER_BYTES))
    versions = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        shape, _, dtype = versions[np.lib.format.read_magic(start)](start)
    except READ_ERRORS:
        return Unread((), "not a NumPy array", lambda: np.empty(0), f"{path}: {name}")
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize + start.tell() != member.file_size:
        raise ValueError(f"the size of {name} does not match its shape {list(shape)}")

    def read():
        with archive.open(member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    return Unread(tuple(shape), dtype.name, read, f"{path}: {name}")
