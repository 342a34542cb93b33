"""Images in folders: `PATH/CLASS/IMAGE`, or `PATH/train/CLASS/IMAGE` beside `PATH/val/CLASS/IMAGE`.

The steps are: which folders are splits and which are classes (`zoo.data.tree`), which files are in each
(`zoo.data.finding`), which are equal (`zoo.data.duplicates`), and which are held out (`zoo.data.splitting`).
"""

import os
import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.decode import CorruptImage
from zoo.data.duplicates import equal_files
from zoo.data.finding import MAX_BYTES, ClassFiles, find_images, folders_in, suffixes
from zoo.data.splitting import hold_out_groups
from zoo.data.tree import Tree, read_tree
from zoo.errors import ZooError

HELD_OUT = 0.2  # share of every class that becomes the evaluation split of a folder without one


@dataclass(frozen=True)
class FolderSplit:
    """Image files and their labels, int32 [N].

    Attributes:
      root: the folder of the data set; with "/" at its end, every path begins with it.
      paths: of the files.
      sizes: int64 [N], in bytes.
    """

    root: str
    paths: tuple[str, ...]
    labels: np.ndarray
    sizes: np.ndarray
    images: None = None

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> tuple[bytes, int]:
        with open(self.paths[index], "rb") as file:
            encoded = file.read(MAX_BYTES + 1)
        if len(encoded) > MAX_BYTES:
            raise CorruptImage(f"the file has more than {MAX_BYTES:,} bytes")
        return encoded, int(self.labels[index])

    def describe(self, index: int) -> str:
        return self.paths[index]

    def identify(self, update: Callable[[bytes], None]) -> None:
        """Passes on what makes it this split: of each file its path in the data set, its size and its label."""
        skip = len(self.root) + 1
        for path, size, label in zip(self.paths, self.sizes.tolist(), self.labels.tolist(), strict=True):
            update(os.fsencode(f"{path[skip:]}\0{size}\0{label}\n".replace(os.sep, "/")))


@dataclass(frozen=True)
class _Files:
    """The files of a folder of classes, side by side [N]; `below` are their paths below the folders of their classes."""

    paths: list[str]
    labels: np.ndarray
    sizes: np.ndarray
    places: np.ndarray
    below: list[str]


def open_folder(path: str, splits: str | None = None, split: str | None = None) -> Dataset:
    """Opens a folder of images; classes are its sub-folders in alphabetical order, and images become RGB.

    Without a folder for evaluation, a fifth of every class is held out (rounded, one image at least), the same one each
    time: by a hash of the paths below the class folder. If a class has folders in it, of patients or videos perhaps, each
    is on one side as a whole, and so are files of equal content.

    Args:
      path: of the folder.
      splits: see `zoo.data.tree.read_tree`.
      split: None for training and evaluation. Else only one is opened, and is both: "train", "val", "test", or "whole",
        all images of a folder without splits, and of one with splits those for evaluation.

    Raises:
      ZooError: the folder does not exist or has no images, a class has none, evaluation has a class that training has
        not, or it can be read in two ways.
    """
    spec, root = f"folder:{path}", Path(os.path.expanduser(path))
    if not root.is_dir():
        raise ZooError(f"{spec}: there is no such folder")
    try:
        tree = read_tree(root, splits)
        if split is not None:
            return _open_one(spec, tree, split)
        return _open_both(spec, tree)
    except OSError as error:
        raise ZooError(f"{spec}: {error.filename}: {error.strerror}") from None


def _open_both(spec: str, tree: Tree) -> Dataset:
    if tree.splits and "train" not in tree.splits:
        (folder, *_) = tree.splits.values()
        raise ZooError(
            f"{spec}: there is {folder.name}/ to evaluate on, and nothing to train on; if these are classes, say"
            " --set=data.splits=none"
        )
    evaluation = tree.splits.get("val", tree.splits.get("test"))
    classes, left_out = _classes(spec, tree.splits.get("train", tree.root))
    names = tuple(classes)
    train, notes = _gather(classes, names), []
    left_out = [*tree.left_out, *left_out]
    if evaluation:
        others, more = _classes(spec, evaluation)
        for name in others:
            if name not in names:
                raise ZooError(
                    f"{spec}: the class {name!r} is in {evaluation.name}/ and not in {tree.splits['train'].name}/; if these are"
                    " no splits but classes, say --set=data.splits=none"
                )
        held_out = _gather(others, names)
        left_out += more
        if "test" in tree.splits and evaluation != tree.splits["test"]:
            left_out.append(f"{tree.splits['test'].name}/, which zoo.evaluate --split=test evaluates on")
        both = _together(train, held_out)
        equal = equal_files(both.paths, both.sizes, both.places)
        notes += [*_about_equal(equal, train, held_out), *_of_two_classes(equal, both)]
    else:
        equal = equal_files(train.paths, train.sizes, train.places)
        kept, out, notes = _hold_out(train, equal, names)
        train, held_out = _choose(train, kept), _choose(train, out)
    return Dataset(
        spec,
        _split(tree.root, train),
        _split(tree.root, held_out),
        names,
        channels=3,
        left_out=tuple(left_out),
        notes=tuple(notes),
    )


def _open_one(spec: str, tree: Tree, split: str) -> Dataset:
    folder = tree.root
    if tree.splits:
        wanted = (
            next((name for name in ("val", "test", "train") if name in tree.splits), "") if split == "whole" else split
        )
        if wanted not in tree.splits:
            raise ZooError(f"{spec}: there is no split {split!r}; there are {', '.join(tree.splits)}")
        folder = tree.splits[wanted]
    elif split != "whole":
        raise ZooError(f"{spec} has no splits, and is evaluated as a whole: leave out the split {split!r}")
    classes, left_out = _classes(spec, folder)
    names = tuple(classes)
    only = _split(tree.root, _gather(classes, names))
    unused = [f"{other.name}/" for other in tree.splits.values() if other != folder]
    notes = (f"evaluated: {folder.name}/, and not {', '.join(unused)}",) if unused else ()
    return Dataset(spec, only, only, names, channels=3, left_out=(*tree.left_out, *left_out), notes=notes)


def _classes(spec: str, root: Path) -> tuple[dict[str, ClassFiles], list[str]]:
    """The files of each class by its name, and lines about what is left out.

    Raises:
      ZooError: a class has no image, or there is no class.
    """
    found = {name: find_images(str(root / name)) for name in folders_in(root)}
    if not any(files.paths for files in found.values()):
        raise ZooError(
            f"{spec}: there are no images in it; it takes a sub-folder for each class with {', '.join(suffixes())} files"
        )
    empty = [f"{name}/ ({_listed(files.left_out) or 'empty'})" for name, files in found.items() if not files.paths]
    if empty:
        raise ZooError(
            f"{spec}: no image in {', '.join(empty[:5])}{f' and {len(empty) - 5} more' if len(empty) > 5 else ''}: what is read"
            f" is {', '.join(suffixes())}; convert them, or move a folder that is no class elsewhere"
        )
    if len(found) == 1 and len(inner := folders_in(root / next(iter(found)))) > 1:
        (name,) = found
        raise ZooError(
            f"{spec}: a classifier needs at least two classes, and there is {name}, with the folders"
            f" {', '.join(inner[:3])}{', ...' if len(inner) > 3 else ''} in it: say folder:{root / name} if these are the classes"
        )
    return found, [f"{_listed(files.left_out)} in {name}" for name, files in found.items() if files.left_out]


def _listed(left_out):
    return ", ".join(f"{count:,} {what}" for what, count in sorted(left_out.items()))


def _gather(classes: dict[str, ClassFiles], names: Sequence[str]) -> _Files:
    """The files of all classes, class by class; label i is of `names[i]`."""
    chosen = [(label, classes[name]) for label, name in enumerate(names) if name in classes]
    return _Files(
        [os.path.join(files.root, path) for _, files in chosen for path in files.paths],
        np.concatenate([np.full(len(files.paths), label, np.int32) for label, files in chosen]),
        np.concatenate([files.sizes for _, files in chosen]),
        np.concatenate([files.places for _, files in chosen]),
        [path for _, files in chosen for path in files.paths],
    )


def _choose(files: _Files, positions: np.ndarray) -> _Files:
    chosen = positions.tolist()
    return _Files(
        [files.paths[index] for index in chosen],
        files.labels[positions],
        files.sizes[positions],
        files.places[positions],
        [files.below[index] for index in chosen],
    )


def _split(root: Path, files: _Files) -> FolderSplit:
    return FolderSplit(str(root), tuple(files.paths), files.labels, files.sizes)


def _together(*files: _Files) -> _Files:
    return _Files(
        [path for each in files for path in each.paths],
        np.concatenate([each.labels for each in files]),
        np.concatenate([each.sizes for each in files]),
        np.concatenate([each.places for each in files]),
        [path for each in files for path in each.below],
    )


def _hold_out(files: _Files, equal: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, list[str]]:
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
        for label, name in enumerate(names)
        if (of_class := groups[files.labels == label]).size > 1 and (of_class == of_class[0]).all()
    ]
    cut = np.isin(files.labels, whole)
    if whole:
        named = ", ".join(names[label] for label in whole[:3]) + (
            f" and {len(whole) - 3} more" if len(whole) > 3 else ""
        )
        notes.append(
            f"all images of {named} are equal, or in folders with equal ones: held out file by file, so that evaluation images"
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
    return kept, out, [*notes, *_of_two_classes(equal, files)]


def _units(files: _Files) -> tuple[np.ndarray, list[str]]:
    """What is never cut: int64 [N], the number of the sub-folder of its class that a file is in, or a number of its own; and
    the path of each unit. Folders that all of a class are in do not count.
    """
    numbers: dict[tuple[int, str], int] = {}
    found = np.empty(len(files.below), np.int64)
    for label in np.unique(files.labels).tolist():
        members = np.flatnonzero(files.labels == label).tolist()
        shared = posixpath.commonpath([posixpath.dirname(files.below[index]) for index in members])
        depth = shared.count("/") + 1 if shared else 0
        for index in members:
            parts = files.below[index].split("/")
            unit = "/".join(parts[: depth + 1]) + ("/" if len(parts) > depth + 1 else "")
            found[index] = numbers.setdefault((label, unit), len(numbers))
    return found, [unit for _, unit in numbers]


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


def _about_equal(equal: np.ndarray, train: _Files, held_out: _Files) -> list[str]:
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


def _of_two_classes(equal: np.ndarray, files: _Files) -> list[str]:
    different = np.flatnonzero(files.labels != files.labels[equal])
    if not len(different):
        return []
    first = different[0]
    return [
        f"{len(different):,} {'file is' if len(different) == 1 else 'files are'} in two classes, such as"
        f" {files.paths[first]} and {files.paths[equal[first]]}"
    ]
