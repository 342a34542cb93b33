"""The folder of a run: which recipe it belongs to, and what has happened in it so far."""

import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from zoo.data.augment import Statistics
from zoo.errors import ZooError
from zoo.recipe import Recipe
from zoo.training.verdict import Verdict

PACKAGES = ("zoo", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy", "tensorflow-datasets")


class RunFolder:
    """The files of one run; `claim` opens it. `checkpoints`, `metrics` and `events` are paths for others to write to."""

    def __init__(self, path: Path):
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.metrics = path / "metrics.jsonl"
        self.events = path / "tensorboard"

    @classmethod
    def claim(cls, path: str | Path, recipe: Recipe, seed: int) -> "RunFolder":
        """Makes the folder of a run, or opens it again if it is of the same recipe and seed.

        Raises:
          ZooError: it belongs to another recipe or seed (the message shows the difference), or cannot be written.
        """
        folder = cls(Path(path))
        recorded = folder.path / "recipe.json"
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            if recorded.exists() and folder.metrics.exists():
                folder._compare(json.loads(recorded.read_text()), recipe, seed)
            else:  # a run that ended before its first step, for a mistake perhaps, does not count
                if any(folder.path.iterdir()) and not recorded.exists():
                    raise ZooError(f"{path} is not empty and not the folder of a run: choose another --workdir")
                content = {"fingerprint": recipe.fingerprint, "seed": seed, "recipe": recipe.to_json()}
                folder.write("environment.json", environment())
                folder.write("recipe.json", content)
        except json.JSONDecodeError:
            raise ZooError(f"{recorded} is damaged: choose another --workdir, or remove this one") from None
        except OSError as error:
            raise ZooError(f"the run folder {path} cannot be used: {error.strerror}") from None
        return folder

    def _compare(self, recorded, recipe, seed):
        difference = recipe.difference(Recipe.from_json(recorded["recipe"]))
        if seed != recorded["seed"]:
            difference.append(f"seed: {seed}, {recorded['seed']}")
        if difference:
            lines = "; ".join(difference)
            raise ZooError(
                f"{self.path} belongs to another run: choose another --workdir. Asked for now, and in the folder: {lines}"
            )

    def write(self, name: str, content: Any) -> None:
        """Writes a JSON file so that it is there as a whole or not at all."""
        temporary = self.path / f".{name}.tmp"
        temporary.write_text(json.dumps(content, indent=2) + "\n")
        temporary.replace(self.path / name)

    def write_verdict(self, verdict: Verdict) -> None:
        """Writes `verdict.json`."""
        self.write("verdict.json", vars(verdict))

    def read_statistics(self) -> Statistics | None:
        """The statistics that the run was started with; None if there are none yet."""
        path = self.path / "statistics.npz"
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return Statistics(**{name: arrays[name] for name in Statistics._fields})

    def write_statistics(self, statistics: Statistics) -> None:
        """Writes `statistics.npz`, for the run to go on with, and for evaluation."""
        temporary = self.path / ".statistics.tmp.npz"
        np.savez(temporary, **statistics._asdict())
        temporary.replace(self.path / "statistics.npz")

    def write_corrupt(self, reasons: Mapping[str, str]) -> None:
        """Writes `corrupt.json`: the images that could not be decoded, and why."""
        self.write("corrupt.json", reasons)

    def read_history(self, step: int) -> list[dict[str, Any]]:
        """The run's records up to `step`; a line that a killed process left unfinished ends them."""
        records = []
        if self.metrics.exists():
            for line in self.metrics.read_text().splitlines():
                try:
                    records.append(json.loads(line))
                except json.JSONDecodeError:
                    break
        return [record for record in records if record["step"] <= step]

    def rewrite_history(self, records: list[dict[str, Any]]) -> None:
        """Makes `metrics.jsonl` hold just these records."""
        temporary = self.metrics.with_suffix(".tmp")
        temporary.write_text("".join(json.dumps(record) + "\n" for record in records))
        temporary.replace(self.metrics)


def environment() -> dict[str, Any]:
    """Versions, devices and machine, for the record."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    devices = jax.devices()
    return {
        "python": platform.python_version(),
        "versions": versions,
        "platform": devices[0].platform,
        "device": devices[0].device_kind,
        "devices": len(devices),
        "processes": jax.process_count(),
        "machine": platform.machine(),
        "processor": processor(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "command": sys.orig_argv,
    }


def processor() -> str:
    """The name of the machine's processor."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")] if cpuinfo.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()
