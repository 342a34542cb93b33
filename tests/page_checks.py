"""Checks that all pages have to pass, and names that try to break them."""

import re
from xml.etree import ElementTree

HOSTILE = "</td><script>alert(1)</script>\"'&\x1b[31m[bold]{$x$}\u202e\n.png"


def parsed(text):
    """Returns a page as XML, which fails if it is not well-formed."""
    return ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))


def shown(text):
    """Returns the text of a page that a reader sees."""
    root = parsed(text)
    for style in list(root.iter("style")):
        style.text = ""
    return " ".join("".join(root.itertext()).split())


def check_page(text):
    """Checks that a page is well-formed, has no script, and needs nothing else but files beside it."""
    root = parsed(text)
    assert not list(root.iter("script")) and "\x1b" not in text and "\u202e" not in text
    assert not [name for each in root.iter() for name in each.attrib if name.lower().startswith("on")]
    links = re.findall(r"""\s(?:href|src|action|data)\s*=\s*["']([^"']*)""", text)
    assert [link for link in links if ":" in link and not link.startswith("data:image/")] == []
    assert [link for link in links if link.startswith("/")] == []
    assert re.findall(r"url\((?!#)", text) == [] and "@import" not in text
