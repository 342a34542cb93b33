"""Reading arrays by name from files of weights."""

import contextlib
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from zoo.errors import ZooError


@contextlib.contextmanager
def open_tensors(path: Path, wanted: Mapping[str, tuple[int, ...]]) -> Iterator[Mapping[str, Any]]:
    """The tensors in a file, by name; they have a shape, and `numpy.asarray` reads them as long as the file is open.

    Args:
      path: a `.safetensors`, `.npz`, `.pth`, `.pt`, `.h5` or `.hdf5` file.
      wanted: the shapes of a network's tensors by name, in the framework's order; for files that give no names.

    Raises:
      ZooError: the file is missing, damaged, of another kind, or holds what would have to be executed.
    """
    if path.suffix in (".h5", ".hdf5"):
        try:
            from zoo.weights.hdf5 import open_hdf5
        except ImportError:
            raise ZooError(f"{path} takes h5py to read: python -m pip install h5py") from None
        with open_hdf5(path, wanted) as tensors:
            yield tensors
    else:
        yield _read(path)


def _read(path):
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        if path.suffix in (".pth", ".pt"):
            return _read_torch(path)
    except ZooError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, SafetensorError) as error:
        raise ZooError(f"{path} cannot be read: {str(error).strip().splitlines()[0]}") from None
    if path.suffix == ".keras":
        raise ZooError(f"{path} is a program: save its weights by themselves, model.save_weights('x.weights.h5')")
    raise ZooError(f"{path}: weights are read from .safetensors, .npz, .pth and .h5 files")


def _read_torch(path):
    try:
        import torch
    except ImportError:
        raise ZooError(f"{path} takes PyTorch to read; .safetensors and .npz do not") from None
    # weights_only refuses everything but tensors and plain containers: a pickle could run any code.
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = state.get("state_dict", state)  # training scripts save more than the weights
        return {name: tensor.float().numpy() for name, tensor in state.items()}
    except (RuntimeError, AttributeError, pickle.UnpicklingError) as error:
        raise ZooError(f"{path} holds no weights, or is damaged: {str(error).strip().splitlines()[0]}") from None
