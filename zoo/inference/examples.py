"""Examples without labels: files of images, arrays, and rows of tables, as splits for the pipeline of evaluation."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.data.features import check_finite
from zoo.data.sources.folder import FolderSplit
from zoo.data.sources.folder.finding import find_images
from zoo.data.split import ArraySplit, Split
from zoo.errors import ZooError, listed, short, shown
from zoo.files import expand


@dataclass(frozen=True)
class Pictures:
    """A split of uint8 images [H, W, C] of different sizes in memory, all with label 0."""

    arrays: tuple[np.ndarray, ...]
    images: None = None
    labels: None = None

    def __len__(self) -> int:
        return len(self.arrays)

    def read(self, index: int) -> tuple[np.ndarray, int]:
        return self.arrays[index], 0

    def describe(self, index: int) -> str:
        return f"image {index}"


def open_examples(examples: Any, *, channels: int, feature_names: Sequence[str] | None, fills: bool) -> Split:
    """Opens examples as a split whose labels are all 0.

    Args:
      examples: see `zoo.inference.classifier.Classifier.logits`.
      channels: number of channels of the network's images.
      feature_names: names of the features that the network takes; None for images.
      fills: whether missing features are imputed.

    Raises:
      ZooError: a file does not exist, or the examples are of another kind than the network takes.
    """
    if isinstance(examples, str | os.PathLike):
        examples = [examples]
    if isinstance(examples, Sequence) and examples and all(isinstance(each, str | os.PathLike) for each in examples):
        paths = [os.fspath(each) for each in examples]
        split = _open_files(paths) if feature_names is None else _open_tables(paths, feature_names)
    elif feature_names is None:
        split = _open_arrays(examples, channels)
    else:
        split = _open_vectors(examples, feature_names)
    if feature_names is not None:
        check_finite(split, feature_names, missing=fills)
    return split


def _open_files(paths):
    found: list[str] = []
    for path in map(str, map(expand, paths)):
        try:
            mode = os.stat(path).st_mode
        except (OSError, ValueError) as error:
            raise ZooError(f"{short(path)}: {getattr(error, 'strerror', None) or error}") from None
        if stat.S_ISDIR(mode):
            files = find_images(path)
            found += (os.path.join(path, below) for below in files.paths)
            if not files.paths:
                raise ZooError(f"{short(path)}: there are no images in this folder")
        elif not stat.S_ISREG(mode):
            raise ZooError(f"{short(path)}: it is a pipe or a device, not a regular file")
        elif path.lower().endswith(".csv"):
            raise ZooError(f"{short(path)} is a table, but the network classifies images")
        else:
            found.append(path)
    zeros = np.zeros(len(found), np.int32)
    return FolderSplit("", tuple(found), zeros, zeros)


def _open_tables(paths, feature_names):
    from zoo.data.sources.table import open_rows

    columns = listed([short(name) for name in feature_names])
    if others := [path for path in paths if not path.lower().endswith(".csv")]:
        raise ZooError(f"{short(others[0])}: the network classifies rows of a .csv file with the columns {columns}")
    if len(paths) > 1:
        raise ZooError(f"{short(paths[1])}: give one .csv file at a time")
    return open_rows(paths[0], feature_names)


def _open_arrays(examples, channels):
    if isinstance(examples, Sequence) and not isinstance(examples, str):
        return Pictures(tuple(_checked(each, channels) for each in examples))
    array = np.asarray(examples)
    if array.ndim < 4:
        return Pictures((_checked(array, channels),))
    if array.shape[-1] != channels:
        raise ZooError(f"images {list(array.shape)} have {array.shape[-1]} channels, but the network takes {channels}")
    return ArraySplit(array, np.zeros(len(array), np.int32), "image")


def _checked(image, channels):
    """Returns an image as uint8 [H, W, channels]; grey is repeated for networks of colour images, as of grey files."""
    array = np.asarray(image)
    if array.dtype != np.uint8:
        raise ZooError(f"images must be uint8 from 0 to 255, not {array.dtype}: the classifier itself normalizes them")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or 0 in array.shape:
        raise ZooError(f"an image must be an array [height, width, channels], not {list(array.shape)}")
    if array.shape[-1] == 1 and channels == 3:
        array = np.repeat(array, 3, -1)
    if array.shape[-1] != channels:
        raise ZooError(f"an image {list(array.shape)} has {array.shape[-1]} channels, but the network takes {channels}")
    return array


def _open_vectors(examples, feature_names):
    try:
        rows = np.atleast_2d(np.asarray(examples, np.float32))
    except (TypeError, ValueError):
        raise ZooError(f"expected rows of numbers or the path of a .csv file, got {shown(examples)}") from None
    if rows.ndim != 2 or rows.shape[1] != len(feature_names):
        columns = listed([short(name) for name in feature_names])
        raise ZooError(f"rows must be [N, {len(feature_names)}], with {columns}; got {list(rows.shape)}")
    return ArraySplit(rows[:, None, None, :], np.zeros(len(rows), np.int32), "row")
