"""What arrays of one's own must be: types, axes, lengths and names, each mistake in a line that says what to do."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zoo.errors import ZooError, shown


def check_images(name: str, images: Any) -> None:
    """Raises `ZooError` unless they are uint8 [N, H, W, C] or float32 [N, 1, 1, F]."""
    wanted = "uint8 [images, height, width, channels], or float32 [examples, 1, 1, features]"
    _check_array(name, "images", images, wanted)
    what = f"{name}: images are {images.dtype} {list(images.shape)}"
    if images.ndim == 2 and images.dtype.kind == "f":
        raise ZooError(f"{what}, features perhaps: say images[:, None, None, :].astype(np.float32)")
    if images.ndim == 3:
        raise ZooError(f"{what}, without an axis for channels: say images[..., None]")
    if images.ndim != 4:
        raise ZooError(f"{what}, and must be {wanted}")
    if 0 in images.shape[1:]:
        raise ZooError(f"{what}: there is nothing in them")
    if images.shape[1:3] == (1, 1) and images.dtype.kind == "f":
        if images.dtype != np.float32:
            raise ZooError(f"{what}, and features must be float32: say images.astype(np.float32)")
        return
    if images.dtype.kind == "f":
        unit = images.size > 0 and np.min(images) >= 0 and np.max(images) <= 1
        remedy = "(255 * images).round().astype(np.uint8)" if unit else "pixels from 0 to 255 as uint8"
        raise ZooError(f"{what}: the zoo normalizes them itself, from uint8; say {remedy}")
    if images.dtype != np.uint8:
        raise ZooError(f"{what}, and must be {wanted}")
    if images.shape[-1] not in (1, 3) and images.shape[1] in (1, 3):
        raise ZooError(f"{what}{maybe_channels_first(images)}")


def _check_array(name, what, values, wanted):
    if isinstance(values, np.ma.MaskedArray):
        raise ZooError(
            f"{name}: {what} are masked, and must be a plain NumPy array, {wanted}: leave out what is masked"
        )
    if not isinstance(values, np.ndarray):
        remedy = f": say np.asarray({what})" if hasattr(values, "__array__") or isinstance(values, list | tuple) else ""
        raise ZooError(
            f"{name}: {what} are of type {type(values).__name__}, and must be a NumPy array, {wanted}{remedy}"
        )


def check_names(spec: str, what: str, names: Any) -> None:
    """Raises `ZooError` unless they are different texts in an order, with something in each."""
    ordered = isinstance(names, Sequence | np.ndarray) or hasattr(names, "tolist")
    if isinstance(names, str) or not ordered or not all(isinstance(name, str) for name in names):
        raise ZooError(f"{spec}: {what} must be a list of texts, not {shown(names)}")
    if "" in list(names):
        raise ZooError(f"{spec}: {what} has a text with nothing in it, number {list(names).index('')}")
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise ZooError(f"{spec}: {what} has {twice!r} twice")


def maybe_channels_first(images: np.ndarray) -> str:
    """The end of a sentence about images that have too many channels, if another axis looks like theirs."""
    if images.shape[1] in (1, 3) and images.shape[-1] not in (1, 3):
        return ": channels must be the last axis, say images.transpose(0, 2, 3, 1)"
    return ""


def checked_labels(name: str, labels: Any) -> np.ndarray:
    """As int32 [N]."""
    wanted = "whole numbers from 0 on, int32 [N]"
    _check_array(name, "labels", labels, wanted)
    what = f"{name}: labels are {labels.dtype} {list(labels.shape)}"
    if labels.ndim == 2 and labels.shape[1] == 1:
        raise ZooError(f"{what}, a column: say labels[:, 0]")
    if labels.ndim == 2 and labels.shape[0] == 1:
        raise ZooError(f"{what}, a row: say labels[0]")
    if labels.ndim == 2:
        raise ZooError(f"{what}, one-hot perhaps: say labels.argmax(1)")
    if labels.ndim == 1 and labels.dtype.kind == "f" and (labels % 1 != 0).any():  # also of what is not finite
        raise ZooError(f"{what} with values such as {labels[labels % 1 != 0][0]}, and must be {wanted}")
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        remedy = {
            **dict.fromkeys("bf", ": say labels.astype(np.int32)"),
            **dict.fromkeys("UOT", ": say class_names, labels = np.unique(labels, return_inverse=True)"),
        }.get(labels.dtype.kind if labels.ndim == 1 else "", "")
        raise ZooError(f"{what}, and must be {wanted}{remedy}")
    if labels.size and (labels.max() > np.iinfo(np.int32).max or labels.min() < 0):
        remedy = ", and a negative one stands for none: leave these examples out" if labels.min() < 0 else ""
        raise ZooError(f"{what} with values from {labels.min()} to {labels.max()}, and must be {wanted}{remedy}")
    return labels.astype(np.int32, copy=False)


def check_labels(labels: np.ndarray, num_classes: int, describe: Callable[[int], str]) -> None:
    """Raises `ZooError` if a label is not one of 0 ... num_classes - 1; `describe` says which example label i is of."""
    outside = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(outside):
        first = int(outside[0])
        from_one = labels.min() == 1 and labels.max() == num_classes
        remedy = ": they seem to count from 1, say labels - 1" if from_one else ""
        raise ZooError(f"{describe(first)} has the label {labels[first]}, outside of 0 to {num_classes - 1}{remedy}")
