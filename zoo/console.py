"""The console on which programs print tables and progress."""

from typing import Any

from rich.console import Console
from rich.text import Text

from zoo.errors import ZooError, printable


class SafeConsole(Console):
    """A console that escapes control characters in names of files and classes, see `printable`."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # rich would exit with status 1

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str("\n".join(map(printable, text.split("\n"))), **options)

    def print(self, *objects: Any, **options: Any) -> None:
        try:
            super().print(*objects, **options)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ZooError(f"the output cannot be written: {error.strerror}") from error
