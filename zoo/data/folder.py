"""Images in folders: `PATH/CLASS/IMAGE`, or `PATH/train/CLASS/IMAGE` beside `PATH/val/CLASS/IMAGE`."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.splitting import hash_fraction
from zoo.errors import ZooError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
EVAL_NAMES = ("val", "valid", "validation", "test")
HELD_OUT = 0.2  # share of every class that becomes the evaluation split of a folder without one


@dataclass(frozen=True)
class FolderSplit:
    """Image files and their labels, int32 [N]."""

    paths: tuple[str, ...]
    labels: np.ndarray
    images: None = None

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> tuple[bytes, int]:
        return Path(self.paths[index]).read_bytes(), int(self.labels[index])

    def describe(self, index: int) -> str:
        return self.paths[index]


def open_folder(path: str) -> Dataset:
    """Opens a folder of images; classes are its sub-folders in alphabetical order, and images become RGB.

    Without an evaluation folder (`val`, `valid`, `validation` or `test`), about a fifth of every class is held out. Which
    files these are goes by a hash of their names, so that it stays as it is when others are added.

    Raises:
      ZooError: the folder does not exist or has no images, or evaluation has a class that training has not.
    """
    root = Path(os.path.expanduser(path))
    if not root.is_dir():
        raise ZooError(f"folder:{path}: there is no such folder")
    train_root = root / "train"
    eval_root = next((root / name for name in EVAL_NAMES if (root / name).is_dir()), None)
    if train_root.is_dir() and eval_root:
        train, held_out = _find(train_root), _find(eval_root)
        class_names = tuple(train)
        for name in held_out:
            if name not in train:
                raise ZooError(f"folder:{path}: the class {name!r} is in {eval_root.name}/ and not in train/")
    else:
        found = _find(train_root if train_root.is_dir() else root)
        class_names = tuple(found)
        train, held_out = {}, {}
        for name, files in found.items():
            held_out[name], train[name] = _hold_out(files)
    if not class_names:
        raise ZooError(
            f"folder:{path}: there are no images in it; it takes a sub-folder for each class with {', '.join(SUFFIXES)} files"
        )
    return Dataset(f"folder:{path}", _split(train, class_names), _split(held_out, class_names), class_names, channels=3)


def _find(root):
    """Image files below each sub-folder of `root` that has any, by the sub-folder's name."""
    found = {}
    children = [child for child in root.iterdir() if child.is_dir() and not child.name.startswith(".")]
    for folder in sorted(children, key=_parts):
        files = [
            file
            for file in folder.rglob("*")
            if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
        ]
        if files:
            found[folder.name] = sorted(files, key=_parts)
    return found


def _parts(path):
    """What to sort paths by: Windows' own order leaves case out, and classes would have other numbers there."""
    return path.parts


def _hold_out(files):
    """Cuts one class into (held out, kept), with at least one in each; a single image is kept."""
    by_hash = sorted(files, key=_fraction)
    count = sum(_fraction(file) < HELD_OUT for file in files)
    count = min(max(count, 1), len(files) - 1)
    return by_hash[:count], by_hash[count:]


def _fraction(file):
    return hash_fraction(file.name.encode())


def _split(files_of, class_names):
    pairs = [
        (str(file), label)
        for label, name in enumerate(class_names)
        for file in sorted(files_of.get(name, []), key=_parts)
    ]
    return FolderSplit(tuple(path for path, _ in pairs), np.array([label for _, label in pairs], np.int32))
