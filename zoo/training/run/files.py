"""The files of a run: atomic writes, and reads that tolerate damaged files."""

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from zoo.data.normalization import Statistics
from zoo.errors import DamagedFile, ZooError, printable
from zoo.json_files import read_json, read_json_lines
from zoo.recipe import Recipe
from zoo.recipe.part import conform
from zoo.training.run.verdict import Verdict

REMEDY = "choose another --workdir, or remove this one"
IDENTITY = Mapping[str, str | int | Mapping[str, Any]]
BY_CLASS = {"classes": tuple[str, ...], "recall": tuple[float | None, ...], "confusion": tuple[tuple[int, ...], ...]}
# The numbers that a record must have, by its kind.
REQUIRED_NUMBERS = {
    "train": ("loss", "top1", "learning_rate"),
    "validation": ("loss", "top1", "majority", "examples"),
    "eval": ("loss", "top1", "majority", "examples"),
}


class RunFiles:
    """The files of one run. `checkpoints`, `metrics` and `events` are paths that others write to.

    Files may have been damaged since they were written. A damaged file that the run can do without is skipped, and
    reported to `on_damaged` in one line; any other raises `DamagedFile`.
    """

    def __init__(self, path: str | Path, on_damaged: Callable[[str], None] = lambda text: None) -> None:
        """Refers to a run folder, without creating or reading it.

        Args:
          path: of the folder.
          on_damaged: called with a line about each damaged file that is skipped.
        """
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.metrics = self.path / "metrics.jsonl"
        self.events = self.path / "tensorboard"
        self._on_damaged = on_damaged

    def write(self, name: str, content: Any) -> None:
        """Writes a JSON file atomically."""
        self.write_file(name, json.dumps(content, indent=2) + "\n")

    def write_file(self, name: str, content: str) -> None:
        """Writes a text file atomically."""
        temporary = self.path / f".{name}.tmp"
        temporary.write_text(content, encoding="utf-8")
        temporary.replace(self.path / name)

    def _read_optional(self, name, shape, consequence):
        """Reads a JSON file; returns {} if it is missing, or if it is damaged, which is reported."""
        path = self.path / name
        if not path.exists():
            return {}
        try:
            return read_json(path, shape, consequence)
        except DamagedFile as damaged:
            self._on_damaged(str(damaged))
            return {}

    def read_identity(self) -> dict[str, Any]:
        """Reads the recipe, fingerprint, seed and data description of the run, as `RunFolder.claim` wrote them.

        Returns:
          A dictionary with the keys `recipe`, `fingerprint`, `seed` and `data`.

        Raises:
          ZooError: the folder is not a run folder.
          DamagedFile: the file is damaged.
        """
        path = self.path / "recipe.json"
        try:
            exists = path.is_file()
        except (OSError, ValueError):
            exists = False
        if not exists:
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
            raise DamagedFile(f"{printable(path)} is damaged: its recipe does not match its fingerprint; {REMEDY}")
        return identity

    def read_verdict(self) -> Verdict | None:
        """Reads the verdict on the run; None if there is none yet, or if it is damaged, which is reported."""
        consequence = "repeat the command of the run to write it again"
        if not (content := self._read_optional("verdict.json", Mapping[str, Any], consequence)):
            return None
        try:
            types = get_type_hints(Verdict)
            return Verdict(**{name: conform(content[name], types[name]) for name in types})
        except (KeyError, TypeError):
            self._on_damaged(f"{printable(self.path / 'verdict.json')} is damaged: {consequence}")
            return None

    def read_remarks(self, name: str) -> dict[str, Any]:
        """Reads a JSON file that only people read, such as `environment.json`; {} if it is missing or damaged."""
        return self._read_optional(name, Mapping[str, Any], "it is left out")

    def write_verdict(self, verdict: Verdict) -> None:
        """Writes `verdict.json`."""
        self.write("verdict.json", vars(verdict))

    def read_by_class(self) -> dict[str, Any]:
        """Reads the per-class metrics of the last evaluation, see `Tracker.by_class`; empty before the first one."""
        return {name: value for name, value in self.read_named_classes().items() if name != "classes"}

    def read_named_classes(self) -> dict[str, Any]:
        """Reads the per-class metrics as `read_by_class`, with the names of the `classes`."""
        consequence = "the per-class metrics of the last evaluation are left out"
        content = self._read_optional("by_class.json", Mapping[str, Any], consequence)
        try:
            found = {name: content[name] for name in BY_CLASS if name in content}
            for name, value in found.items():
                conform(value, BY_CLASS[name])
            if len({len(each) for each in (*found.values(), *found.get("confusion", ()))}) > 1:
                raise TypeError
        except TypeError:
            self._on_damaged(f"{printable(self.path / 'by_class.json')} is damaged: {consequence}")
            return {}
        return found

    def write_by_class(self, content: Mapping[str, Any]) -> None:
        """Writes `by_class.json`."""
        self.write("by_class.json", content)

    def read_statistics(self) -> Statistics | None:
        """Reads the normalization statistics of the run; None if there are none yet.

        Raises:
          DamagedFile: the file is damaged.
        """
        path = self.path / "statistics.npz"
        if not path.exists():
            return None
        if not path.is_file():
            raise DamagedFile(f"{printable(path)} is damaged, it is not a file: {REMEDY}")
        try:
            with zipfile.ZipFile(path) as archive:
                if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                    raise ValueError("it is compressed, which `write_statistics` never does")
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
        """Writes `statistics.npz`, for resuming and for evaluation."""
        temporary = self.path / ".statistics.tmp.npz"
        np.savez(temporary, **{name: value for name, value in statistics._asdict().items() if value is not None})
        temporary.replace(self.path / "statistics.npz")

    def read_corrupt(self) -> dict[str, str]:
        """Reads which images could not be decoded so far, and why."""
        return self._read_optional("corrupt.json", Mapping[str, str], "the count of skipped images starts again at 0")

    def write_corrupt(self, reasons: Mapping[str, str]) -> None:
        """Writes `corrupt.json`."""
        self.write("corrupt.json", reasons)

    def read_history(self, step: int) -> list[dict[str, Any]]:
        """Reads the records of the run up to `step`; damaged lines are skipped."""
        if not self.metrics.exists():
            return []
        records, damaged = read_json_lines(self.metrics, _is_record)
        if damaged:
            self._on_damaged(f"{printable(self.metrics)} is damaged: {damaged} of its lines are skipped")
        return [record for record in records if record["step"] <= step]

    def rewrite_history(self, records: list[dict[str, Any]]) -> None:
        """Replaces the contents of `metrics.jsonl` by these records."""
        temporary = self.path / ".metrics.tmp"
        temporary.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        temporary.replace(self.metrics)


def _is_record(content):
    """Returns whether a line of `metrics.jsonl` is a record, as `Tracker` describes it."""
    kind = content.get("kind") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in REQUIRED_NUMBERS:
        return False
    numbers = {name: value for name, value in content.items() if name != "kind"}
    complete = {*REQUIRED_NUMBERS[kind], "step"} <= numbers.keys() and type(numbers["step"]) is int
    return complete and all(type(value) in (int, float) for value in numbers.values())
