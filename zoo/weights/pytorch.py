"""Reading the files that `torch.save` writes, without trusting them; needs PyTorch.

They are pickles, which can run any code: `weights_only` refuses all but tensors and plain containers. PyTorch's own errors
then say how to read the file nevertheless, and are therefore not passed on.
"""

import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

from zoo.errors import ZooError, reason
from zoo.files import check_file, in_units
from zoo.weights.tensors import UNREADABLE

ZIP = b"PK\x03\x04"


def load_torch(path: Path, largest: int) -> Any:
    """What was saved in a file; tensors of newer files are only read when they are used.

    Args:
      path: of the file.
      largest: the most bytes of a file of PyTorch before 1.6, which is read as a whole.

    Raises:
      ZooError: PyTorch is not installed; the file is damaged, or holds what would have to be executed.
    """
    with path.open("rb") as file:
        zipped = file.read(len(ZIP)) == ZIP
    if zipped:
        _check_archive(path)
    else:
        check_file(path, largest)
    try:
        import torch
    except ImportError:
        raise ZooError(f"{path} takes PyTorch to read; .safetensors and .npz do not") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are about how PyTorch reads a file, and how it might otherwise
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        if asked := re.search(r"\b(?:GLOBAL|class|global) ([A-Za-z_][\w.]*\.\w+)", str(error)):
            raise ZooError(
                f"{path} holds more than tensors: it asks for {asked[1]}, and could run any code. Have it saved as"
                " torch.save(model.state_dict(), ...), or as .safetensors"
            ) from None
        raise ZooError(f"{path} is damaged, or was not written by torch.save") from None
    except (*UNREADABLE, AttributeError, IndexError, AssertionError) as error:
        said = reason(error)
        quoted = "" if "weights_only" in said or not str(error) else f": {said}"
        raise ZooError(f"{path} is damaged, or was not written by torch.save{quoted}") from None


def _check_archive(path):
    """Raises `ZooError` for a zip file that `torch.save` does not write: it would unpack into more than it is, perhaps."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except UNREADABLE as error:
        raise ZooError(f"{path} is damaged or was cut short: {reason(error)}") from None
    if any(member.flag_bits & 1 for member in members):
        raise ZooError(f"{path} is encrypted")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ZooError(f"{path} is compressed, as torch.save does not do it")
    if (size := sum(member.file_size for member in members)) > path.stat().st_size:
        raise ZooError(f"{path} is damaged: its parts would have {in_units(size)}")
    if any(member.filename.endswith("/constants.pkl") for member in members):
        raise ZooError(f"{path} is a TorchScript program: save its weights, torch.save(model.state_dict(), ...)")
