"""The code blocks of the documents, and how each is tested.

A comment before a block says how, and is not shown:

    <!-- test: slow -->               executed by the slow tests, since it takes many seconds
    <!-- test: full -->               executed by the tests marked `full`, since it takes minutes or much memory
    <!-- test: exit 1 -->             executed, and ends with this status; also "slow, exit 1"
    <!-- test: parsed, REASON -->     not executed: flags, names and syntax are checked

A block without a comment is executed by every run of the tests. The blocks of a document are executed in order, in one
folder, and those in Python share their variables.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from markdown_it import MarkdownIt
from PIL import Image
from programs import ROOT, child_environment

GUIDES = (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
DOCUMENTS = sorted(path.relative_to(ROOT).as_posix() for path in GUIDES)
MARKER = re.compile(r"<!-- test: (slow|full|(?:slow, )?exit \d+|parsed, .+) -->")
PARSER = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Block:
    """A fenced block of code.

    Attributes:
      document: path of the document from the root of the project.
      line: of the fence.
      language: after the fence.
      text: the code.
      marker: how it is tested; "" for execution by every run.
    """

    document: str
    line: int
    language: str
    text: str
    marker: str

    @property
    def is_slow(self) -> bool:
        """Whether the block is executed by the slow tests only."""
        return self.marker.startswith("slow")

    @property
    def is_full(self) -> bool:
        """Whether the block is executed by the tests marked `full` only."""
        return self.marker == "full"

    @property
    def is_executed(self) -> bool:
        """Whether the block is executed by some test."""
        return self.language in ("sh", "python") and not self.marker.startswith("parsed")


def tokens(document):
    """Returns the tokens of a document."""
    return PARSER.parse((ROOT / document).read_text(encoding="utf-8"))


def blocks(document) -> Iterator[Block]:
    """Yields the blocks of a document. Indented code is a block without language.

    Raises:
      ValueError: a comment that should say how a block is tested is none of those that are known.
    """
    marker = ""
    for token in tokens(document):
        if token.type in ("fence", "code_block"):
            yield Block(document, token.map[0] + 1, token.info, token.content, marker)
        comment = token.type == "html_block" and "<!-- test:" in token.content
        marker = ""
        if comment:
            found = MARKER.fullmatch(token.content.strip())
            if not found:
                raise ValueError(f"{document}:{token.map[0] + 1}: {token.content.strip()!r} is no way to test a block")
            marker = found[1]


def inline_code(document) -> Iterator[str]:
    """Yields what is in backticks in the text of a document."""
    for token in tokens(document):
        for child in token.children or ():
            if child.type == "code_inline":
                yield child.content


def execute(chosen: Iterable[Block], folder: Path) -> None:
    """Executes blocks in a process of its own, in a folder with data, as a reader would in a terminal.

    Raises:
      AssertionError: a block failed; with its place and its output.
    """
    make_data(folder)
    environment = child_environment(PYTHONPATH=str(ROOT), JAX_DISABLE_MOST_OPTIMIZATIONS="0", KERAS_BACKEND="jax")
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    finished = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("session.py"))],
        input=json.dumps([asdict(block) for block in chosen]),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def make_data(folder: Path) -> None:
    """Makes the data that the documents speak of.

    These are images, `flowers/`, `photos/` with three splits, and `photo.jpg`; and features, `table.csv` and the
    unlabelled `new-rows.csv`.
    """
    random = np.random.default_rng(0)

    def picture(path, shade):
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(random.normal(shade, 20, (40, 40, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path)

    for shade, name in ((40, "daisy"), (120, "rose"), (200, "tulip")):
        for number in range(20):
            picture(folder / "flowers" / name / f"{number}.jpg", shade)
            for split, images in (("train", 16), ("val", 4), ("test", 4)):
                if number < images:
                    picture(folder / "photos" / split / name / f"{number}.jpg", shade)
    picture(folder / "photo.jpg", 120)
    rows = [(random.normal(number % 2, 0.2), random.normal(), "ab"[number % 2]) for number in range(200)]
    lines = ["x,y,class\n", *(f"{x:.4f},{y:.4f},{name}\n" for x, y, name in rows)]
    (folder / "table.csv").write_text("".join(lines))
    (folder / "new-rows.csv").write_text("y,x\n0.5,1.1\n-0.2,0.1\n")
    shutil.copy(ROOT / "docs" / "ci" / "bisect.sh", folder)
