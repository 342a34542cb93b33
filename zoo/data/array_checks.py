"""Validation of user-provided arrays and names; each error message suggests a fix."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zoo.errors import ZooError, shown


def check_images(name: str, images: Any) -> None:
    """Raises `ZooError` unless images are uint8 [N, H, W, C] or float32 [N, 1, 1, F] (vectors of features)."""
    wanted = "uint8 [images, height, width, channels], or float32 [examples, 1, 1, features]"
    _check_array(name, "images", images, wanted)
    what = f"{name}: images are {images.dtype} {list(images.shape)}"
    if images.ndim == 2 and images.dtype.kind == "f":
        raise ZooError(f"{what}; if these are features, pass images[:, None, None, :].astype(np.float32)")
    if images.ndim == 3:
        raise ZooError(f"{what}, without a channel axis: pass images[..., None]")
    if images.ndim != 4:
        raise ZooError(f"{what}; expected {wanted}")
    if 0 in images.shape[1:]:
        raise ZooError(f"{what}, with an axis of length 0; expected {wanted}")
    if images.shape[1:3] == (1, 1) and images.dtype.kind == "f":
        if images.dtype != np.float32:
            raise ZooError(f"{what}; features must be float32: pass images.astype(np.float32)")
        return
    if images.dtype.kind == "f":
        unit = images.size > 0 and np.min(images) >= 0 and np.max(images) <= 1
        remedy = "(255 * images).round().astype(np.uint8)" if unit else "pixels from 0 to 255 as uint8"
        raise ZooError(f"{what}; expected uint8, which the zoo normalizes itself: pass {remedy}")
    if images.dtype != np.uint8:
        raise ZooError(f"{what}; expected {wanted}")
    if images.shape[-1] not in (1, 3) and images.shape[1] in (1, 3):
        raise ZooError(f"{what}{channels_first_hint(images)}")


def _check_array(name, what, values, wanted):
    if isinstance(values, np.ma.MaskedArray):
        raise ZooError(
            f"{name}: {what} are a masked array; expected a plain NumPy array, {wanted}: remove the masked examples"
        )
    if not isinstance(values, np.ndarray):
        convertible = hasattr(values, "__array__") or isinstance(values, list | tuple)
        remedy = f": pass np.asarray({what})" if convertible else ""
        raise ZooError(f"{name}: {what} are of type {type(values).__name__}; expected a NumPy array, {wanted}{remedy}")


def check_names(spec: str, what: str, names: Any) -> None:
    """Raises `ZooError` unless `names` is an ordered collection of distinct, non-empty strings."""
    ordered = isinstance(names, Sequence | np.ndarray) or hasattr(names, "tolist")
    if isinstance(names, str) or not ordered or not all(isinstance(name, str) for name in names):
        raise ZooError(f"{spec}: {what} must be a list of strings, not {shown(names)}")
    if "" in list(names):
        raise ZooError(f"{spec}: {what}[{list(names).index('')}] is an empty string")
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise ZooError(f"{spec}: {what} contains {twice!r} more than once")


def channels_first_hint(images: np.ndarray) -> str:
    """Returns the end of an error message that suggests a transpose if the images look channels-first, else ""."""
    if images.shape[1] in (1, 3) and images.shape[-1] not in (1, 3):
        return ": channels must be the last axis, pass images.transpose(0, 2, 3, 1)"
    return ""


def checked_labels(name: str, labels: Any) -> np.ndarray:
    """Returns labels as int32 [N]; raises `ZooError` unless they are non-negative integers [N] that fit."""
    wanted = "non-negative integers, int32 [N]"
    _check_array(name, "labels", labels, wanted)
    what = f"{name}: labels are {labels.dtype} {list(labels.shape)}"
    if labels.ndim == 2 and labels.shape[1] == 1:
        raise ZooError(f"{what}, a column: pass labels[:, 0]")
    if labels.ndim == 2 and labels.shape[0] == 1:
        raise ZooError(f"{what}, a row: pass labels[0]")
    if labels.ndim == 2:
        raise ZooError(f"{what}; if one-hot, pass labels.argmax(1)")
    if labels.ndim == 1 and labels.dtype.kind == "f" and (labels % 1 != 0).any():  # also true of NaN and infinities
        raise ZooError(f"{what} with values such as {labels[labels % 1 != 0][0]}; expected {wanted}")
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        remedy = {
            **dict.fromkeys("bf", ": pass labels.astype(np.int32)"),
            **dict.fromkeys("UOT", ": use class_names, labels = np.unique(labels, return_inverse=True)"),
        }.get(labels.dtype.kind if labels.ndim == 1 else "", "")
        raise ZooError(f"{what}; expected {wanted}{remedy}")
    if labels.size and (labels.max() > np.iinfo(np.int32).max or labels.min() < 0):
        remedy = ": remove unlabelled examples (negative labels)" if labels.min() < 0 else ""
        raise ZooError(f"{what} with values from {labels.min()} to {labels.max()}; expected {wanted}{remedy}")
    return labels.astype(np.int32, copy=False)


def check_labels(labels: np.ndarray, num_classes: int, describe: Callable[[int], str]) -> None:
    """Raises `ZooError` if a label is not in 0 ... num_classes - 1; `describe(i)` names the example of label i."""
    outside = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(outside):
        first = int(outside[0])
        from_one = labels.min() == 1 and labels.max() == num_classes
        remedy = ": labels seem to start at 1, pass labels - 1" if from_one else ""
        raise ZooError(f"{describe(first)} has label {labels[first]}, outside the range 0 to {num_classes - 1}{remedy}")
