"""Data sets of image folders: `PATH/CLASS/IMAGE`, or `PATH/train/CLASS/IMAGE` and `PATH/val/CLASS/IMAGE`.

The steps are: tell splits from classes (`zoo.data.sources.folder.tree`), find the images of each class
(`zoo.data.sources.folder.finding`), find duplicates (`zoo.data.sources.folder.duplicates`), and hold out the evaluation
split (`zoo.data.splitting`).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.decoding import CorruptImage
from zoo.data.names import plain, similar_name_hint
from zoo.data.sources.folder.class_files import (
    Files,
    also_in_training_notes,
    choose,
    concatenate,
    gather,
    hold_out_files,
    in_two_classes_notes,
)
from zoo.data.sources.folder.duplicates import equal_files
from zoo.data.sources.folder.finding import MAX_BYTES, ClassFiles, files_in, find_images, folders_in, suffixes
from zoo.data.sources.folder.tree import Tree, check_classes, loose_files, read_tree
from zoo.errors import ZooError, listed, short, shown


@dataclass(frozen=True)
class FolderSplit:
    """A split of image files.

    Attributes:
      root: folder of the data set; every path starts with it and a separator.
      paths: paths of the files.
      labels: int32 [N].
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
            raise CorruptImage(f"the file is larger than {MAX_BYTES:,} bytes")
        return encoded, int(self.labels[index])

    def describe(self, index: int) -> str:
        return self.paths[index]

    def identify(self, update: Callable[[bytes], None]) -> None:
        """Calls `update` with the relative path, the size and the label of each file, see `Split`."""
        skip = len(self.root) + 1
        for path, size, label in zip(self.paths, self.sizes.tolist(), self.labels.tolist(), strict=True):
            update(os.fsencode(f"{path[skip:]}\0{size}\0{label}\n".replace(os.sep, "/")))


def open_folder(path: str, splits: str | None = None, split: str | None = None) -> Dataset:
    """Opens a folder of images; classes are its sub-folders in alphabetical order, and images are decoded to RGB.

    Without an evaluation folder, a fifth of every class is held out (rounded, at least one image), deterministically by
    a hash of the paths below the class folder. Sub-folders of a class, for example of patients or videos, are never
    divided between training and evaluation, nor are files of equal content.

    Args:
      path: path of the folder.
      splits: see `zoo.data.sources.folder.tree.read_tree`.
      split: None for a training and an evaluation split. Else the single split to open as both: "train", "val", "test",
        or "whole", which is all images of a folder without splits, or the evaluation split.

    Raises:
      ZooError: the folder does not exist or has no images, a class has no images, the evaluation split has a class that
        is not in training, or the folder structure is ambiguous.
    """
    spec, root = f"folder:{path}", Path(os.path.expanduser(path))
    if not os.path.isdir(root):
        problem = "is a file; if it is an archive, unpack it" if os.path.isfile(root) else "folder not found"
        raise ZooError(f"{short(spec)}: {problem}")
    try:
        tree = read_tree(root, splits)
        if splits is None:
            check_classes(spec, tree)
        if split is not None:
            return _open_one(spec, tree, split)
        return _open_both(spec, tree)
    except OSError as error:
        raise ZooError(f"{spec}: {error.filename}: {error.strerror}") from None


def _open_both(spec: str, tree: Tree) -> Dataset:
    if tree.splits and "train" not in tree.splits:
        (folder, *_) = tree.splits.values()
        raise ZooError(
            f"{spec}: there is an evaluation split, {folder.name}/, but no training split; if the folders are classes,"
            " use --set=data.splits=none"
        )
    evaluation = tree.splits.get("val", tree.splits.get("test"))
    classes, left_out = _classes(spec, tree, tree.splits.get("train", tree.root))
    names = tuple(classes)
    train, notes = gather(classes, names), []
    left_out = [*tree.left_out, *left_out]
    if evaluation:
        others, more = _classes(spec, tree, evaluation)
        if untrained := [name for name in others if name not in names]:
            raise ZooError(
                f"{spec}: class {shown(untrained[0])} is in {evaluation.name}/ but not in {tree.splits['train'].name}/"
                f"{similar_name_hint(untrained[0], names)}; if these folders are classes rather than splits, use"
                " --set=data.splits=none"
            )
        held_out = gather(others, names)
        left_out += more
        if "test" in tree.splits and evaluation != tree.splits["test"]:
            left_out.append(f"{tree.splits['test'].name}/, which zoo.evaluate --split=test evaluates on")
        both = concatenate(train, held_out)
        equal = equal_files(both.paths, both.sizes, both.places)
        notes += [*also_in_training_notes(equal, train, held_out), *in_two_classes_notes(equal, both)]
    else:
        equal = equal_files(train.paths, train.sizes, train.places)
        kept, out, notes = hold_out_files(train, equal, names)
        train, held_out = choose(train, kept), choose(train, out)
    return Dataset(
        spec,
        _split(tree.root, train),
        _split(tree.root, held_out),
        names,
        channels=3,
        left_out=tuple(left_out),
        notes=(*tree.notes, *_similar_names_notes(names), *notes),
    )


def _similar_names_notes(names):
    """Returns a note for each group of classes whose names look the same."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(plain(name), []).append(name)
    return tuple(
        f"the classes {listed([shown(name) for name in group])} differ only in case, whitespace or Unicode encoding"
        for group in groups.values()
        if len(group) > 1
    )


def _open_one(spec: str, tree: Tree, split: str) -> Dataset:
    folder = tree.root
    if tree.splits:
        wanted = (
            next((name for name in ("val", "test", "train") if name in tree.splits), "") if split == "whole" else split
        )
        if wanted not in tree.splits:
            raise ZooError(f"{spec}: unknown split {split!r}: expected one of {', '.join(tree.splits)}")
        folder = tree.splits[wanted]
    elif split != "whole":
        raise ZooError(f"{spec} has no split folders, so there is no split {split!r}: use 'whole' for all images")
    classes, left_out = _classes(spec, tree, folder)
    names = tuple(classes)
    only = _split(tree.root, gather(classes, names))
    unused = [f"{other.name}/" for other in tree.splits.values() if other != folder]
    notes = (f"evaluated: {folder.name}/; not used: {', '.join(unused)}",) if unused else ()
    return Dataset(spec, only, only, names, channels=3, left_out=(*tree.left_out, *left_out), notes=notes)


def _classes(spec: str, tree: Tree, root: Path) -> tuple[dict[str, ClassFiles], list[str]]:
    """Returns the files of each class by its name, and lines about what is left out.

    Raises:
      ZooError: a class has no images, or there are no classes.
    """
    found = {name: find_images(str(root / name)) for name in folders_in(root)}
    where = "" if root == tree.root else f"{root.name}/"
    if not any(files.paths for files in found.values()):
        if loose := [name for name in files_in(root) if name.lower().endswith(suffixes())]:
            raise ZooError(
                f"{spec}: found {len(loose):,} {'image' if len(loose) == 1 else 'images'} directly in"
                f" {where or 'the folder'}, such as {short(loose[0])}; expected a sub-folder for each class"
            )
        raise ZooError(
            f"{spec}: no images in {where or 'the folder'}; expected a sub-folder for each class with"
            f" {', '.join(suffixes())} files"
        )
    empty = [
        f"{where}{name}/ ({_listed(files.left_out) or 'empty'})" for name, files in found.items() if not files.paths
    ]
    if empty:
        raise ZooError(
            f"{spec}: no images in {listed(empty)}: supported are {', '.join(suffixes())}; convert the files, or remove"
            " folders that are not classes"
        )
    if len(found) == 1 and len(inner := folders_in(root / next(iter(found)))) > 1:
        (name,) = found
        raise ZooError(
            f"{spec}: a classifier needs at least two classes; found only {name}, with the sub-folders"
            f" {listed(inner, 3)}: if these are the classes, use folder:{root / name}"
        )
    left_out = [f"{_listed(files.left_out)} in {where}{name}" for name, files in found.items() if files.left_out]
    return found, [*(loose_files(root) if where else ()), *left_out]


def _listed(left_out):
    """Formats counts of files by kind, most frequent first."""
    kinds = sorted(left_out.items(), key=lambda kind: (-kind[1], kind[0]))
    return listed([f"{count:,} {what}" for what, count in kinds])


def _split(root: Path, files: Files) -> FolderSplit:
    return FolderSplit(str(root), tuple(files.paths), files.labels, files.sizes)
