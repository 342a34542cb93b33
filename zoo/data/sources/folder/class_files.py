"""The image files of all classes of a split: held-out files and duplicates."""

import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.data.sources.folder.finding import ClassFiles
from zoo.data.splitting import HELD_OUT_FRACTION, hold_out_groups, positions_by_class
from zoo.errors import listed


@dataclass(frozen=True)
class Files:
    """The files of all classes of a split, as parallel sequences of length N.

    Attributes:
      paths: full paths.
      labels: int32 [N].
      sizes: int64 [N], in bytes.
      places: int64 [N], equal for names of the same file, see `ClassFiles`.
      below: paths below the folder of the class.
    """

    paths: list[str]
    labels: np.ndarray
    sizes: np.ndarray
    places: np.ndarray
    below: list[str]


def gather(classes: Mapping[str, ClassFiles], names: Sequence[str]) -> Files:
    """Concatenates the files of all classes; label i is that of `names[i]`."""
    chosen = [(label, classes[name]) for label, name in enumerate(names) if name in classes]
    return Files(
        [os.path.join(files.root, path) for _, files in chosen for path in files.paths],
        np.concatenate([np.full(len(files.paths), label, np.int32) for label, files in chosen]),
        np.concatenate([files.sizes for _, files in chosen]),
        np.concatenate([files.places for _, files in chosen]),
        [path for _, files in chosen for path in files.paths],
    )


def choose(files: Files, positions: np.ndarray) -> Files:
    """Returns the files at the given positions."""
    chosen = positions.tolist()
    return Files(
        [files.paths[index] for index in chosen],
        files.labels[positions],
        files.sizes[positions],
        files.places[positions],
        [files.below[index] for index in chosen],
    )


def concatenate(*files: Files) -> Files:
    """Concatenates the files of several splits."""
    return Files(
        [path for each in files for path in each.paths],
        np.concatenate([each.labels for each in files]),
        np.concatenate([each.sizes for each in files]),
        np.concatenate([each.places for each in files]),
        [path for each in files for path in each.below],
    )


def hold_out_files(files: Files, equal: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Splits files into training and evaluation without dividing groups.

    A group is a set of files that must be on the same side: a sub-folder of a class, joined with all others that share
    a file of equal content. A class that consists of a single group is split file by file.

    Args:
      files: all files.
      equal: int64 [N], the position of the first file with the same content, see `equal_files`.
      names: names of the classes.

    Returns:
      Positions of (kept, held out) files, and notes about groups and duplicates.
    """
    units, keys = _units(files)
    of_unit = _joined(units, equal)
    groups = of_unit[units]
    notes = []
    if len(keys) < len(units):
        notes.append("classes have sub-folders: each is entirely in training or in evaluation")
    whole = [
        label
        for label, members in positions_by_class(files.labels)
        if len(members) > 1 and (groups[members] == groups[members[0]]).all()
    ]
    cut = np.isin(files.labels, whole)
    if whole:
        notes.append(
            f"all images of {listed([names[label] for label in whole], 3)} are duplicates or in folders with"
            " duplicates: held out file by file, so evaluation images are also in training"
        )
    elif copies := len(equal) - len(np.unique(equal)):
        what = "file is a duplicate" if copies == 1 else "files are duplicates"
        notes.append(f"{copies:,} {what}: duplicates are kept in the same split")
    # A file of a class that is split file by file is a group of its own; the key of any other group is its first one.
    # Keys do not contain the class, so that a file that is moved to another class stays on its side.
    first_keys: dict[int, str] = {}
    for group, key in zip(of_unit.tolist(), keys, strict=True):
        first_keys[group] = min(first_keys.get(group, key), key)
    single = np.where(cut, groups.max() + 1 + np.arange(len(groups)), groups)
    _, first, numbers = np.unique(single, return_index=True, return_inverse=True)
    texts = [files.below[index] if cut[index] else first_keys[int(groups[index])] for index in first.tolist()]
    kept, out = hold_out_groups(files.labels, numbers, [os.fsencode(text) for text in texts], HELD_OUT_FRACTION)
    return kept, out, [*notes, *in_two_classes_notes(equal, files)]


def _units(files: Files) -> tuple[np.ndarray, list[str]]:
    """Finds the units that are never divided: sub-folders of classes, or single files.

    Folders that contain all files of a class are ignored.

    Returns:
      int64 [N], the unit of each file; and the path of each unit.
    """
    found, units = np.empty(len(files.below), np.int64), list[str]()
    for _, members in positions_by_class(files.labels):
        below = [files.below[index] for index in members.tolist()]
        folders = {posixpath.dirname(path) for path in below if "/" in path}
        shared = posixpath.commonpath(folders) if folders and all("/" in path for path in below) else ""
        depth = shared.count("/") + 1 if shared else 0
        of_members = [_unit(path, depth) for path in below] if folders else below
        numbers = {unit: len(units) + number for number, unit in enumerate(dict.fromkeys(of_members))}
        found[members] = [numbers[unit] for unit in of_members]
        units += numbers
    return found, units


def _unit(path, depth):
    """Returns the sub-folder that a file is in, `depth` levels below the class folder, or else the file itself."""
    parts = path.split("/", depth + 1)
    return path if len(parts) <= depth + 1 else "/".join(parts[:-1]) + "/"


def _joined(units: np.ndarray, equal: np.ndarray) -> np.ndarray:
    """Joins units with equal files into groups, transitively; returns int64 [units], the group of each unit."""
    count = int(units.max()) + 1
    if len(np.unique(equal)) == len(equal):
        return np.arange(count)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = (units, units[equal])
    _, component = connected_components(
        coo_array((np.ones(len(units), bool), edges), shape=(count, count)), directed=False
    )
    return component


def also_in_training_notes(equal: np.ndarray, train: Files, held_out: Files) -> list[str]:
    """Returns a note about evaluation files that are also in training, if there are any."""
    count = len(train.paths)
    both = np.flatnonzero(np.isin(equal[count:], equal[:count]))
    if not len(both):
        return []
    first = both[0]
    return [
        f"{len(both):,} of the {len(held_out.paths):,} evaluation images are also in training, such as"
        f" {held_out.paths[first]} and {train.paths[equal[count + first]]}: the evaluation is optimistic"
    ]


def in_two_classes_notes(equal: np.ndarray, files: Files) -> list[str]:
    """Returns a note about equal files with different labels, if there are any."""
    different = np.flatnonzero(files.labels != files.labels[equal])
    if not len(different):
        return []
    first = different[0]
    return [
        f"{len(different):,} {'file is' if len(different) == 1 else 'files are'} in two classes, such as"
        f" {files.paths[first]} and {files.paths[equal[first]]}"
    ]
