"""Reads delimited text files with a header, as saved by spreadsheets and others: CSV (RFC 4180) and variants."""

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

MAX_BYTES = 2**30  # of a file; its cells take about ten times as much memory
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
# Signatures of files that are not text, and what to do about them.
BINARY_SIGNATURES = {
    b"PK\x03\x04": "a spreadsheet such as .xlsx, or a zip file: save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "a spreadsheet such as .xls: save the sheet as CSV",
    b"\x1f\x8b": "compressed: unpack it with gunzip",
    b"PAR1": "a Parquet file: save it as CSV",
}
# Control characters, which do not occur in text but in terminal escapes and in UTF-16 that is decoded as UTF-8.
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
# Invisible characters, as in texts from web pages and concatenated files: soft hyphens, zero-width spaces, text
# direction marks. Texts that differ only in these look the same.
INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")
SAMPLE_LENGTH = 2**16  # characters used to detect the delimiter
# Of two byte order marks with a common prefix, the longer one comes first.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class Delimited:
    """The cells of a file, stripped and with whitespace collapsed.

    Attributes:
      path: path of the file.
      header: names of the columns, possibly empty or repeated.
      rows: cells of each row, as many as there are columns. Blank lines are left out.
      lines: the line number that each row ends on, from 1.
      delimiter: the separator between cells.
      notes: assumptions and omissions, one per line.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    delimiter: str
    notes: tuple[str, ...]


def read_delimited(path: Path, largest: int = MAX_BYTES) -> Delimited:
    """Reads a file whose columns are separated by commas, semicolons, tabs or vertical bars, which is detected.

    The encoding is UTF-8, or given by the byte order mark (BOM) of UTF-8, UTF-16 or UTF-32. Text is normalized to
    Unicode NFC, so that texts that look the same are equal.

    Args:
      path: path of the file.
      largest: maximum size in bytes.

    Raises:
      ZooError: the file cannot be read, or is not a valid delimited file; the message gives the line.
    """
    check_file(path, largest)
    text, notes = _decode(path)
    begin = 0
    if hint := re.match(r"sep=(.)\r?\n", text):  # the convention of Excel
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
                what = f"cells that contain {DELIMITERS.get(delimiter, shown(delimiter))} must be quoted"
                raise ZooError(
                    f"{path}, line {line} has {len(cells)} cells, but the header has {len(header)} columns:"
                    f" {what if len(header) > 1 else 'the header must be the first line'}"
                )
            else:
                rows.append(cells)
                lines.append(line)
            last = line
    except csv.Error as error:
        line = begin + reader.line_num
        if "field limit" in str(error):
            what = f"a cell has more than {csv.field_size_limit():,} characters; check for an unclosed quotation mark"
        else:
            what = f"{error}; quotation marks must enclose the whole cell, and must be doubled within it"
        start = f"; the row starts in line {last + 1}" if line > last + 1 else ""
        raise ZooError(f"{path}, line {line} cannot be read: {what}{start}") from None
    if not header:
        raise ZooError(f"{path} has no text")
    if delimiter != ",":
        notes.append(f"{path}: columns are separated by {DELIMITERS.get(delimiter, shown(delimiter))}")
    if blank:
        notes.append(f"{path}: {blank:,} blank lines were left out")
    return Delimited(path, header, rows, lines, delimiter, tuple(notes))


def _decode(path):
    """Returns the text of a file, and notes about its encoding."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ZooError(f"{path} cannot be read: {error.strerror}") from None
    for begin, what in BINARY_SIGNATURES.items():
        if content.startswith(begin):
            raise ZooError(f"{path} is not a text file, but {what}")
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ZooError(
            f"{path}, line {line} is not valid {encoding.removesuffix('-sig').upper()}: save the file as UTF-8"
        ) from None
    text = text.removesuffix("\x1a")  # end of file in DOS
    if control := CONTROL.search(text):
        line = text.count("\n", 0, control.start()) + 1
        raise ZooError(
            f"{path}, line {line} contains the control character {control[0]!r}: the file is damaged or not UTF-8; save"
            " it as UTF-8"
        )
    notes = [f"{path}: read as {encoding.upper()}"] if encoding in ("utf-16", "utf-32") else []
    if text.isascii():
        return text, notes
    text, invisible = INVISIBLE.subn("", unicodedata.normalize("NFC", text.removeprefix("\ufeff")))
    if invisible:
        notes.append(f"{path}: {invisible:,} invisible characters, such as zero-width spaces, were left out")
    if (position := text.find("\ufffd")) >= 0:
        notes.append(
            f"{path}: characters were lost when the file was saved and are now \ufffd, as in line"
            f" {text.count(chr(10), 0, position) + 1}: distinct texts may have become equal"
        )
    return text, notes


def _find_delimiter(path, text):
    """Detects the delimiter that splits the first lines into as many cells as the header; by default, the comma.

    `csv.Sniffer` is not used, since it may choose letters.
    """
    sample = (
        text if len(text) <= SAMPLE_LENGTH else text[: text.rfind("\n", 0, SAMPLE_LENGTH) + 1] or text[:SAMPLE_LENGTH]
    )
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
    whole = [delimiter for delimiter, fraction in found.items() if fraction == 1]
    if len(whole) > 1:
        raise ZooError(
            f"{path}: columns may be separated by {' or by '.join(DELIMITERS[each] for each in whole)}: quote cells"
            " that contain the other"
        )
    return max(found, key=lambda delimiter: found[delimiter], default=",")


def quoted(names: list[str]) -> str:
    """Formats names of columns or values for an error message."""
    return listed([shown(name) for name in names])
