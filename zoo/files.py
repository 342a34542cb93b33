"""Checks of a user's file before it is read: that it is a regular file, and not too large; digests of files."""

import hashlib
import os
import stat
from pathlib import Path

from zoo.errors import ZooError

# What is often found in place of a downloaded file, by its first bytes.
NOT_DOWNLOADED = {
    b"version https://git-lfs": "a Git LFS pointer: fetch the file with `git lfs pull`",
    b"<!doctype html": "a web page instead of the expected file: download it again",
    b"<html": "a web page instead of the expected file: download it again",
}
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def expand(path: str | Path) -> Path:
    """Returns the path with "~" expanded to the home folder.

    Raises:
      ZooError: the user in "~user" does not exist.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ZooError(f"{path}: this user has no home folder") from None


def check_file(path: Path, max_bytes: int | None = None) -> int:
    """Checks that a file can be read, and returns its size in bytes.

    Pipes and devices are rejected: reading a pipe without a writer would block, and `/dev/zero` never ends.

    Args:
      path: the file.
      max_bytes: the maximum size; None for no limit.

    Raises:
      ZooError: the file is missing, not a regular file, empty, too large, not readable, or was not downloaded.
    """
    try:
        found = path.stat()
        readable = os.access(path, os.R_OK)
    except (OSError, ValueError) as error:
        raise ZooError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(found.st_mode):
        raise ZooError(f"{path} cannot be read: it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise ZooError(f"{path} cannot be read: it is a pipe or a device, not a regular file")
    if not readable:
        raise ZooError(f"{path} cannot be read: Permission denied")
    if found.st_size == 0:
        raise ZooError(f"{path} cannot be read: it is empty")
    if max_bytes is not None and found.st_size > max_bytes:
        raise ZooError(f"{path} is too large: {in_units(found.st_size)}, the limit is {in_units(max_bytes)}")
    with path.open("rb") as file:
        start = file.read(64).lstrip().lower()
    for begin, what in NOT_DOWNLOADED.items():
        if start.startswith(begin):
            raise ZooError(f"{path} is {what}")
    return found.st_size


def in_units(size: int) -> str:
    """Formats a number of bytes in binary units, such as "1.5 GiB"."""
    power = min((max(size, 1).bit_length() - 1) // 10, len(UNITS) - 1)
    return f"{size / 1024**power:.4g} {UNITS[power]}"


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file's content in hexadecimal digits, as the command `sha256sum` prints it.

    Raises:
      ZooError: as `check_file`.
    """
    check_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
