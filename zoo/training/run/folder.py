"""The folder of a run: which run it belongs to, its lock, and its environment."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock

from zoo.data.dataset import Dataset
from zoo.data.identity import changed_data, describe_data
from zoo.errors import ZooError, listed, printable
from zoo.recipe import Recipe
from zoo.training.run.environment import PACKAGES, environment
from zoo.training.run.files import RunFiles

FILES = (
    *("recipe.json", "environment.json", "statistics.npz", "corrupt.json", "metrics.jsonl", "by_class.json"),
    *("data.json", "mistakes.json", "verdict.json", "curves.png", "confusion.png", "report.html"),
)
FOLDERS = ("checkpoints", "tensorboard")
WRITTEN_BEFORE_FIRST_STEP = {
    *("recipe.json", "environment.json", "statistics.npz", "corrupt.json", "data.json"),
    *FOLDERS,
}


class RunFolder(RunFiles):
    """The folder of one run, for the process that trains."""

    def __init__(
        self,
        path: str | Path,
        on_damaged: Callable[[str], None] = lambda text: None,
        steps_per_execution: int = 1,
    ) -> None:
        """Refers to a run folder, without creating or reading it.

        Args:
          path: of the folder.
          on_damaged: called with a line about each damaged file that is skipped.
          steps_per_execution: recorded with the environment, see `zoo.fit`.
        """
        super().__init__(path, on_damaged)
        self._execution = {"steps_per_execution": steps_per_execution}

    @property
    def started(self) -> bool:
        """Whether the run reached its first step; a run that failed before does not occupy the folder."""
        return (self.path / "recipe.json").exists() and (self.metrics.exists() or self._has_checkpoints)

    @property
    def _has_checkpoints(self):
        return self.checkpoints.is_dir() and any(path.name.isdecimal() for path in self.checkpoints.iterdir())

    @contextlib.contextmanager
    def claimed(self, recipe: Recipe, seed: int, dataset: Dataset) -> Iterator[None]:
        """Creates the folder if necessary, locks it, and then claims it, so that concurrent runs cannot both claim it.

        Raises:
          ZooError: as `locked` and `claim`.
        """
        with self._os_errors_as_zoo_errors():
            self.path.mkdir(parents=True, exist_ok=True)
            self._check_contents()  # before a lock file is created in a folder of something else
        with self.locked():
            self.claim(recipe, seed, dataset)
            yield

    def claim(self, recipe: Recipe, seed: int, dataset: Dataset) -> None:
        """Checks that the folder belongs to this recipe, seed and data, or is free; the folder must be locked.

        Raises:
          ZooError: the folder belongs to another run (the message lists the differences), or cannot be written.
        """
        with self._os_errors_as_zoo_errors():
            self.path.mkdir(parents=True, exist_ok=True)
            self._check_contents()
            if self.started:
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
    def _os_errors_as_zoo_errors(self):
        try:
            str(self.path.absolute()).encode()
        except UnicodeEncodeError:  # TensorStore would not find its own files there
            raise ZooError(f"the run folder {printable(self.path)} cannot be used: its name is not UTF-8") from None
        try:
            yield
        except (OSError, ValueError) as error:  # ValueError: a null byte in the name
            reason = error.strerror if isinstance(error, OSError) else error
            raise ZooError(f"the run folder {printable(self.path)} cannot be used: {reason}") from None

    def _check_contents(self):
        """Raises `ZooError` if the folder contains anything that a run would overwrite, or fail on later."""
        for name in (*FILES, *FOLDERS):
            path = self.path / name
            kind = "folder" if name in FOLDERS else "file"
            if path.exists() and not (path.is_dir() if kind == "folder" else path.is_file()):
                raise ZooError(f"{printable(path)} is not a {kind}: choose another --workdir")
        if self.started:
            return
        if self._has_checkpoints:
            raise ZooError(f"{printable(self.path)} has checkpoints but no recipe.json: choose another --workdir")
        others = (path.name for path in self.path.iterdir() if path.name[0] != ".")
        if foreign := sorted(name for name in others if name not in WRITTEN_BEFORE_FIRST_STEP):
            raise ZooError(
                f"{printable(self.path)} is not the folder of a run, it contains {printable(foreign[0])}: choose"
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
                f"{printable(self.path)} belongs to another run, choose another --workdir. Differences (requested, in"
                f" the folder): {printable(listed(difference, separator='; '))}"
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the folder against other training processes; the lock of a killed process is released.

        Raises:
          ZooError: another process is training in the folder.
        """
        lock = filelock.FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise ZooError(
                f"another process is training in {printable(self.path)}: wait for it, or choose another --workdir"
            ) from None
        except (OSError, NotImplementedError) as error:  # a file system without locks
            raise ZooError(f"{printable(self.path / '.lock')} cannot be locked: {error}") from None
        try:
            yield
        finally:
            lock.release()

    def changed_environment(self) -> list[str]:
        """Returns a line "name now (was then)" for each version or device that changed since the run started."""
        then = self._read_optional(
            "environment.json", Mapping[str, Any], "changes of the environment cannot be detected"
        )
        now = environment() | self._execution
        now, then = (
            {**one, **(versions if isinstance(versions := one.get("versions"), dict) else {})} for one in (now, then)
        )
        names = ("python", "platform", "device", "devices", "processor", "convolution", *self._execution, *PACKAGES)
        return [
            f"{name} {now.get(name)} (was {printable(then.get(name))})"
            for name in names
            if name in then and now.get(name) != then[name]
        ]
