"""Tests of tables written by other programs, and of files that are not tables: contents, notes and errors."""

import gzip
import os
import time
import unicodedata
import zipfile

import numpy as np
import pytest

import zoo
from zoo.data.sources import table
from zoo.data.sources.table import delimited, open_table
from zoo.errors import ZooError


def save(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def rows_of(dataset):
    """Returns (class, *features) of every line of both splits, sorted."""
    return sorted(
        (dataset.class_names[label], *map(float, row))
        for split in (dataset.train, dataset.eval)
        for row, label in zip(split.images[:, 0, 0], split.labels, strict=True)
    )


def refused(path, label=None, drop=()):
    """Returns the error message, which must be a single line."""
    with pytest.raises(ZooError) as error:
        open_table(str(path), label, drop)
    message = str(error.value)
    assert "\n" not in message and message.isprintable() and len(message) < 700 and path.name in message
    return message


PLAIN = "width,height,kind\n" + "".join(f"{n / 2},{n * n},{'ab'[n % 2]}\n" for n in range(20))


@pytest.fixture
def plain(tmp_path):
    return rows_of(open_table(str(save(tmp_path / "plain.csv", PLAIN))))


@pytest.mark.parametrize(
    ("change", "encoding", "note"),
    {
        "semicolons": (lambda text: text.replace(",", ";"), "utf-8", "semicolons"),
        "tabs": (lambda text: text.replace(",", "\t"), "utf-8", "tabs"),
        "bars": (lambda text: text.replace(",", "|"), "utf-8", "vertical bars"),
        "decimal commas": (lambda text: text.replace(",", ";").replace(".", ","), "utf-8", "decimal commas"),
        "decimal commas and tabs": (
            lambda text: text.replace(",", "\t").replace(".", ","),
            "utf-8",
            "decimal commas in 'width'",
        ),
        "sep=": (lambda text: "sep=;\n" + text.replace(",", ";"), "utf-8", "semicolons"),
        "mark": (str, "utf-8-sig", None),
        "UTF-16": (str, "utf-16", "read as UTF-16"),
        "UTF-32": (str, "utf-32", "read as UTF-32"),
        "Windows": (lambda text: text.replace("\n", "\r\n"), "utf-8", None),
        "old Mac": (lambda text: text.replace("\n", "\r"), "utf-8", None),
        "UTF-16, tabs, Windows": (lambda text: text.replace(",", "\t").replace("\n", "\r\n"), "utf-16", "tabs"),
        "quoted": (lambda text: '"' + text.replace(",", '","').strip().replace("\n", '"\n"') + '"', "utf-8", None),
        "empty lines": (lambda text: text.replace("\n", "\n,,\n"), "utf-8", "21 blank lines were left out"),
        "spaces": (lambda text: text.replace(",", " , "), "utf-8", None),
        "spaces before quotation marks": (
            lambda text: text.replace("a\n", '"a"\n').replace("b\n", '"b"\n').replace(",", ", "),
            "utf-8",
            None,
        ),
        "two files with marks": (
            lambda text: text.replace("height", "\ufeffheight").replace("a\n", "\u200ba\n"),
            "utf-8",
            "invisible characters",
        ),
    }.values(),
)
def test_equivalent_tables_in_other_formats(tmp_path, plain, change, encoding, note):
    dataset = open_table(str(save(tmp_path / "other.csv", change(PLAIN), encoding)))
    assert rows_of(dataset) == plain and dataset.feature_names == ("width", "height")
    assert note is None or any(note in each for each in dataset.notes), dataset.notes


@pytest.mark.parametrize(
    ("name", "numbers", "note"),
    [
        ("", range(20), "column 1, which has no name, only numbers the lines"),
        ("", [7 * n % 41 + 100 for n in range(20)], "column 1, which has no name"),  # of a subset of a table
        ("Unnamed: 0", range(20), "'Unnamed: 0' only numbers the lines"),
        ("PassengerId", range(1, 21), "'PassengerId' only numbers the lines"),
        ("Id", range(20, 0, -1), "'Id' only numbers the lines"),
        ("sample_id", range(500, 520), "'sample_id' only numbers the lines"),
        ("", [""] * 20, "column 1 has neither a name nor values"),
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_index_columns_are_left_out(tmp_path, plain, name, numbers, note, last):
    header, *lines = PLAIN.splitlines()
    cells = [name, *numbers]
    text = "".join(
        f"{line},{cell}\n" if last else f"{cell},{line}\n" for cell, line in zip(cells, [header, *lines], strict=True)
    )
    dataset = open_table(str(save(tmp_path / "other.csv", text)))
    note = note.replace("column 1", "column 4") if last else note
    assert rows_of(dataset) == plain and any(note in each for each in dataset.notes), dataset.notes


def test_columns_that_are_not_an_index_are_kept(tmp_path):
    """Columns with other names or other numbers are kept; a note is made for likely identifiers."""
    header, *lines = PLAIN.splitlines()
    for name, numbers in {
        "weight": range(20),
        "id": [n * n for n in range(20)],
        "index": [n % 3 for n in range(20)],
    }.items():
        text = "".join(f"{n},{line}\n" for n, line in zip([name, *numbers], [header, *lines], strict=True))
        assert open_table(str(save(tmp_path / "other.csv", text))).feature_names[0] == name
    numbers = [1000 + 7 * n % 31 for n in range(30)]
    text = "customer,x,y\n" + "".join(f"{n},{n % 4},{n % 2}\n" for n in numbers)
    notes = open_table(str(save(tmp_path / "other.csv", text))).notes
    assert any(
        "'customer' has a different integer in every line" in note and "data.drop=customer" in note for note in notes
    )
    assert "column 1 has no name" in refused(save(tmp_path / "none.csv", ",x,y\n5,1,0\n5,2,0\n6,3,1\n6,4,1\n"))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["0", "1", "0.0", "1.0"], ("0", "1")),
        (["2", "10", "2.00", "1e1", "+10", "010"], ("2", "10")),
        (["-0", "0", "0.5", ".50"], ("0", "0.5")),
        (["9007199254740993", "9007199254740992"], ("9007199254740992", "9007199254740993")),  # equal as floats
        (["True", "FALSE", "true", "False"], ("False", "True")),
        (["caf\u00e9", "cafe\u0301", "tea"], ("caf\u00e9", "tea")),
        (["1", "1.0", "cat"], ("1", "cat")),
        (["None", "Mild", "Severe"], ("Mild", "None", "Severe")),
        (["none", "some"], ("none", "some")),
        (["Inf", "inf", "1"], ("1", "Infinity")),
        (["1e400", "10e399", "1E-60", "0.1e-59"], ("1E-60", "1E+400")),
        (["1e999999999", "1", "1e9999999999999999999999"], ("1", "1e999999999", "1e9999999999999999999999")),
    ],
)
def test_labels_are_compared_by_value(tmp_path, labels, classes):
    text = "x,y\n" + "".join(f"{n + 0.5},{labels[n % len(labels)]}\n" for n in range(12 * len(labels)))
    dataset = open_table(str(save(tmp_path / "t.csv", text)))
    assert dataset.class_names == classes
    forms = any("different notations of the same class" in note for note in dataset.notes)
    assert forms == (len(classes) < len({unicodedata.normalize("NFC", label) for label in labels}))
    for split in (dataset.train, dataset.eval):
        assert set(split.labels) == set(range(len(classes)))
        for value, label in zip(split.images.ravel(), split.labels, strict=True):
            meant = table.class_name(unicodedata.normalize("NFC", labels[int(value) % len(labels)]))
            assert dataset.class_names[label] == meant


def test_labels_of_two_files_are_compared_by_value(tmp_path):
    save(tmp_path / "train.csv", "id,x,y\n4,1,0\n9,2,1\n7,3,0\n")
    save(tmp_path / "test.csv", "y,x,id\n1.0,5,1\n0.0,6,2\n")  # with the columns in another order
    dataset = open_table(str(tmp_path), "y", ["id"])
    assert dataset.class_names == ("0", "1") and dataset.feature_names == ("x",)
    assert not any("also in train.csv" in note for note in dataset.notes)
    assert dataset.eval.images.ravel().tolist() == [5, 6] and dataset.eval.labels.tolist() == [1, 0]


def test_lines_that_are_in_both_files_are_noted(tmp_path):
    save(tmp_path / "train.csv", ",x,y\n0,1,a\n1,2,b\n2,3,a\n")
    save(tmp_path / "val.csv", ",x,y\n0,2,b\n1,4,a\n2,3,a\n3,5,a\n")
    assert any("2 of 4 lines of val.csv are also in train.csv" in note for note in open_table(str(tmp_path)).notes)


def test_binary_files_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    assert "is not a text file, but a spreadsheet such as .xlsx, or a zip file: save the sheet as CSV" in refused(path)
    path.write_bytes(gzip.compress(PLAIN.encode()))
    assert "is not a text file, but compressed: unpack it with gunzip" in refused(path)


def test_classes_that_differ_in_case_are_noted(tmp_path):
    text = "x,y\n" + "".join(f"{n},{('yes', 'Yes', 'no')[n % 3]}\n" for n in range(30))
    dataset = open_table(str(save(tmp_path / "t.csv", text)))
    assert dataset.class_names == ("Yes", "no", "yes") and any("'Yes' and 'yes'" in note for note in dataset.notes)


@pytest.mark.parametrize("text", ["", "?", "NA", "nan", "NULL", " n/a ", "<NA>", "#N/A", "NaT", "-nan", "+NaN", "\\N"])
def test_missing_classes(tmp_path, text):
    message = refused(save(tmp_path / "t.csv", f"x,y\n1,a\n2,{text}\n3,b\n"))
    assert "line 3: the class is missing in column 'y'" in message


def test_none_is_a_category_but_missing_among_numbers(tmp_path):
    lines = [f"{('None', 'low', '?')[n % 3]},{(1.5, None)[n % 2]},{n % 2}\n" for n in range(40)]
    dataset = open_table(str(save(tmp_path / "t.csv", "dose,size,y\n" + "".join(lines))))
    assert dataset.feature_names == ("dose=None", "dose=low", "size")
    values = np.concatenate([dataset.train.images, dataset.eval.images])[:, 0, 0]
    assert {tuple(row) for row in np.nan_to_num(values, nan=9).tolist()} == {
        (*dose, size) for dose in ((1, 0), (0, 1), (9, 9)) for size in (1.5, 9)
    }


TITANIC = "name,ticket,age,kind\n" + "".join(
    f'"Person {n}, Mr.",A/{7919 * n % 10007},{n % 50},{"ab"[n % 2]}\n' for n in range(200)
)


def test_text_columns_with_too_many_values_must_be_dropped(tmp_path):
    path = save(tmp_path / "t.csv", TITANIC)
    message = refused(path)
    assert (
        "'name' has 200 distinct texts in 200 cells" in message
        and "leave the column out with data.drop=name" in message
    )
    assert "'ticket' has 200 distinct" in refused(path, drop=["name"])
    dataset = zoo.open_source(f"csv:{path}", "kind", ("name", "ticket"))
    assert dataset.feature_names == ("age",) and sum("because of data.drop" in note for note in dataset.notes) == 2
    assert "did you mean 'ticket'" in refused(path, drop=["tickets"])
    assert "data.drop contains 'kind', the column with the class" in refused(path, "kind", ["kind"])
    many = "text,x,y\n" + "".join(f"t{n % 20_000},{n},{n % 2}\n" for n in range(60_000))
    started = time.perf_counter()
    assert "'text' has 20,000 distinct texts" in refused(save(tmp_path / "many.csv", many))
    assert time.perf_counter() - started < 20


def test_size_in_memory_is_limited(tmp_path, monkeypatch):
    text = "a,b,y\n" + "".join(f"c{n % 9},d{n % 11},{n % 2}\n" for n in range(400))
    monkeypatch.setattr(table, "MAX_FEATURE_BYTES", 4 * 400 * 20)
    assert len(open_table(str(save(tmp_path / "t.csv", text))).feature_names) == 20
    monkeypatch.setattr(table, "MAX_FEATURE_BYTES", 4 * 400 * 20 - 1)
    assert "400 lines with 20 features need 31.25 KiB" in refused(tmp_path / "t.csv")


def test_categories_do_not_depend_on_held_out_lines(tmp_path):
    """All lines of a single file determine the categories."""
    for rare in range(40):
        lines = [f"{'rare' if n == rare else 'red'},{n},{n % 2}\n" for n in range(40)]
        dataset = open_table(str(save(tmp_path / "t.csv", "colour,x,y\n" + "".join(lines))))
        assert dataset.feature_names == ("colour=rare", "colour=red", "x")


@pytest.mark.parametrize(
    ("text", "message"),
    {
        "x y\n1 0\n2 1\n": "has only one column, 'x y'",
        "x;a,b;y,c\n1;2,3;4,5\n1;2,3;4,6\n": "may be separated by commas or by semicolons",
        "5.1,3.5,setosa\n4.9,3.0,setosa\n": "the first line must be a header",
        "1,2,3\n4,5,6\n": "the first line must be a header",
        "x,y,\n1,0,z\n2,1,z\n": "column 3 has no name",
        "x,y\n1,0\n2\0,1\n": "line 3 contains the control character '\\x00'",
        "x,y\n1,0\n2,1,\n": "line 3 has 3 cells, but the header has 2 columns",
        'x,y\n1,0\n"2" or so,1\n': "line 3 cannot be read: ',' expected after '\"'",
        "\n,,\n": "t.csv has no text",
        'x,y\n"' + "z" * 200_000 + '",1\n2,0\n': "line 2 cannot be read: a cell has more than 131,072 characters",
        'x,y\n1,0\n"2,1\n' + "3,0\n" * 50_000: "check for an unclosed quotation mark",
        f"x,y\n1,0\n2,1\n{'w' * 5000},1\n": f"line 4, column 'x': '{'w' * 60}'... (5,000 characters) is not a number",
        "price,x,y\n"
        + "".join(f'"{n},{n:03}",{n},{n % 2}\n' for n in range(1, 30)): "'price' has texts that look like numbers",
        "rate,x,y\n"
        + "".join(f"{n % 9} %,{n},{n % 2}\n" for n in range(30)): "'rate' has texts that look like numbers",
        "rate;x;y\n" + "".join(f"1,{n:03};{n};{n % 2}\n" for n in range(30)): "'rate' has texts that look like numbers",
        "x,y\n"
        + "".join(
            f"{n},{n * 0.37:.2f}\n" for n in range(60)
        ): "the last column, 'y', is unlikely to be the class: it has 60 distinct values, some of them fractional",
        "x,y\n"
        + "".join(f"{n},k{n}\n" for n in range(60)): "it has 60 distinct values, more than half the number of lines",
        "x,y\n1,a\n2,b\n3,c\n": "column 'y' has 3 classes, none with two distinct lines",
        "x,y\n"
        + "".join(f"{n},\x1b[31mred{n % 2}\n" for n in range(3)): "line 2 contains the control character '\\x1b'",
        "x,x,y\n1,2,0\n3,4,1\n": "must be a header of distinct names, but 'x' is repeated",
        "id,y\n1,a\n2,b\n3,a\n4,b\n": "no features: the only remaining column is 'y'",
        "buying,doors\n".replace("buying", "vhigh") + "vhigh,low\nlow,doors\n" * 9: "its 'vhigh', 'doors' occur in"
        " other lines, such as line 2",
        ("c,d,y\n" + "".join(f"{'pq'[n % 2]},{'rs'[n // 2 % 2]},{n % 2}\n" for n in range(8))) * 2: "such as line 10",
        "a;x;y\n" + "".join(f"1.{n:03};{n},5;{n % 2}\n" for n in range(9)): "'a' has numbers such as 1.000, but"
        " other columns have decimal commas",
        "x,y\n"
        + "".join(
            f"{n},{('a', '#REF!')[n % 2]}\n" for n in range(9)
        ): "line 3: the class is the spreadsheet error #REF!",
        "x,z,y\n"
        + "".join(
            f"{('a', '#DIV/0!')[n % 2]},{n},{n % 2}\n" for n in range(9)
        ): "'x' contains the spreadsheet error #DIV/0!",
        'x,y\n1,0\n"2,1\n3,0\n4,1\n': "the row starts in line 3",
        "My export\nx,y\n1,0\n": "line 2 has 2 cells, but the header has 1 columns: the header must be the first line",
        "x,y\n1,0\n2,5,1\n": "columns: cells that contain commas must be quoted",
        "<!DOCTYPE html>\n<html>\n": "is a web page instead of the expected file",
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 9\n": "is a Git LFS pointer: fetch",
        "c,c=a,y\n" + "".join(f"{'ab'[n % 2]},{n},{n % 2}\n" for n in range(20)): "both named 'c=a'",
    }.items(),
)
def test_invalid_tables_are_refused(tmp_path, text, message):
    assert message in refused(save(tmp_path / "t.csv", text))


def test_column_names_that_look_like_numbers_or_missing_values(tmp_path):
    """Na, for sodium, is not a missing value, and columns may be numbered."""
    for header in ("RI,Na,Mg", "0,1,target", "1,2,target"):
        text = f"{header}\n" + "".join(f"{n},{n / 2 + 1},{n % 2}\n" for n in range(20))
        assert open_table(str(save(tmp_path / "t.csv", text))).feature_names == tuple(header.split(",")[:2])


def test_white_space_in_cells(tmp_path):
    """Covers line breaks within cells, and the end of a DOS file."""
    text = '"Height\n(cm)",town,y\n' + "".join(
        f"{n},{('New York', 'New  York', 'Rome')[n % 3]},{n % 2}\n" for n in range(30)
    )
    dataset = open_table(str(save(tmp_path / "t.csv", f"{text}\x1a")))
    assert dataset.feature_names == ("Height (cm)", "town=New York", "town=Rome")


def test_other_encodings_are_refused_with_the_line(tmp_path):
    path = save(tmp_path / "t.csv", "x,y\n1,tea\n2,caf\u00e9\n", "cp1252")
    assert "line 3 is not valid UTF-8: save the file as UTF-8" in refused(path)
    assert "line 1 contains the control character '\\x00'" in refused(
        save(tmp_path / "t.csv", "x,y\n1,a\n", "utf-16-le")
    )
    path.write_bytes(b"\xff\xfex")
    assert "is not valid UTF-16" in refused(path)


def test_special_files_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert "it is a pipe or a device" in refused(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    assert "it is a pipe or a device" in refused(tmp_path / "zero.csv")
    assert "it is empty" in refused(save(tmp_path / "empty.csv", ""))
    with (tmp_path / "sparse.csv").open("wb") as file:
        file.truncate(300 * 2**30)
    assert "is too large: 300 GiB, the limit is 1 GiB" in refused(tmp_path / "sparse.csv")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    assert "cannot be read" in refused(tmp_path / "loop.csv")
    for path in ("a\0b", "x" * 5000, "~no_such_user/t.csv"):
        with pytest.raises(ZooError):
            open_table(path)


def test_evaluation_table_without_the_class_is_refused(tmp_path):
    save(tmp_path / "train.csv", "x,survived\n1,0\n2,1\n")
    save(tmp_path / "test.csv", "x\n1\n")
    with pytest.raises(ZooError, match="test.csv has only one column, 'x'"):
        open_table(str(tmp_path))
    save(tmp_path / "test.csv", "x,z,w\n1,2,3\n")
    with pytest.raises(ZooError, match="other columns than .*train.csv: missing 'survived', unexpected 'z', 'w'"):
        open_table(str(tmp_path))


def test_long_lists_of_columns_are_abbreviated_in_errors(tmp_path):
    header = ",".join(f"c{n}" for n in range(3000))
    message = refused(save(tmp_path / "t.csv", f"{header}\n{header}\n".replace("c2999\n", "1.5\n", 1)))
    assert "'c0', 'c1', 'c2', 'c3', 'c4' and 2,995 more" in message


def test_many_columns_are_read_in_linear_time(tmp_path):
    """30,000 columns take a second or two; quadratic time would be minutes."""
    header = ";".join(f"c{n}" for n in range(30_000))
    rows = "".join(";".join(f"{n},{n * k % 7}" for k in range(30_000)) + f";{'ab'[n % 2]}\n" for n in range(4))
    started = time.perf_counter()
    for name in ("train.csv", "val.csv"):
        save(tmp_path / name, f"{header};y\n{rows}")
    dataset = open_table(str(tmp_path))
    assert dataset.channels == 30_000 and time.perf_counter() - started < 40
    assert dataset.eval.images[3, 0, 0, :8].tolist() == np.float32([3.0, 3.3, 3.6, 3.2, 3.5, 3.1, 3.4, 3.0]).tolist()


def test_drop_on_the_command_line_and_in_fingerprints(recipe):
    from zoo.recipe import Data
    from zoo.recipe.assignments import parse_changes

    plain = recipe.override({"data": Data("csv:t.csv", label="kind")})
    assert parse_changes(plain, ["data.drop=Name, ticket"]) == {"data.drop": ("Name", "ticket")}
    assert parse_changes(plain, ['data.drop=["a,b"]']) == {"data.drop": ("a,b",)}
    assert plain.override({"data.drop": []}).fingerprint == plain.fingerprint
    dropped = plain.override({"data.drop": ["name"]})
    assert dropped.fingerprint != plain.fingerprint and type(dropped).from_json(dropped.to_json()) == dropped
    with pytest.raises(ZooError, match="drop must be empty for fashion_mnist"):
        Data("fashion_mnist", drop=("x",))
    with pytest.raises(ZooError, match="drop must be without 'kind', the column of the class"):
        plain.override({"data.drop": ["kind"]})


def test_size_is_checked_before_reading(tmp_path):
    path = save(tmp_path / "t.csv", PLAIN)
    with pytest.raises(ZooError, match="is too large: .*, the limit is 10 bytes"):
        delimited.read_delimited(path, 10)


def test_truth_values_are_two_categories(tmp_path):
    """The case of truth values is ignored in both tables; other categories that differ in case are noted."""
    words = ("True", "TRUE", "false", "False")
    save(tmp_path / "train.csv", "b,x,y\n" + "".join(f"{words[n % 4]},{n},{n % 2}\n" for n in range(20)))
    save(tmp_path / "test.csv", "b,x,y\ntrue,1,0\nFALSE,2,1\n")
    dataset = open_table(str(tmp_path))
    assert dataset.feature_names == ("b=False", "b=True", "x")
    assert dataset.eval.images[:, 0, 0].tolist() == [[0, 1, 1], [1, 0, 2]]
    text = "b,x,y\n" + "".join(f"{('Yes', 'yes', 'no')[n % 3]},{n},{n % 2}\n" for n in range(20))
    notes = open_table(str(save(tmp_path / "t.csv", text))).notes
    assert any(
        "categories of 'b' that differ only in case are treated as different: 'Yes' and 'yes'" in note for note in notes
    )


def test_integers_that_are_equal_in_float32_are_noted(tmp_path):
    for first, noted in ((1_700_000_000, True), (1_700_000, False)):
        text = "time,y\n" + "".join(f"{first + 7 * n % 31},{n % 2}\n" for n in range(30))
        notes = open_table(str(save(tmp_path / "t.csv", text))).notes
        assert any("'time' has distinct integers that are equal in float32" in note for note in notes) == noted


def test_lost_characters_are_noted(tmp_path):
    text = "x,y\n" + "1,P\ufffdre\n2,tea\n" * 9 + "3,tea\n4,P\ufffdre\n"
    notes = open_table(str(save(tmp_path / "t.csv", text))).notes
    assert any(
        "characters were lost when the file was saved and are now \ufffd, as in line 2" in note for note in notes
    )


def test_numbered_columns_may_contain_their_own_name(tmp_path):
    text = "0,1,target\n" + "".join(f"{n % 3},{n % 2},{n % 2}\n" for n in range(30))
    assert open_table(str(save(tmp_path / "t.csv", text))).feature_names == ("0", "1")
