"""Checkpoints of the training state, written asynchronously and atomically by Orbax, with checksums."""

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

    Orbax writes to a temporary folder and renames it at the end, so that a killed run leaves only complete checkpoints.
    It does not detect later corruption, so each checkpoint includes checksums of its arrays.
    """

    def __init__(self, folder: Path, *, clean_up: bool) -> None:
        """Opens a folder of checkpoints, and creates it if it does not exist.

        Args:
          folder: of the checkpoints.
          clean_up: whether to remove unfinished checkpoints of a killed run. Only for the training process: a reader
            could remove what the training process is writing.
        """
        logging.get_absl_logger().addFilter(_not_from_orbax)
        self._folder = folder.resolve()
        self._saving: Any = None  # Orbax's handle of the save in progress
        self._current: int | None = None  # the step of the last state that was restored or saved
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
        except Exception as error:  # other contents of the folder on which Orbax fails
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            raise ZooError(
                f"the checkpoints in {printable(self._folder)} cannot be used: {printable(reason)}"
            ) from error

    def _repair(self):
        """Removes damaged metadata files that would keep Orbax from opening the folder; the arrays are kept."""
        for _, checkpoint in self._steps():
            for path, shape in (
                (checkpoint / "metrics" / "metrics", METRICS),
                (checkpoint / METADATA, Mapping[str, Any]),
            ):
                if not path.exists():
                    continue
                try:
                    content = read_json(path, shape, "removed")
                    if shape is METRICS and not math.isfinite(content["top1"]):
                        raise DamagedFile(f"{printable(path)} is damaged: removed")
                except (DamagedFile, KeyError):
                    self._repaired.append(f"{printable(path)} is damaged: removed")
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _steps(self):
        """Returns (step, folder) of each complete checkpoint, newest first; an incomplete one has another name."""
        folders = self._folder.iterdir() if self._folder.is_dir() else ()
        return sorted(
            ((int(path.name), path) for path in folders if path.name.isascii() and path.name.isdecimal()), reverse=True
        )

    def save(self, step: int, state: TrainState, metrics: dict[str, float] | None = None) -> None:
        """Starts to save a state in the background, after waiting for an earlier save.

        A state that is already saved is saved again only with metrics. A damaged checkpoint of the same step is
        replaced.

        Args:
          step: number of optimizer steps done.
          state: may be donated to the next step immediately.
          metrics: of the evaluation at this step; `top1` determines the best checkpoint.

        Raises:
          Exception: whatever Orbax raises if the disk is full. Earlier checkpoints are intact.
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
        """Waits for the save in progress; raises the same errors as `save`."""
        if self._saving is not None:
            saving, self._saving = self._saving, None
            saving.result()

    def restore(self, like: TrainState | None, on_damaged: Callable[[str], None]) -> Any:
        """Restores the newest intact state; None if there is none.

        Args:
          like: a state with the expected shapes, dtypes and shardings; None to restore nested dictionaries on one
            device.
          on_damaged: called with a line about each damaged checkpoint that is skipped.

        Raises:
          ZooError: an intact checkpoint is of another network or optimizer than `like`.
        """
        for text in self._repaired:
            on_damaged(text)
        for step, path in self._steps():
            try:
                metadata = _function("metadata", "pytree_metadata")(path)
                there, wanted = _shapes(metadata.metadata), _shapes(like)
                if not there:
                    raise ValueError("cannot read its list of arrays")
                if like is not None and there != wanted:
                    name = min(there.keys() ^ wanted.keys(), default=None) or next(
                        n for n in there if there[n] != wanted[n]
                    )
                    raise ZooError(
                        f"{self._folder} is of another network or optimizer: {name} is {there.get(name, 'missing')},"
                        f" expected {wanted.get(name, 'none')}; choose another --workdir"
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
                reason = "its checksums do not match"
            on_damaged(f"the checkpoint of step {step} is damaged, falling back to the previous one: {reason}")
        return None

    def close(self) -> None:
        """Waits for the save in progress and releases Orbax's threads."""
        try:
            self.wait()
        finally:
            if self._checkpointer is not None:
                self._checkpointer.close()


def _function(name, name_before):
    """Returns a function of Orbax by its name since 0.12, or by its older name, which 0.12 deprecates."""
    return getattr(ocp, name, None) or getattr(ocp, name_before)


def _not_from_orbax(record):
    """Filters out log records of Orbax, which logs each file operation, and each error with its traceback."""
    return "orbax" not in record.pathname


def _abstract(like, metadata):
    if like is not None:
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding), like)
    one_device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=one_device), metadata)


def _shapes(tree):
    """Returns the shape of each array of a state, or of its metadata, by path."""
    return {_name(path): list(leaf.shape) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _name(path):
    return jax.tree_util.keystr(path, simple=True, separator="/")


def checksums(state: Any) -> dict[str, int]:
    """Computes the CRC-32 of each array of a state, by path, such as "params/conv1/kernel"."""
    return {
        # `cast`: the types of older NumPy do not declare the buffer protocol.
        _name(path): zlib.crc32(cast(Any, np.ascontiguousarray(jax.device_get(leaf))))
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
    }
