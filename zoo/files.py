"""Looks at a file of somebody else's before it is read: whether it is one, and how large."""

import os
import stat
from pathlib import Path

from zoo.errors import ZooError

# What is often there in the place of a file that was to be downloaded, by how it begins.
NOT_DOWNLOADED = {
    b"version https://git-lfs": "a pointer of Git LFS: `git lfs pull` fetches the file itself",
    b"<!doctype html": "a web page, and not the file that it was to be: download it again",
    b"<html": "a web page, and not the file that it was to be: download it again",
}
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def expand(path: str | Path) -> Path:
    """The path with the home folder in the place of "~".

    Raises:
      ZooError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ZooError(f"{path}: there is no home folder of that name") from None


def check_file(path: Path, largest: int | None = None) -> int:
    """The size in bytes of a file that can be read.

    Pipes and devices are refused, for one that nobody writes to is waited for, and `/dev/zero` never ends.

    Args:
      path: of the file.
      largest: the most bytes that it may have; None for any number.

    Raises:
      ZooError: it is not there, no regular file, empty, too large, may not be read, or was not downloaded.
    """
    try:
        found = path.stat()
        readable = os.access(path, os.R_OK)
    except (OSError, ValueError) as error:
        raise ZooError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(found.st_mode):
        raise ZooError(f"{path} cannot be read: it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise ZooError(f"{path} cannot be read: it is a pipe or a device, and has to be a file")
    if not readable:
        raise ZooError(f"{path} cannot be read: Permission denied")
    if found.st_size == 0:
        raise ZooError(f"{path} cannot be read: it is empty")
    if largest is not None and found.st_size > largest:
        raise ZooError(f"{path} is not read: it has {in_units(found.st_size)}, and at most {in_units(largest)} may be")
    with path.open("rb") as file:
        start = file.read(64).lstrip().lower()
    for begin, what in NOT_DOWNLOADED.items():
        if start.startswith(begin):
            raise ZooError(f"{path} is {what}")
    return found.st_size


def in_units(size: int) -> str:
    """A number of bytes for people, such as "1.5 GiB"."""
    power = min((max(size, 1).bit_length() - 1) // 10, len(UNITS) - 1)
    return f"{size / 1024**power:.4g} {UNITS[power]}"
