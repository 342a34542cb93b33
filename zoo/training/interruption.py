"""What ends a run early: signals, too many images that cannot be decoded, a full disk."""

import contextlib
import errno
import signal
import threading
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from zoo.data.pipeline import Corrupt
from zoo.errors import ZooError
from zoo.recipe import Data
from zoo.training.run.folder import RunFolder

HOSTS_AGREE_EVERY = 10  # steps between two questions among hosts whether one of them was told to stop


class Stop:
    """Whether a signal has asked the run to end.

    Attributes:
      received: the signal that this process got.
      signum: the signal that the run ends for, once every host knows.
    """

    received: int | None = None
    signum: int | None = None
    _next_agreement: int = 0

    def pending(self, step: int) -> bool:
        """Whether to call `settle` after `step` steps: at once on one host, now and then on many."""
        if jax.process_count() == 1:
            return self.received is not None
        if due := step >= self._next_agreement:
            self._next_agreement = step + HOSTS_AGREE_EVERY
        return due

    def settle(self) -> bool:
        """Sets `signum`; whether to stop. All hosts have to call it after the same step, with nothing else under way:
        a collective of a training step could meet the one of this.
        """
        self.signum = self.received
        if jax.process_count() > 1:
            self.signum = int(multihost_utils.process_allgather(np.int32(self.received or 0)).max()) or None
        return self.signum is not None


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Turns the first SIGTERM or Ctrl-C into a request to stop; a second one does what it always does, and so does the
    first, afterwards, if it came too late for the run to stop: more runs may follow this one.
    """
    stop = Stop()
    previous: dict[int, Any] = {}

    def restore():
        for number, handler in previous.items():
            signal.signal(number, handler)

    def request(signum, frame):
        stop.received = signum
        restore()

    if threading.current_thread() is threading.main_thread():  # Python lets no other thread handle signals
        for number in (signal.SIGTERM, signal.SIGINT):
            previous[number] = signal.signal(number, request)
    try:
        yield stop
    finally:
        restore()
        if stop.received and not stop.signum:
            signal.raise_signal(stop.received)


class SkippedImages:
    """Counts images that cannot be decoded and writes them down; raises `ZooError` when they are more than a recipe allows.

    It goes on where an interrupted run was. Several hosts count each its own images, and the first writes its down.
    """

    def __init__(self, data: Data, images: int, folder: RunFolder | None) -> None:
        """Args: the recipe's data, how many images there are in all, and the folder of the run."""
        self.data, self.images, self.folder = data, images, folder
        self.reasons = folder.read_corrupt() if folder else {}

    def __call__(self, corrupt: Corrupt) -> None:
        if corrupt.example in self.reasons:
            return
        self.reasons[corrupt.example] = corrupt.reason
        if self.folder:
            self.folder.write_corrupt(self.reasons)
        if len(self.reasons) > self.data.corrupt_limit:
            self._fail(f"data.corrupt_limit is {self.data.corrupt_limit}")
        if len(self.reasons) > max(self.data.corrupt_fraction * self.images, 1):
            self._fail(f"data.corrupt_fraction is {self.data.corrupt_fraction:g} of {self.images:,}")

    def _fail(self, rule):
        raise ZooError(f"{len(self.reasons)} images cannot be decoded, and {rule}: {self._listed()}")

    def _listed(self):
        return "; ".join(f"{example} ({reason})" for example, reason in list(self.reasons.items())[:5])

    def summary(self) -> str | None:
        """A line about all that were skipped, if any were."""
        if not self.reasons:
            return None
        what = "image that cannot be decoded was" if len(self.reasons) == 1 else "images that cannot be decoded were"
        more = len(self.reasons) - 5
        rest = f"; and {more} more" if more > 0 else ""
        return f"{len(self.reasons)} {what} skipped, of {self.images:,}: {self._listed()}{rest}"


@contextlib.contextmanager
def one_line_for_disk_errors() -> Iterator[None]:
    """Turns what the file system refuses, a full disk above all, into a `ZooError`."""
    try:
        yield
    except ZooError:
        raise
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            # TensorStore, which writes the arrays of a checkpoint, has errors of its own with the system's words.
            if getattr(cause, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in str(cause):
                raise ZooError(
                    "the disk is full: make room and run the same command again; what was saved is intact"
                ) from error
            cause = cause.__cause__ or cause.__context__
        if isinstance(error, OSError) and error.filename:
            raise ZooError(f"{error.filename}: {error.strerror or error}") from error
        raise
