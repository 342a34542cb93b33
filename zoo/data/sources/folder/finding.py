"""Finds the images of a class: every file below its folder, those that are read and those that are not."""

import collections
import functools
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import features

from zoo.errors import short

DEEPEST = 100  # folders in one another
LONGEST_ENDING = 20  # letters of one that is shown
MAX_BYTES = 256 * 2**20  # a file of images' formats that is larger is not read

# What Pillow reads by itself; of a moving image, the first frame.
_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif", ".ppm", ".pgm",
             ".pbm", ".pnm")  # fmt: skip


@functools.cache
def suffixes() -> tuple[str, ...]:
    """The endings of files that are read as images, in small letters."""
    return (*_SUFFIXES, ".avif") if features.check("avif") else _SUFFIXES


@dataclass(frozen=True)
class ClassFiles:
    """What is below the folder of a class.

    Attributes:
      root: path of the folder.
      paths: of the images, below `root` and with "/" between folders, in order.
      sizes: int64 [N], in bytes.
      places: int64 [N], equal for names of the same file, such as links.
      left_out: how many files were seen and are not read, by what they are: ".heic", "hidden", "broken link", ...
    """

    root: str
    paths: tuple[str, ...]
    sizes: np.ndarray
    places: np.ndarray
    left_out: Mapping[str, int]


def is_hidden(name: str) -> bool:
    """Whether a file or folder is some program's own and not data: `.ipynb_checkpoints`, `@eaDir`, `__MACOSX`, `Thumbs.db`."""
    return name.startswith((".", "@", "$")) or name in ("__MACOSX", "Thumbs.db", "desktop.ini", "lost+found")


def folders_in(root: str | os.PathLike[str]) -> list[str]:
    """The names of the folders in a folder, without hidden ones, in the order of their characters' numbers."""
    with os.scandir(root) as entries:
        return sorted(entry.name for entry in entries if _is_folder(entry) and not is_hidden(entry.name))


def hidden_in(root: str | os.PathLike[str]) -> list[str]:
    """The names of what is hidden in a folder, files and folders, in order."""
    with os.scandir(root) as entries:
        return sorted(entry.name for entry in entries if is_hidden(entry.name))


def files_in(root: str | os.PathLike[str]) -> list[str]:
    """The names of what is in a folder and is no folder, without hidden ones, in order."""
    with os.scandir(root) as entries:
        return sorted(entry.name for entry in entries if not _is_folder(entry) and not is_hidden(entry.name))


def _is_folder(entry):
    """Also of a link; a link that leads to itself, or where nothing can be seen, is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def find_images(root: str) -> ClassFiles:
    """Goes through a class folder with all folders below it, also those that are links; in a loop of links, once."""
    paths: list[str] = []
    sizes, places = [], []
    left_out: collections.Counter[str] = collections.Counter()
    known = set(suffixes())
    for below, entry in _walk(root, "", {_place(os.stat(root))}, left_out):
        suffix = os.path.splitext(entry.name)[1].lower()
        try:
            found = entry.stat()
        except OSError:
            left_out["broken link"] += 1
            continue
        if not stat.S_ISREG(found.st_mode):
            left_out["no regular file"] += 1
        elif suffix not in known:
            left_out[_kind(suffix)] += 1
        elif found.st_size > MAX_BYTES:
            left_out[f"over {MAX_BYTES // 2**20} MiB"] += 1
        else:
            paths.append(below + entry.name)
            sizes.append(found.st_size)
            places.append(_place(found))
    return ClassFiles(root, tuple(paths), np.array(sizes, np.int64), np.array(places, np.int64), dict(left_out))


def _kind(suffix):
    """What a file with an ending that is not read is called; numbers, as of DICOM files, are no endings."""
    return short(suffix, LONGEST_ENDING) if suffix.strip(".0123456789") else "without an ending"


def _place(found):
    """A number for a file, whatever name it was found by."""
    return (found.st_ino ^ found.st_dev << 44) & 2**63 - 1


def _walk(
    root: str, below: str, above: set[int], left_out: collections.Counter[str]
) -> Iterator[tuple[str, os.DirEntry]]:
    """Each file below a folder, with the path to it, in the order of the parts of their paths."""
    try:
        with os.scandir(root) as entries:
            children = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        left_out["folder that cannot be opened"] += 1
        return
    for child in children:
        if is_hidden(child.name):
            left_out["hidden"] += 1
        elif _is_folder(child):
            place = _place(child.stat())
            if place in above:
                left_out["loop of links"] += 1
            elif len(above) > DEEPEST:
                left_out["folder too deep"] += 1
            else:
                yield from _walk(child.path, f"{below}{child.name}/", above | {place}, left_out)
        else:
            yield below, child
