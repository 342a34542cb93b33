"""Text files of columns with a header, as spreadsheets and programs save them: CSV (RFC 4180) and its relatives."""

import codecs
import csv
import io
import itertools
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import ZooError, listed, shown
from zoo.files import check_file

LARGEST = 2**30  # bytes; the cells of a file take some ten times as much memory
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
# How files begin that are no text, and what to do about it.
OTHER_FILES = {
    b"PK\x03\x04": "a spreadsheet such as .xlsx, or a zip file: save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "a spreadsheet such as .xls: save the sheet as CSV",
    b"\x1f\x8b": "compressed: unpack it with gunzip",
    b"PAR1": "a Parquet file: save it as CSV",
}
# Of these no text is made, but commands to terminals are, and UTF-16 read as UTF-8.
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
# Marks that nobody sees, as texts from web pages and files that were put together have them: soft hyphens, spaces of no
# width, directions of writing. Two texts that differ in them alone look the same.
INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")
SAMPLE = 2**16  # characters that the delimiter is found by
# The longer of two marks that begin alike comes first.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class Delimited:
    """The cells of a file, without white space around them, and with one space for any within.

    Attributes:
      path: of the file.
      header: the columns' names, which may be empty or the same.
      rows: as many cells as there are columns in each. Lines without any text are left out.
      lines: the number of the line that each row ends on, from 1.
      delimiter: what stands between cells.
      notes: a line for each thing that was assumed or left out.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    delimiter: str
    notes: tuple[str, ...]


def read_delimited(path: Path, largest: int = LARGEST) -> Delimited:
    """Reads a file whose columns are separated by commas, semicolons, tabs or vertical bars, which the file shows.

    It is UTF-8, or begins with the mark (BOM) of UTF-8, UTF-16 or UTF-32. Characters that can be written in several ways
    are made the same (Unicode's NFC), so that equal texts are equal.

    Args:
      path: of the file.
      largest: the most bytes that it may have.

    Raises:
      ZooError: it cannot be read, or is no such file; the message says in which line.
    """
    check_file(path, largest)
    text, notes = _decode(path)
    begin = 0
    if hint := re.match(r"sep=(.)\r?\n", text):  # Excel's way to say it
        text, begin = text[hint.end() :], 1
    delimiter = hint[1] if hint else _find_delimiter(path, text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    header: list[str] = []
    rows, lines, blank, last = list[list[str]](), list[int](), 0, begin
    try:
        for row in reader:
            cells = [" ".join(cell.split()) for cell in row]
            line = begin + reader.line_num
            if not any(cells):
                blank += len(cells) > 1
            elif not header:
                header = cells
            elif len(cells) != len(header):
                what = f"a cell with {DELIMITERS.get(delimiter, 'such')} in it has to be in quotation marks"
                raise ZooError(
                    f"{path}, line {line} has {len(cells)} cells, and the header {len(header)} columns:"
                    f" {what if len(header) > 1 else 'the header has to be the first line'}"
                )
            else:
                rows.append(cells)
                lines.append(line)
            last = line
    except csv.Error as error:
        line = begin + reader.line_num
        if "field limit" in str(error):
            what = f"a cell has more than {csv.field_size_limit():,} characters; is a quotation mark left open?"
        else:
            what = (
                f"{error}; quotation marks around a cell are its first and last character, and those in it are doubled"
            )
        begun = f"; what ends there begins in line {last + 1}" if line > last + 1 else ""
        raise ZooError(f"{path}, line {line} cannot be read: {what}{begun}") from None
    if not header:
        raise ZooError(f"{path} has no line with any text")
    if delimiter != ",":
        notes.append(f"{path}: its columns are separated by {DELIMITERS.get(delimiter, shown(delimiter))}")
    if blank:
        notes.append(f"{path}: {blank:,} lines without any text were left out")
    return Delimited(path, header, rows, lines, delimiter, tuple(notes))


def _decode(path):
    """The text of a file, and what is to be said about it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ZooError(f"{path} cannot be read: {error.strerror}") from None
    for begin, what in OTHER_FILES.items():
        if content.startswith(begin):
            raise ZooError(f"{path} is no text, but {what}")
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ZooError(
            f"{path}, line {line} is not {encoding.removesuffix('-sig').upper()}, which text has to be: save it as UTF-8"
        ) from None
    text = text.removesuffix("\x1a")  # by which DOS ended files
    if control := CONTROL.search(text):
        line = text.count("\n", 0, control.start()) + 1
        raise ZooError(
            f"{path}, line {line} has the control character {control[0]!r}: it is damaged, or no text in UTF-8; save it as"
            " UTF-8"
        )
    notes = [f"{path}: read as {encoding.upper()}"] if encoding in ("utf-16", "utf-32") else []
    if text.isascii():
        return text, notes
    text, invisible = INVISIBLE.subn("", unicodedata.normalize("NFC", text.removeprefix("\ufeff")))
    if invisible:
        notes.append(f"{path}: {invisible:,} characters that cannot be seen, such as spaces of no width, were left out")
    if (position := text.find("\ufffd")) >= 0:
        notes.append(
            f"{path}: letters were lost when it was saved, and are \ufffd now, as in line"
            f" {text.count(chr(10), 0, position) + 1}: texts that differed may have become the same"
        )
    return text, notes


def _find_delimiter(path, text):
    """The delimiter by which the first lines have as many cells as the header, and more than one; a comma if none is.

    `csv.Sniffer` also takes letters for delimiters.
    """
    sample = text if len(text) <= SAMPLE else text[: text.rfind("\n", 0, SAMPLE) + 1] or text[:SAMPLE]
    found = {}
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
        lengths = []
        try:
            for row in itertools.islice(reader, 200):
                if any(cell.strip() for cell in row):
                    lengths.append(len(row))
        except csv.Error:
            lengths = lengths if len(text) > len(sample) else []  # the sample may end within quotation marks
        if lengths and lengths[0] > 1:
            found[delimiter] = sum(length == lengths[0] for length in lengths) / len(lengths)
    whole = [delimiter for delimiter, share in found.items() if share == 1]
    if len(whole) > 1:
        raise ZooError(
            f"{path}: its columns may be separated by {' or by '.join(DELIMITERS[each] for each in whole)}: put cells"
            " that contain the other in quotation marks"
        )
    return max(found, key=lambda delimiter: found[delimiter], default=",")


def quoted(names: list[str]) -> str:
    """Names of columns or values as errors list them."""
    return listed([shown(name) for name in names])
