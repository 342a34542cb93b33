"""Lazily read tensors, with a known shape and dtype, and the conversion of their values to float32."""

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors import SafetensorError

from zoo.errors import ZooError, listed, reason

# Types with fewer than 16 bits need scales that are stored elsewhere; integers are counts or quantized codes.
FLOATING = ("float32", "float16", "bfloat16", "float64")
# Exceptions that readers raise for damaged files, which none of them documents.
READ_ERRORS = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    KeyError,
    TypeError,
    MemoryError,
    OverflowError,
    SyntaxError,
    tokenize.TokenError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    SafetensorError,
)


@dataclass(frozen=True)
class Unread:
    """A tensor whose values are read when NumPy asks for them.

    Attributes:
      shape: of the tensor.
      dtype: NumPy's name of the type of its values, or a description of what it is instead.
      read: returns the values.
      where: origin of the tensor, for error messages.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]
    where: str

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        try:
            return np.asarray(self.read(), dtype)
        except READ_ERRORS as error:
            raise ZooError(f"{self.where} cannot be read: {reason(error)}") from None


def in_memory(tensors: Mapping[Any, Any]) -> dict[str, Unread]:
    """Wraps NumPy arrays, PyTorch tensors, Keras variables and lists, by name."""
    return {str(name): _in_memory(str(name), value) for name, value in tensors.items()}


def _in_memory(name, value):
    if isinstance(value, Unread):
        return value
    if hasattr(value, "detach"):
        return of_torch(value, name)
    try:
        array = value if hasattr(value, "shape") and hasattr(value, "dtype") else np.asarray(value)
    except READ_ERRORS:
        return Unread((), f"{type(value).__name__} instead of an array", lambda: value, name)
    dtype = array.dtype if isinstance(array.dtype, str) else np.dtype(array.dtype).name
    return Unread(tuple(array.shape), dtype, lambda: np.asarray(array), name)


def of_torch(tensor: Any, where: str) -> Unread:
    """Wraps a PyTorch tensor, which may have a type or layout that NumPy lacks."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    layout = str(tensor.layout).removeprefix("torch.")
    if layout != "strided":
        dtype = f"{dtype} in the layout {layout}"
    if tensor.device.type == "meta":
        dtype = f"{dtype} without values"
    return Unread(tuple(tensor.shape), dtype, lambda: tensor.detach().cpu().float().numpy(), where)


def read_floats(tensors: Mapping[str, Unread], source: str) -> dict[str, np.ndarray]:
    """Returns the values of tensors as float32, by name; `source` is the start of error messages.

    Raises:
      ZooError: a tensor cannot be read, or has values that are not finite.
    """
    arrays, wrong = {}, []
    for name, tensor in tensors.items():
        with np.errstate(over="ignore"):  # checked in the next line
            arrays[name] = np.asarray(tensor).astype(np.float32)
        if not np.isfinite(arrays[name]).all():
            wrong.append(f"{name} ({np.count_nonzero(~np.isfinite(arrays[name])):,} of {arrays[name].size:,})")
    if wrong:
        raise ZooError(f"{source}weights are NaN, infinite or too large for float32: {listed(wrong)}")
    return arrays
