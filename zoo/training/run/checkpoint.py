"""Checkpoints of a training state: written in the background by Orbax, complete or absent, and checked when read."""

import math
import shutil
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np
from absl import logging
from jax.experimental import multihost_utils
from orbax.checkpoint import v1 as ocp

from zoo.errors import DamagedFile, ZooError, printable
from zoo.json_files import read_json
from zoo.training.step.state import TrainState

METADATA = "_CHECKPOINT_METADATA"
METRICS = Mapping[str, float]


class Checkpoints:
    """The checkpoints of one run: the last two, and the best by accuracy.

    Orbax writes into a temporary folder and renames it at the end, so that a run killed at any moment leaves complete
    checkpoints only. It does not notice when bytes change afterwards, so each has the checksums of its arrays with it.
    """

    def __init__(self, folder: Path, *, clean_up: bool) -> None:
        """Opens a folder, which is made if it is not there.

        Args:
          folder: of the checkpoints.
          clean_up: whether to remove what a killed run left half-written. Only who trains may: elsewhere it might be
            what the training process is writing just now.
        """
        logging.get_absl_logger().addFilter(_not_from_orbax)
        self._folder = folder.resolve()
        self._saving: Any = None  # Orbax's answer to a save under way
        self._current: int | None = None  # the step whose state was restored or saved last
        self._repaired: list[str] = []
        self._checkpointer: Any = None
        if not clean_up:
            return
        if jax.process_index() == 0:
            self._repair()
        if jax.process_count() > 1:
            multihost_utils.sync_global_devices("checkpoints repaired")
        policies = ocp.training.preservation_policies
        best = policies.BestN(
            get_metric_fn=lambda metrics: metrics["top1"], n=1, keep_checkpoints_without_metrics=False
        )
        try:
            self._checkpointer = ocp.training.Checkpointer(
                self._folder,
                preservation_policy=policies.AnyPreservationPolicy([policies.LatestN(2), best]),
                cleanup_tmp_directories=True,
            )
        except Exception as error:  # what else there may be in the folder that Orbax trips over
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            raise ZooError(
                f"the checkpoints in {printable(self._folder)} cannot be used: {printable(reason)}"
            ) from error

    def _repair(self):
        """Removes those files of checkpoints whose damage would keep Orbax from opening the folder. The arrays stay."""
        for _, checkpoint in self._steps():
            for path, shape in (
                (checkpoint / "metrics" / "metrics", METRICS),
                (checkpoint / METADATA, Mapping[str, Any]),
            ):
                if not path.exists():
                    continue
                try:
                    content = read_json(path, shape, "it is removed")
                    if shape is METRICS and not math.isfinite(content["top1"]):
                        raise DamagedFile(f"{printable(path)} is damaged: it is removed")
                except (DamagedFile, KeyError):
                    self._repaired.append(f"{printable(path)} is damaged, and removed")
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _steps(self):
        """(step, folder) of each checkpoint, the newest first. Orbax gives a folder such a name once all is in it."""
        folders = self._folder.iterdir() if self._folder.is_dir() else ()
        return sorted(
            ((int(path.name), path) for path in folders if path.name.isascii() and path.name.isdecimal()), reverse=True
        )

    def save(self, step: int, state: TrainState, metrics: dict[str, float] | None = None) -> None:
        """Begins to save a state in the background, once an earlier save has ended; a state that it has already is not
        saved again, unless there is an evaluation of it now. A damaged checkpoint of the same step is replaced.

        Args:
          step: the optimizer steps done.
          state: may be donated to the next step at once.
          metrics: of the evaluation at this step; `top1` decides which checkpoint is the best.

        Raises:
          Exception: whatever Orbax raises where the disk is full. Earlier checkpoints are untouched.
        """
        if step == self._current and metrics is None:
            return
        self.wait()
        self._current = step
        save = getattr(self._checkpointer, "save_async", None) or self._checkpointer.save_pytree_async
        self._saving = save(
            step, state, force=True, overwrite=True, metrics=metrics, custom_metadata={"crc32": checksums(state)}
        )

    def wait(self) -> None:
        """Waits until the save that is under way has ended; raises what `save` does."""
        if self._saving is not None:
            saving, self._saving = self._saving, None
            saving.result()

    def restore(self, like: TrainState | None, on_damaged: Callable[[str], None]) -> Any:
        """The newest state that is whole, or None.

        Args:
          like: a state with the shapes, dtypes and shardings that are wanted; None to get what is there as nested
            dictionaries on one device.
          on_damaged: called with a line about each damaged checkpoint that is passed over.

        Raises:
          ZooError: a checkpoint is whole, but of another network or optimizer than `like`.
        """
        for text in self._repaired:
            on_damaged(text)
        for step, path in self._steps():
            try:
                metadata = _function("metadata", "pytree_metadata")(path)
                there, wanted = _shapes(metadata.metadata), _shapes(like)
                if not there:
                    raise ValueError("its list of arrays cannot be read")
                if like is not None and there != wanted:
                    name = min(there.keys() ^ wanted.keys(), default=None) or next(
                        n for n in there if there[n] != wanted[n]
                    )
                    raise ZooError(
                        f"{self._folder} is of another network or optimizer: {name} is"
                        f" {there.get(name, 'nothing')} there and {wanted.get(name, 'nothing')} here; choose another --workdir"
                    )
                state = _function("load", "load_pytree")(path, _abstract(like, metadata.metadata))
                saved = metadata.custom_metadata["crc32"]
            except ZooError:
                raise
            except Exception as error:  # Orbax and TensorStore raise dozens of types for damaged files
                reason = str(error).strip().split("\n")[0] or type(error).__name__
            else:
                if saved == checksums(state):
                    self._current = step
                    return state
                reason = "its checksums are wrong"
            on_damaged(f"the checkpoint of step {step} is damaged, going back to the one before: {reason}")
        return None

    def close(self) -> None:
        """Waits for the save under way and releases Orbax's threads."""
        try:
            self.wait()
        finally:
            if self._checkpointer is not None:
                self._checkpointer.close()


def _function(name, name_before):
    """A function of Orbax's by its name since 0.12, or by the one before, which 0.12 warns of."""
    return getattr(ocp, name, None) or getattr(ocp, name_before)


def _not_from_orbax(record):
    """Orbax logs what every file goes through, and each error with its traceback before it raises it."""
    return "orbax" not in record.pathname


def _abstract(like, metadata):
    if like is not None:
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding), like)
    one_device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=one_device), metadata)


def _shapes(tree):
    """The shape of each array of a state, or of its metadata, by path."""
    return {_name(path): list(leaf.shape) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _name(path):
    return jax.tree_util.keystr(path, simple=True, separator="/")


def checksums(state: Any) -> dict[str, int]:
    """CRC-32 of each array of a state by its path, such as "params/conv1/kernel"."""
    return {
        _name(path): zlib.crc32(
            cast(Any, np.ascontiguousarray(jax.device_get(leaf)))
        )  # older NumPy: its types hide the buffer
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
    }
