"""The folder of a run: what it belongs to, and what has happened in it so far."""

import contextlib
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.identity import changed_data, describe_data
from zoo.data.normalization import Statistics
from zoo.errors import DamagedFile, ZooError, listed, printable
from zoo.json_files import read_json, read_json_lines
from zoo.recipe import Recipe
from zoo.recipe.part import conform
from zoo.training.run.environment import PACKAGES, environment
from zoo.training.run.verdict import Verdict

REMEDY = "choose another --workdir, or remove this one"
FILES = (
    *("recipe.json", "environment.json", "statistics.npz", "corrupt.json", "metrics.jsonl", "by_class.json"),
    *("data.json", "verdict.json", "curves.png", "confusion.png"),
)
FOLDERS = ("checkpoints", "tensorboard")
# What a run has before its first step; and what the numbers of a record are called, by its kind.
BEFORE_ITS_FIRST_STEP = {
    *("recipe.json", "environment.json", "statistics.npz", "corrupt.json", "data.json"),
    *FOLDERS,
}
NUMBERS = {
    "train": ("loss", "top1", "learning_rate"),
    "validation": ("loss", "top1", "majority", "examples"),
    "eval": ("loss", "top1", "majority", "examples"),
}
IDENTITY = Mapping[str, str | int | Mapping[str, Any]]
BY_CLASS = {"classes": tuple[str, ...], "recall": tuple[float | None, ...], "confusion": tuple[tuple[int, ...], ...]}


class RunFolder:
    """The files of one run. `checkpoints`, `metrics` and `events` are paths for others to write to.

    All that is read here may have been damaged since it was written. What a run can do without is then left out, and
    `on_damaged` told so in a line; what it cannot do without is a `DamagedFile`.
    """

    def __init__(
        self,
        path: str | Path,
        on_damaged: Callable[[str], None] = lambda text: None,
        steps_per_execution: int = 1,
    ) -> None:
        """Args: the folder, who is told of damages, and what is recorded with the environment, see `zoo.fit`."""
        self.path = Path(path)
        self._execution = {"steps_per_execution": steps_per_execution}
        self.checkpoints = self.path / "checkpoints"
        self.metrics = self.path / "metrics.jsonl"
        self.events = self.path / "tensorboard"
        self._on_damaged = on_damaged

    @property
    def begun(self) -> bool:
        """Whether the run got as far as its first step; one that did not, for a mistake perhaps, does not count."""
        return (self.path / "recipe.json").exists() and (self.metrics.exists() or self._has_checkpoints)

    @property
    def _has_checkpoints(self):
        return self.checkpoints.is_dir() and any(path.name.isdecimal() for path in self.checkpoints.iterdir())

    @contextlib.contextmanager
    def claimed(self, recipe: Recipe, seed: int, dataset: Dataset) -> Iterator[None]:
        """Locks the folder, which is made if it is not there, and claims it: in this order, for two runs may begin at once.

        Raises:
          ZooError: as `locked` and `claim`.
        """
        with self._one_line_for_what_the_system_refuses():
            self.path.mkdir(parents=True, exist_ok=True)
            self._refuse_strangers()  # before there is a lock in their folder
        with self.locked():
            self.claim(recipe, seed, dataset)
            yield

    def claim(self, recipe: Recipe, seed: int, dataset: Dataset) -> None:
        """Makes sure that the folder is the one of this recipe, seed and data; to be called with the folder locked.

        Raises:
          ZooError: it belongs to another run (the message shows the difference), or cannot be written.
        """
        with self._one_line_for_what_the_system_refuses():
            self.path.mkdir(parents=True, exist_ok=True)
            self._refuse_strangers()
            if self.begun:
                self._compare(recipe, seed, dataset)
                return
            for name in ("statistics.npz", "corrupt.json"):
                (self.path / name).unlink(missing_ok=True)
            content = {
                "fingerprint": recipe.fingerprint,
                "seed": seed,
                "data": describe_data(dataset),
                "recipe": recipe.to_json(),
            }
            self.write("recipe.json", content)
            self.write("environment.json", environment() | self._execution)

    @contextlib.contextmanager
    def _one_line_for_what_the_system_refuses(self):
        try:
            str(self.path.absolute()).encode()
        except UnicodeEncodeError:  # TensorStore would not find its own files there
            raise ZooError(f"the run folder {printable(self.path)} cannot be used: its name is not UTF-8") from None
        try:
            yield
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
            reason = error.strerror if isinstance(error, OSError) else error
            raise ZooError(f"the run folder {printable(self.path)} cannot be used: {reason}") from None

    def _refuse_strangers(self):
        """Raises `ZooError` if there is something in the folder that a run would overwrite, or stumble over at its end."""
        for name in (*FILES, *FOLDERS):
            path = self.path / name
            kind = "folder" if name in FOLDERS else "file"
            if path.exists() and not (path.is_dir() if kind == "folder" else path.is_file()):
                raise ZooError(f"{printable(path)} is no {kind}, and has to be one: choose another --workdir")
        if self.begun:
            return
        if self._has_checkpoints:
            raise ZooError(
                f"{printable(self.path)} has checkpoints of a run whose recipe.json is gone: choose another --workdir"
            )
        others = (path.name for path in self.path.iterdir() if path.name[0] != ".")
        if strange := sorted(name for name in others if name not in BEFORE_ITS_FIRST_STEP):
            raise ZooError(
                f"{printable(self.path)} is not the folder of a run, there is {printable(strange[0])} in it: choose"
                " another --workdir"
            )

    def _compare(self, recipe, seed, dataset):
        recorded = self.read_identity()
        difference = recipe.difference(Recipe.from_json(recorded["recipe"]))
        if seed != recorded["seed"]:
            difference.append(f"seed: {seed}, {recorded['seed']}")
        difference += changed_data(describe_data(dataset), recorded["data"])
        if difference:
            raise ZooError(
                f"{printable(self.path)} belongs to another run, choose another --workdir. Asked for now, and in the"
                f" folder: {printable(listed(difference, separator='; '))}"
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
                f"another process is training in {printable(self.path)}: wait for it, or choose another --workdir"
            ) from None
        except (OSError, NotImplementedError) as error:  # a file system that knows no locks
            raise ZooError(f"{printable(self.path / '.lock')} cannot be locked: {error}") from None
        try:
            yield
        finally:
            lock.release()

    def write(self, name: str, content: Any) -> None:
        """Writes a JSON file so that it is there as a whole or not at all."""
        temporary = self.path / f".{name}.tmp"
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        temporary.replace(self.path / name)

    def _read_what_can_be_missed(self, name, shape, without):
        """The content of a JSON file; {} if it is not there, or damaged, which is then said, with what this means."""
        path = self.path / name
        if not path.exists():
            return {}
        try:
            return read_json(path, shape, without)
        except DamagedFile as damaged:
            self._on_damaged(str(damaged))
            return {}

    def read_identity(self) -> dict[str, Any]:
        """What `claim` wrote: `recipe`, `fingerprint`, `seed` and `data`.

        Raises:
          ZooError: it is not the folder of a run.
          DamagedFile: the file is damaged.
        """
        path = self.path / "recipe.json"
        try:
            there = path.is_file()
        except (OSError, ValueError):
            there = False
        if not there:
            raise ZooError(f"{printable(self.path)} is not the folder of a run")
        identity = read_json(path, IDENTITY, REMEDY)
        try:
            conform(identity["seed"], int)
            conform(identity["data"]["classes"], tuple[str, ...])
            conform(identity["data"].get("features", []), tuple[str, ...])
            conform(identity["data"].get("by class") or {}, Mapping[str, tuple[int, ...]])
            recipe = Recipe.from_json(identity["recipe"])
        except (KeyError, TypeError, ZooError) as error:
            reason = f": {error}" if isinstance(error, ZooError) else ""
            raise DamagedFile(f"{printable(path)} is damaged, or of another version{reason}; {REMEDY}") from None
        if recipe.fingerprint != identity.get("fingerprint"):
            raise DamagedFile(f"{printable(path)} is damaged: its values do not have its fingerprint; {REMEDY}")
        return identity

    def changed_environment(self) -> list[str]:
        """A line "name: now, then" for each version or device that is not as it was when the run began."""
        then = self._read_what_can_be_missed(
            "environment.json", Mapping[str, Any], "whether the run was begun elsewhere is not known"
        )
        now = environment() | self._execution
        now, then = (
            {**one, **(versions if isinstance(versions := one.get("versions"), dict) else {})} for one in (now, then)
        )
        names = ("python", "platform", "device", "devices", "processor", "convolution", *self._execution, *PACKAGES)
        return [
            f"{name}: {now.get(name)}, {printable(then.get(name))}"
            for name in names
            if name in then and now.get(name) != then[name]
        ]

    def write_verdict(self, verdict: Verdict) -> None:
        """Writes `verdict.json`."""
        self.write("verdict.json", vars(verdict))

    def read_by_class(self) -> dict[str, Any]:
        """What the last evaluation found class by class, see `Tracker.by_class`; nothing before the first."""
        without = "what the last evaluation found class by class is left out"
        content = self._read_what_can_be_missed("by_class.json", Mapping[str, Any], without)
        try:
            found = {name: content[name] for name in BY_CLASS if name in content}
            for name, value in found.items():
                conform(value, BY_CLASS[name])
            if len({len(each) for each in (*found.values(), *found.get("confusion", ()))}) > 1:
                raise TypeError
        except TypeError:
            self._on_damaged(f"{printable(self.path / 'by_class.json')} is damaged: {without}")
            return {}
        return {name: value for name, value in found.items() if name != "classes"}

    def write_by_class(self, content: Mapping[str, Any]) -> None:
        """Writes `by_class.json`."""
        self.write("by_class.json", content)

    def read_statistics(self) -> Statistics | None:
        """The statistics that the run was started with; None if there are none yet.

        Raises:
          DamagedFile: they cannot be read.
        """
        path = self.path / "statistics.npz"
        if not path.exists():
            return None
        if not path.is_file():
            raise DamagedFile(f"{printable(path)} is damaged, it is no file: {REMEDY}")
        try:
            with zipfile.ZipFile(path) as archive:
                if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                    raise ValueError("it was not written by this program, which compresses nothing")
            with np.load(path, allow_pickle=False) as arrays:
                needed = Statistics._fields[: -len(Statistics._field_defaults)]
                statistics = Statistics(**{name: arrays[name] for name in {*needed, *arrays.files}})
            if not all(value is None or np.isfinite(value).all() for value in statistics):
                raise ValueError("not all of its numbers are finite")
        except Exception as error:  # NumPy and zipfile raise a dozen types for damaged files
            if isinstance(error, PermissionError):
                raise
            raise DamagedFile(f"{printable(path)} is damaged: {REMEDY}") from None
        return statistics

    def write_statistics(self, statistics: Statistics) -> None:
        """Writes `statistics.npz`, for the run to go on with, and for evaluation."""
        temporary = self.path / ".statistics.tmp.npz"
        np.savez(temporary, **{name: value for name, value in statistics._asdict().items() if value is not None})
        temporary.replace(self.path / "statistics.npz")

    def read_corrupt(self) -> dict[str, str]:
        """The images that could not be decoded so far, and why."""
        without = "images that cannot be decoded are counted anew"
        return self._read_what_can_be_missed("corrupt.json", Mapping[str, str], without)

    def write_corrupt(self, reasons: Mapping[str, str]) -> None:
        """Writes `corrupt.json`."""
        self.write("corrupt.json", reasons)

    def read_history(self, step: int) -> list[dict[str, Any]]:
        """The run's records up to `step`, without those that are damaged."""
        if not self.metrics.exists():
            return []
        records, damaged = read_json_lines(self.metrics, _is_record)
        if damaged:
            self._on_damaged(f"{printable(self.metrics)}: {damaged} of its lines are damaged and left out")
        return [record for record in records if record["step"] <= step]

    def rewrite_history(self, records: list[dict[str, Any]]) -> None:
        """Makes `metrics.jsonl` hold just these records."""
        temporary = self.path / ".metrics.tmp"
        temporary.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        temporary.replace(self.metrics)


def _is_record(content):
    """Whether a line of `metrics.jsonl` says what a `Tracker` was told."""
    kind = content.get("kind") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in NUMBERS:
        return False
    numbers = {name: value for name, value in content.items() if name != "kind"}
    there = {*NUMBERS[kind], "step"} <= numbers.keys() and type(numbers["step"]) is int
    return there and all(type(value) in (int, float) for value in numbers.values())
