"""The folder of a run: what it belongs to, and what has happened in it so far."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from zoo.data.augment import Statistics
from zoo.data.dataset import Dataset
from zoo.errors import ZooError
from zoo.recipe import Recipe
from zoo.training.environment import PACKAGES, environment
from zoo.training.verdict import Verdict


class RunFolder:
    """The files of one run. `checkpoints`, `metrics` and `events` are paths for others to write to."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.metrics = self.path / "metrics.jsonl"
        self.events = self.path / "tensorboard"

    @property
    def begun(self) -> bool:
        """Whether the run got as far as its first step; one that did not, for a mistake perhaps, does not count."""
        return (self.path / "recipe.json").exists() and self.metrics.exists()

    def claim(self, recipe: Recipe, seed: int, dataset: Dataset) -> None:
        """Makes the folder of a run, or makes sure that it is the one of this recipe, seed and data.

        Raises:
          ZooError: it belongs to another run (the message shows the difference), or cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if self.begun:
                self._compare(recipe, seed, dataset)
                return
            ours = {
                "recipe.json",
                "environment.json",
                "statistics.npz",
                "corrupt.json",
                "data.json",
                "checkpoints",
                "tensorboard",
            }
            strange = [path.name for path in self.path.iterdir() if path.name not in ours and path.name[0] != "."]
            if strange:
                raise ZooError(
                    f"{self.path} is not the folder of a run, there is {strange[0]} in it: choose another --workdir"
                )
            for name in ("statistics.npz", "corrupt.json"):
                (self.path / name).unlink(missing_ok=True)
            content = {
                "fingerprint": recipe.fingerprint,
                "seed": seed,
                "data": describe_data(dataset),
                "recipe": recipe.to_json(),
            }
            self.write("recipe.json", content)
            self.write("environment.json", environment())
        except OSError as error:
            raise ZooError(f"the run folder {self.path} cannot be used: {error.strerror}") from None

    def _compare(self, recipe, seed, dataset):
        recorded = self.read_identity()
        difference = recipe.difference(Recipe.from_json(recorded["recipe"]))
        if seed != recorded["seed"]:
            difference.append(f"seed: {seed}, {recorded['seed']}")
        difference += changed_data(describe_data(dataset), recorded["data"])
        if difference:
            raise ZooError(
                f"{self.path} belongs to another run, choose another --workdir. Asked for now, and in the folder:"
                f" {'; '.join(difference)}"
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from training in this folder meanwhile; a killed process holds it no longer.

        Raises:
          ZooError: another process is training in it.
        """
        lock = filelock.FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise ZooError(
                f"another process is training in {self.path}: wait for it, or choose another --workdir"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def write(self, name: str, content: Any) -> None:
        """Writes a JSON file so that it is there as a whole or not at all."""
        temporary = self.path / f".{name}.tmp"
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        temporary.replace(self.path / name)

    def _read(self, name):
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise ZooError(f"{self.path / name} is damaged: choose another --workdir, or remove this one") from None

    def read_identity(self) -> dict[str, Any]:
        """What `claim` wrote: `recipe`, `fingerprint`, `seed` and `data`.

        Raises:
          ZooError: it is not the folder of a run, or the file is damaged.
        """
        if not (self.path / "recipe.json").is_file():
            raise ZooError(f"{self.path} is not the folder of a run")
        identity = self._read("recipe.json")
        if not {"recipe", "seed", "data"} <= identity.keys():
            raise ZooError(f"{self.path / 'recipe.json'} is damaged: choose another --workdir, or remove this one")
        return identity

    def changed_environment(self) -> list[str]:
        """A line "name: now, then" for each version or device that is not as it was when the run began."""
        if not (self.path / "environment.json").is_file():
            return []
        now, then = ({**one, **one["versions"]} for one in (environment(), self._read("environment.json")))
        names = ("python", "platform", "device", "devices", "processor", "convolution", *PACKAGES)
        return [
            f"{name}: {now.get(name)}, {then.get(name)}"
            for name in names
            if name in then and now.get(name) != then[name]
        ]

    def write_verdict(self, verdict: Verdict) -> None:
        """Writes `verdict.json`."""
        self.write("verdict.json", vars(verdict))

    def read_by_class(self) -> dict[str, Any]:
        """What the last evaluation found class by class, see `Tracker.by_class`; nothing before the first."""
        content = self._read("by_class.json") if (self.path / "by_class.json").exists() else {}
        return {name: value for name, value in content.items() if name not in ("step", "classes")}

    def write_by_class(self, content: Mapping[str, Any]) -> None:
        """Writes `by_class.json`."""
        self.write("by_class.json", content)

    def read_statistics(self) -> Statistics | None:
        """The statistics that the run was started with; None if there are none yet."""
        path = self.path / "statistics.npz"
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                needed = Statistics._fields[: -len(Statistics._field_defaults)]
                return Statistics(**{name: arrays[name] for name in {*needed, *arrays.files}})
        except (OSError, ValueError, EOFError, KeyError, TypeError):
            raise ZooError(f"{path} is damaged: choose another --workdir, or remove this one") from None

    def write_statistics(self, statistics: Statistics) -> None:
        """Writes `statistics.npz`, for the run to go on with, and for evaluation."""
        temporary = self.path / ".statistics.tmp.npz"
        np.savez(temporary, **{name: value for name, value in statistics._asdict().items() if value is not None})
        temporary.replace(self.path / "statistics.npz")

    def read_corrupt(self) -> dict[str, str]:
        """The images that could not be decoded so far, and why."""
        return self._read("corrupt.json") if (self.path / "corrupt.json").exists() else {}

    def write_corrupt(self, reasons: Mapping[str, str]) -> None:
        """Writes `corrupt.json`."""
        self.write("corrupt.json", reasons)

    def read_history(self, step: int) -> list[dict[str, Any]]:
        """The run's records up to `step`; a line that a killed process left unfinished ends them."""
        records = []
        if self.metrics.exists():
            for line in self.metrics.read_text(encoding="utf-8").splitlines():
                try:
                    records.append(json.loads(line))
                except json.JSONDecodeError:
                    break
        return [record for record in records if record["step"] <= step]

    def rewrite_history(self, records: list[dict[str, Any]]) -> None:
        """Makes `metrics.jsonl` hold just these records."""
        temporary = self.path / ".metrics.tmp"
        temporary.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        temporary.replace(self.metrics)


def describe_data(dataset: Dataset) -> dict[str, Any]:
    """What must stay the same of a data set for a run to go on, or for its network to be evaluated on it."""
    features = {} if dataset.feature_names is None else {"features": list(dataset.feature_names)}
    return {
        "classes": list(dataset.class_names),
        **features,
        "channels": dataset.channels,
        "training images": len(dataset.train),
        "evaluation images": len(dataset.eval),
        "digest": dataset.report.digest,
        "by class": dataset.report.to_json()["examples by class"],
    }


def changed_data(now: Mapping[str, Any], then: Mapping[str, Any]) -> list[str]:
    """Lines about what is not as it was, of two descriptions by `describe_data`; some of an earlier version have less."""
    lines = [
        f"{name} of the data: {now[name]}, {then.get(name)}"
        for name in now
        if name not in ("digest", "by class") and now[name] != then.get(name)
    ]
    if "digest" not in then or then["digest"] == now["digest"]:
        return lines
    ours, theirs = (each.get("by class") or {} for each in (now, then))
    moved = [
        f"{name} {_plus(ours[name])}, {_plus(theirs[name])}"
        for name in ours
        if name in theirs and list(ours[name]) != list(theirs[name])
    ]
    if moved:
        rest = f" and {len(moved) - 5} more" if len(moved) > 5 else ""
        return [*lines, f"training + evaluation examples of {'; '.join(moved[:5])}{rest}"]
    return lines or ["as many examples of each class, but others: some have another content, name or label"]


def _plus(counts):
    return " + ".join(f"{count:,}" for count in counts)
