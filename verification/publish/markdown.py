"""Markdown of generated pages: text, tables and links."""

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from zoo.errors import ZooError

SPECIAL = re.compile(r"([\\*_\[\]<>|#])")
LINK = re.compile(r"\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^)\s]+)\)")


def escape(text: str) -> str:
    """Returns a text whose characters mean nothing to Markdown; what is in backticks stays code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner
        return SPECIAL.sub(r"\\\1", text.replace("`", "'"))
    return "`".join(part if place % 2 else SPECIAL.sub(r"\\\1", part) for place, part in enumerate(parts))


def code(value: object) -> str:
    """Returns a value as code in a cell of a table; "-" if it is None or empty."""
    text = " ".join(str(value).split()).replace("|", "\\|")
    return f"`{text}`" if value is not None and text and "`" not in text else "-"


def table(head: Sequence[str], rows: Iterable[Sequence[object]], align: str = "") -> str:
    """Returns a table; cells are Markdown.

    Args:
      head: of the columns.
      rows: cells of each row.
      align: a letter for each column, "r" for numbers; to the left for those without.
    """
    marks = ["---:" if place < len(align) and align[place] == "r" else "---" for place in range(len(head))]
    lines = [head, marks, *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def for_site(text: str, page: str, pages: Mapping[str, str]) -> str:
    """Returns the text of a document whose relative links to files that the site lacks became plain text.

    Args:
      text: Markdown.
      page: path of the document from the root of the project, such as "README.md".
      pages: where the documents and files of the site are, by their path from the root of the project.
    """
    here = posixpath.dirname(pages[page])

    def relink(match: re.Match[str]) -> str:
        target, _, anchor = match["target"].partition("#")
        if not target or re.match(r"[a-z]+:", target):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        if path not in pages:
            return match["text"] if "`" in match["text"] else f"`{match['text']}`"
        there = posixpath.relpath(pages[path], here or ".")
        return f"[{match['text']}]({there}{'#' + anchor if anchor else ''})"

    return LINK.sub(relink, text)


def with_tables(text: str, tables: Mapping[str, Callable[[], str]], page: str) -> str:
    """Returns the text of a page with each table inserted between its markers.

    Args:
      text: the text of the page.
      tables: functions that return the tables, by name.
      page: the name of the page, for errors.

    Raises:
      ZooError: a marker is missing.
    """
    for name, table in tables.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, found, rest = text.partition(begin)
        _, found_end, after = rest.partition(end)
        if not found or not found_end:
            raise ZooError(f"missing markers {begin} and {end} in {page}")
        text = f"{before}{begin}\n{table()}\n{end}{after}"
    return text
