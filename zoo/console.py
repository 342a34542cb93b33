"""The console on which programs print tables and progress."""

import re
from typing import IO, Any

from rich.console import Console
from rich.text import Text

from zoo.errors import ZooError, printable


class StrippedLines:
    """A text stream that leaves out the spaces with which tables fill their lines, for files and pipes."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes text without the spaces before its line ends."""
        return self._stream.write(re.sub(r" +(?=\n)", "", text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


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
