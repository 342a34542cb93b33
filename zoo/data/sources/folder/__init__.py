"""Images in folders: `PATH/CLASS/IMAGE`, or `PATH/train/CLASS/IMAGE` beside `PATH/val/CLASS/IMAGE`.

The steps are: which folders are splits and which are classes (`zoo.data.sources.folder.tree`), which files are in each
(`zoo.data.sources.folder.finding`), which are equal (`zoo.data.sources.folder.duplicates`), and which are held out (`zoo.data.splitting`).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.decoding import CorruptImage
from zoo.data.names import but_alike, plain
from zoo.data.sources.folder.class_files import (
    Files,
    about_equal,
    choose,
    gather,
    hold_out_files,
    of_two_classes,
    together,
)
from zoo.data.sources.folder.duplicates import equal_files
from zoo.data.sources.folder.finding import MAX_BYTES, ClassFiles, files_in, find_images, folders_in, suffixes
from zoo.data.sources.folder.tree import Tree, check_classes, loose_files, read_tree
from zoo.errors import ZooError, listed, short, shown


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


def open_folder(path: str, splits: str | None = None, split: str | None = None) -> Dataset:
    """Opens a folder of images; classes are its sub-folders in alphabetical order, and images become RGB.

    Without a folder for evaluation, a fifth of every class is held out (rounded, one image at least), the same one each
    time: by a hash of the paths below the class folder. If a class has folders in it, of patients or videos perhaps, each
    is on one side as a whole, and so are files of equal content.

    Args:
      path: of the folder.
      splits: see `zoo.data.sources.folder.tree.read_tree`.
      split: None for training and evaluation. Else only one is opened, and is both: "train", "val", "test", or "whole",
        all images of a folder without splits, and of one with splits those for evaluation.

    Raises:
      ZooError: the folder does not exist or has no images, a class has none, evaluation has a class that training has
        not, or it can be read in two ways.
    """
    spec, root = f"folder:{path}", Path(os.path.expanduser(path))
    if not os.path.isdir(root):
        said = "it is a file: unpack it if it is an archive" if os.path.isfile(root) else "there is no such folder"
        raise ZooError(f"{short(spec)}: {said}")
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
            f"{spec}: there is {folder.name}/ to evaluate on, and nothing to train on; if these are classes, say"
            " --set=data.splits=none"
        )
    evaluation = tree.splits.get("val", tree.splits.get("test"))
    classes, left_out = _classes(spec, tree, tree.splits.get("train", tree.root))
    names = tuple(classes)
    train, notes = gather(classes, names), []
    left_out = [*tree.left_out, *left_out]
    if evaluation:
        others, more = _classes(spec, tree, evaluation)
        if strange := [name for name in others if name not in names]:
            raise ZooError(
                f"{spec}: the class {shown(strange[0])} is in {evaluation.name}/ and not in {tree.splits['train'].name}/"
                f"{but_alike(strange[0], names)}; if these are no splits but classes, say --set=data.splits=none"
            )
        held_out = gather(others, names)
        left_out += more
        if "test" in tree.splits and evaluation != tree.splits["test"]:
            left_out.append(f"{tree.splits['test'].name}/, which zoo.evaluate --split=test evaluates on")
        both = together(train, held_out)
        equal = equal_files(both.paths, both.sizes, both.places)
        notes += [*about_equal(equal, train, held_out), *of_two_classes(equal, both)]
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
        notes=(*tree.notes, *_alike(names), *notes),
    )


def _alike(names):
    """A note for each group of classes that people would take for one."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(plain(name), []).append(name)
    return tuple(
        f"the classes {listed([shown(name) for name in group])} differ in case, in blanks or in how letters are encoded, only"
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
            raise ZooError(f"{spec}: there is no split {split!r}; there are {', '.join(tree.splits)}")
        folder = tree.splits[wanted]
    elif split != "whole":
        raise ZooError(
            f"{spec} has no folders of splits: leave out the split {split!r}, or take all of it with 'whole'"
        )
    classes, left_out = _classes(spec, tree, folder)
    names = tuple(classes)
    only = _split(tree.root, gather(classes, names))
    unused = [f"{other.name}/" for other in tree.splits.values() if other != folder]
    notes = (f"evaluated: {folder.name}/, and not {', '.join(unused)}",) if unused else ()
    return Dataset(spec, only, only, names, channels=3, left_out=(*tree.left_out, *left_out), notes=notes)


def _classes(spec: str, tree: Tree, root: Path) -> tuple[dict[str, ClassFiles], list[str]]:
    """The files of each class by its name, and lines about what is left out.

    Raises:
      ZooError: a class has no image, or there is no class.
    """
    found = {name: find_images(str(root / name)) for name in folders_in(root)}
    where = "" if root == tree.root else f"{root.name}/"
    if not any(files.paths for files in found.values()):
        if loose := [name for name in files_in(root) if name.lower().endswith(suffixes())]:
            raise ZooError(
                f"{spec}: {len(loose):,} {'image lies' if len(loose) == 1 else 'images lie'} in {where or 'it'} directly, such as"
                f" {short(loose[0])}, and it takes a sub-folder with the images of each class"
            )
        raise ZooError(
            f"{spec}: there are no images in {where or 'it'}; it takes a sub-folder for each class with {', '.join(suffixes())} files"
        )
    empty = [
        f"{where}{name}/ ({_listed(files.left_out) or 'empty'})" for name, files in found.items() if not files.paths
    ]
    if empty:
        raise ZooError(
            f"{spec}: no image in {listed(empty)}: what is read"
            f" is {', '.join(suffixes())}; convert them, or move a folder that is no class elsewhere"
        )
    if len(found) == 1 and len(inner := folders_in(root / next(iter(found)))) > 1:
        (name,) = found
        raise ZooError(
            f"{spec}: a classifier needs at least two classes, and there is {name}, with the folders"
            f" {listed(inner, 3)} in it: say folder:{root / name} if these are the classes"
        )
    left_out = [f"{_listed(files.left_out)} in {where}{name}" for name, files in found.items() if files.left_out]
    return found, [*(loose_files(root) if where else ()), *left_out]


def _listed(left_out):
    """The most frequent ones first."""
    kinds = sorted(left_out.items(), key=lambda kind: (-kind[1], kind[0]))
    return listed([f"{count:,} {what}" for what, count in kinds])


def _split(root: Path, files: Files) -> FolderSplit:
    return FolderSplit(str(root), tuple(files.paths), files.labels, files.sizes)
