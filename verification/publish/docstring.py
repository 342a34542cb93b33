"""The docstring of a recipe, which is plain text, as Markdown."""

import re
from collections.abc import Iterator

from verification.publish.markdown import escape, table

FIELD = re.compile(r"([A-Z][a-z]+): +(\S.*)")


def to_markdown(docstring: str) -> str:
    """Returns a docstring as Markdown: commands become code, and lines such as "Paper: ..." a table."""
    return "\n\n".join(_paragraphs(docstring.strip()))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.splitlines()
        if all(line.startswith("    ") for line in lines):
            yield "\n".join(["```sh", *(line[4:] for line in lines), "```"])
        elif FIELD.fullmatch(lines[0]):
            yield table(("", ""), _fields(lines))
        else:
            yield escape(" ".join(line.strip() for line in lines))


def _fields(lines: list[str]) -> list[tuple[str, str]]:
    """Returns name and text of each field; a line that is indented continues the one before."""
    fields: list[list[str]] = []
    for line in lines:
        if found := FIELD.fullmatch(line):
            fields.append([found[1], found[2]])
        else:
            fields[-1][1] += f" {line.strip()}"
    return [(name, escape(text)) for name, text in fields]
