"""Early ends of a run: signals, too many images that cannot be decoded, a full disk."""

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
from zoo.training.run.files import RunFiles

HOST_SYNC_STEPS = 10  # steps between two exchanges of received signals among hosts


class Stop:
    """A request to stop the run, made by a signal.

    Attributes:
      received: the signal that this process received.
      signum: the signal that ends the run, once all hosts have agreed.
    """

    received: int | None = None
    signum: int | None = None
    _next_agreement: int = 0

    def pending(self, step: int) -> bool:
        """Returns whether to call `settle` after `step` steps: if a signal came, or on many hosts, at regular steps."""
        if jax.process_count() == 1:
            return self.received is not None
        if due := step >= self._next_agreement:
            self._next_agreement = step + HOST_SYNC_STEPS
        return due

    def settle(self) -> bool:
        """Sets `signum` by agreement of all hosts, and returns whether to stop.

        All hosts must call it after the same step, with no training step in flight, whose collectives could be matched
        with this one.
        """
        self.signum = self.received
        if jax.process_count() > 1:
            self.signum = int(multihost_utils.process_allgather(np.int32(self.received or 0)).max()) or None
        return self.signum is not None


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Turns the first SIGTERM or Ctrl-C into a request to stop; a second one has its usual effect.

    A signal that comes too late to stop the run is raised again at the end, because more runs may follow.
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
    """Counts and records images that cannot be decoded; raises `ZooError` beyond the recipe's limits.

    A resumed run continues the count. Each host counts its own images, and the first host records its own.
    """

    def __init__(self, data: Data, images: int, folder: RunFiles | None) -> None:
        """Starts counting, or continues the count of a resumed run.

        Args:
          data: the recipe's, with the limits.
          images: total number of images.
          folder: the run folder; None to record nothing.
        """
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
        """Returns a line about the skipped images; None if there are none."""
        if not self.reasons:
            return None
        subject = "image that cannot be decoded was" if len(self.reasons) == 1 else "images that cannot be decoded were"
        more = len(self.reasons) - 5
        rest = f"; and {more} more" if more > 0 else ""
        return f"{len(self.reasons)} {subject} skipped, of {self.images:,}: {self._listed()}{rest}"


@contextlib.contextmanager
def disk_errors_as_zoo_errors() -> Iterator[None]:
    """Converts errors of the file system, such as a full disk, into a `ZooError`."""
    try:
        yield
    except ZooError:
        raise
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            # TensorStore, which writes the arrays of a checkpoint, raises its own errors with the system's message.
            if getattr(cause, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in str(cause):
                raise ZooError(
                    "the disk is full: make room and run the same command again; what was saved is intact"
                ) from error
            cause = cause.__cause__ or cause.__context__
        if isinstance(error, OSError) and error.filename:
            raise ZooError(f"{error.filename}: {error.strerror or error}") from error
        raise
