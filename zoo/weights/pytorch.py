"""Safe reading of `torch.save` files from untrusted sources; requires PyTorch.

These are pickles, which can run arbitrary code: `weights_only` rejects everything but tensors and plain containers.
PyTorch's errors then explain how to bypass this, and are therefore not shown.
"""

import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

from zoo.errors import ZooError, reason
from zoo.files import check_file, in_units
from zoo.weights.tensors import READ_ERRORS

ZIP = b"PK\x03\x04"


def load_torch(path: Path, max_bytes: int) -> Any:
    """Loads the object saved in a file; tensors of newer files are read lazily.

    Args:
      path: the file.
      max_bytes: maximum size of a file in the format from before PyTorch 1.6, which is read as a whole.

    Raises:
      ZooError: PyTorch is not installed, the file is damaged, or it contains executable code.
    """
    with path.open("rb") as file:
        zipped = file.read(len(ZIP)) == ZIP
    if zipped:
        _check_archive(path)
    else:
        check_file(path, max_bytes)
    try:
        import torch
    except ImportError:
        raise ZooError(f"reading {path} requires PyTorch; .safetensors and .npz files do not") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about PyTorch's ways of reading a file
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        if asked := re.search(r"\b(?:GLOBAL|class|global) ([A-Za-z_][\w.]*\.\w+)", str(error)):
            raise ZooError(
                f"{path} contains more than tensors: it references {asked[1]}, which could run arbitrary code. Save it"
                " with torch.save(model.state_dict(), ...), or as .safetensors"
            ) from None
        raise ZooError(f"{path} is damaged or was not written by torch.save") from None
    except (*READ_ERRORS, AttributeError, IndexError, AssertionError) as error:
        detail = reason(error)
        quoted = "" if "weights_only" in detail or not str(error) else f": {detail}"
        raise ZooError(f"{path} is damaged or was not written by torch.save{quoted}") from None


def _check_archive(path):
    """Raises `ZooError` for a zip file that `torch.save` would not write, which might expand beyond its size."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except READ_ERRORS as error:
        raise ZooError(f"{path} is damaged or truncated: {reason(error)}") from None
    if any(member.flag_bits & 1 for member in members):
        raise ZooError(f"{path} is encrypted")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ZooError(f"{path} is compressed, which torch.save does not do")
    if (size := sum(member.file_size for member in members)) > path.stat().st_size:
        raise ZooError(f"{path} is damaged: its members would take {in_units(size)}")
    if any(member.filename.endswith("/constants.pkl") for member in members):
        raise ZooError(
            f"{path} is a TorchScript program: save only the weights, with torch.save(model.state_dict(), ...)"
        )
