"""Finds all files below the folder of a class, and sorts out those that are not images."""

import collections
import functools
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import features

from zoo.errors import short

MAX_DEPTH = 100  # nested folders
MAX_SUFFIX_LENGTH = 20  # characters of a suffix in messages
MAX_BYTES = 256 * 2**20  # larger image files are left out

# Formats that Pillow reads without plugins; the first frame of an animation.
_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif", ".ppm", ".pgm",
             ".pbm", ".pnm")  # fmt: skip


@functools.cache
def suffixes() -> tuple[str, ...]:
    """Returns the suffixes of supported image files, in lower case."""
    return (*_SUFFIXES, ".avif") if features.check("avif") else _SUFFIXES


@dataclass(frozen=True)
class ClassFiles:
    """The files below the folder of a class.

    Attributes:
      root: path of the folder.
      paths: sorted paths of the images, relative to `root`, with "/" between folders.
      sizes: int64 [N], in bytes.
      places: int64 [N], identifies the file on disk; equal for names of the same file, such as links.
      left_out: number of files that are not used, by kind: ".heic", "hidden", "broken link", ...
    """

    root: str
    paths: tuple[str, ...]
    sizes: np.ndarray
    places: np.ndarray
    left_out: Mapping[str, int]


def is_hidden(name: str) -> bool:
    """Returns whether a name is that of a hidden or system file, such as `@eaDir`, `__MACOSX` or `Thumbs.db`."""
    return name.startswith((".", "@", "$")) or name in ("__MACOSX", "Thumbs.db", "desktop.ini", "lost+found")


def folders_in(root: str | os.PathLike[str]) -> list[str]:
    """Returns the names of the folders in a folder, without hidden ones, sorted by code point."""
    with os.scandir(root) as entries:
        return sorted(entry.name for entry in entries if _is_folder(entry) and not is_hidden(entry.name))


def hidden_in(root: str | os.PathLike[str]) -> list[str]:
    """Returns the sorted names of hidden files and folders in a folder."""
    with os.scandir(root) as entries:
        return sorted(entry.name for entry in entries if is_hidden(entry.name))


def files_in(root: str | os.PathLike[str]) -> list[str]:
    """Returns the sorted names of everything else than folders in a folder, without hidden ones."""
    with os.scandir(root) as entries:
        return sorted(entry.name for entry in entries if not _is_folder(entry) and not is_hidden(entry.name))


def _is_folder(entry):
    """Returns whether an entry is a folder or a link to one; False for broken links and link loops."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def find_images(root: str) -> ClassFiles:
    """Finds the images of a class folder, recursively; follows links, but visits every folder of a link loop once."""
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
            left_out["not a regular file"] += 1
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
    """Returns the kind of a file that is not an image: its suffix, unless that is numeric, as in DICOM names."""
    return short(suffix, MAX_SUFFIX_LENGTH) if suffix.strip(".0123456789") else "without a suffix"


def _place(found):
    """Returns an identifier of a file on disk, from its inode and device."""
    return (found.st_ino ^ found.st_dev << 44) & 2**63 - 1


def _walk(
    root: str, below: str, above: set[int], left_out: collections.Counter[str]
) -> Iterator[tuple[str, os.DirEntry]]:
    """Yields (path of the folder, entry) of each file below a folder, sorted by the components of their paths."""
    try:
        with os.scandir(root) as entries:
            children = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        left_out["unreadable folder"] += 1
        return
    for child in children:
        if is_hidden(child.name):
            left_out["hidden"] += 1
        elif _is_folder(child):
            place = _place(child.stat())
            if place in above:
                left_out["link loop"] += 1
            elif len(above) > MAX_DEPTH:
                left_out["too deeply nested folder"] += 1
            else:
                yield from _walk(child.path, f"{below}{child.name}/", above | {place}, left_out)
        else:
            yield below, child
