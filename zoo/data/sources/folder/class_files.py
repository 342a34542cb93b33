"""The files of a folder of classes: which of them are held out, and which are equal to others."""

import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.data.sources.folder.finding import ClassFiles
from zoo.data.splitting import HELD_OUT, hold_out_groups, of_classes
from zoo.errors import listed


@dataclass(frozen=True)
class Files:
    """The files of a folder of classes, side by side [N]; `below` are their paths below the folders of their classes."""

    paths: list[str]
    labels: np.ndarray
    sizes: np.ndarray
    places: np.ndarray
    below: list[str]


def gather(classes: Mapping[str, ClassFiles], names: Sequence[str]) -> Files:
    """The files of all classes, class by class; label i is of `names[i]`."""
    chosen = [(label, classes[name]) for label, name in enumerate(names) if name in classes]
    return Files(
        [os.path.join(files.root, path) for _, files in chosen for path in files.paths],
        np.concatenate([np.full(len(files.paths), label, np.int32) for label, files in chosen]),
        np.concatenate([files.sizes for _, files in chosen]),
        np.concatenate([files.places for _, files in chosen]),
        [path for _, files in chosen for path in files.paths],
    )


def choose(files: Files, positions: np.ndarray) -> Files:
    """The files at some positions."""
    chosen = positions.tolist()
    return Files(
        [files.paths[index] for index in chosen],
        files.labels[positions],
        files.sizes[positions],
        files.places[positions],
        [files.below[index] for index in chosen],
    )


def together(*files: Files) -> Files:
    """The files of several splits, one after the other."""
    return Files(
        [path for each in files for path in each.paths],
        np.concatenate([each.labels for each in files]),
        np.concatenate([each.sizes for each in files]),
        np.concatenate([each.places for each in files]),
        [path for each in files for path in each.below],
    )


def hold_out_files(files: Files, equal: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Cuts positions into (kept, held out); and lines about what is kept together.

    A group is what has to be on one side: a sub-folder of a class, and whatever has an equal file in another group. A class
    that would be one group altogether is cut file by file.
    """
    units, keys = _units(files)
    of_unit = _joined(units, equal)
    groups = of_unit[units]
    notes = []
    if len(keys) < len(units):
        notes.append("classes have folders in them: each is in training or in evaluation as a whole")
    whole = [
        label
        for label, members in of_classes(files.labels)
        if len(members) > 1 and (groups[members] == groups[members[0]]).all()
    ]
    cut = np.isin(files.labels, whole)
    if whole:
        notes.append(
            f"all images of {listed([names[label] for label in whole], 3)} are equal, or in folders with equal ones: held out file by file, so that evaluation images"
            " are also in training"
        )
    elif twice := len(equal) - len(np.unique(equal)):
        what = "file is a copy of another" if twice == 1 else "files are copies of others"
        notes.append(f"{twice:,} {what}: copies are on the same side")
    # A file of a class that is cut is a group by itself; of the others, the first key of a group stands for it. Keys have
    # no classes in them, so that a file that is moved to another class keeps its side.
    first_keys: dict[int, str] = {}
    for group, key in zip(of_unit.tolist(), keys, strict=True):
        first_keys[group] = min(first_keys.get(group, key), key)
    single = np.where(cut, groups.max() + 1 + np.arange(len(groups)), groups)
    _, first, numbers = np.unique(single, return_index=True, return_inverse=True)
    texts = [files.below[index] if cut[index] else first_keys[int(groups[index])] for index in first.tolist()]
    kept, out = hold_out_groups(files.labels, numbers, [os.fsencode(text) for text in texts], HELD_OUT)
    return kept, out, [*notes, *of_two_classes(equal, files)]


def _units(files: Files) -> tuple[np.ndarray, list[str]]:
    """What is never cut: int64 [N], the number of the sub-folder of its class that a file is in, or a number of its own; and
    the path of each unit. Folders that all of a class are in do not count.
    """
    found, units = np.empty(len(files.below), np.int64), list[str]()
    for _, members in of_classes(files.labels):
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
    """The folder that a file is in, so many levels down; or the file itself."""
    parts = path.split("/", depth + 1)
    return path if len(parts) <= depth + 1 else "/".join(parts[:-1]) + "/"


def _joined(units: np.ndarray, equal: np.ndarray) -> np.ndarray:
    """int64 [number of units]: the same number for units that have equal files, or that are connected by others."""
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


def about_equal(equal: np.ndarray, train: Files, held_out: Files) -> list[str]:
    """Lines about files that are both in training and in evaluation."""
    count = len(train.paths)
    both = np.flatnonzero(np.isin(equal[count:], equal[:count]))
    if not len(both):
        return []
    first = both[0]
    return [
        f"{len(both):,} of the {len(held_out.paths):,} evaluation images are also in training, such as {held_out.paths[first]}"
        f" and {train.paths[equal[count + first]]}: what they show of the network is nothing new"
    ]


def of_two_classes(equal: np.ndarray, files: Files) -> list[str]:
    """A line about equal files that have different labels, if there are any."""
    different = np.flatnonzero(files.labels != files.labels[equal])
    if not len(different):
        return []
    first = different[0]
    return [
        f"{len(different):,} {'file is' if len(different) == 1 else 'files are'} in two classes, such as"
        f" {files.paths[first]} and {files.paths[equal[first]]}"
    ]
