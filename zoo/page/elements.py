"""The elements of pages, as HTML that is XML as well. Whatever is shown may be anything, and is escaped."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from zoo.errors import printable
from zoo.page.style import STYLE
from zoo.page.values import value_text

State = Literal["good", "bad", "open"]


class Markup(str):
    """Text that is HTML already, from a function of this module; everything else is escaped."""

    __slots__ = ()


def text(value: Any) -> Markup:
    """Returns any value as text of a page: on one line, printable and escaped; `Markup` as it is."""
    return value if isinstance(value, Markup) else Markup(html.escape(printable(value)))


def document(title: str, parts: Iterable[str], style: str = "") -> str:
    """Returns a whole page.

    Args:
      title: of the window.
      parts: of its body, from the other functions.
      style: rules in addition to `zoo.page.style.STYLE`.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<main>\n"
        f"{''.join(parts)}</main>\n</body>\n</html>\n"
    )


def header(subject: str, title: str, lines: Iterable[str], state: State, small: str) -> Markup:
    """Returns the head of a page: its subject, the verdict, lines that explain it, and a remark in small print."""
    paragraphs = "".join(f"<p>{text(line)}</p>\n" for line in lines)
    return Markup(
        f'<header class="{state}">\n<p class="subject">{text(subject)}</p>\n<h1>{capital(title)}</h1>\n'
        f'{paragraphs}<p class="small">{text(small)}</p>\n</header>\n'
    )


def capital(value: str) -> Markup:
    """Returns text that begins with a capital letter."""
    return text(value[:1].upper() + value[1:])


def section(title: str, parts: Sequence[str]) -> Markup:
    """Returns a section; "" without parts."""
    return Markup(f"<section>\n<h2>{text(title)}</h2>\n{''.join(parts)}</section>\n" if parts else "")


def folded(title: str, parts: Sequence[str], *, opened: bool = False) -> Markup:
    """Returns parts that the reader can fold away below their title."""
    state = ' open="open"' if opened else ""
    return Markup(f"<details{state}>\n<summary>{text(title)}</summary>\n{''.join(parts)}</details>\n")


def paragraph(value: str) -> Markup:
    """Returns a paragraph in small print."""
    return Markup(f'<p class="small">{text(value)}</p>\n')


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Markup:
    """Returns a table, which can be scrolled where the page is narrower."""
    head = "".join(f'<th scope="col">{text(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{text(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    return scrolled(f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>")


def scrolled(content: str) -> Markup:
    """Returns content that can be scrolled sideways where the page is narrower."""
    return Markup(f'<div class="scroll">{content}</div>\n')


def pairs(values: Mapping[str, Any]) -> Markup:
    """Returns a list of names and values."""
    items = "".join(f"<dt>{text(name)}</dt><dd>{text(all_of(value))}</dd>\n" for name, value in values.items())
    return Markup(f"<dl>\n{items}</dl>\n")


def code(line: str) -> Markup:
    """Returns a line to copy, or several."""
    return Markup(f"<pre><code>{html.escape(chr(10).join(map(printable, line.splitlines())))}</code></pre>\n")


def all_of(value: Any) -> str:
    """Returns a value as text, with every element of a list or a mapping; `Markup` as it is."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {value_text(each)}" for name, each in value.items())
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else value_text(value)
