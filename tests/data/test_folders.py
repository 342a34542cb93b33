"""Tests of image folders: files found, reports of what is left out, and unusual names."""

import os

import pytest
from folders import counts, fill, opened, problem

import zoo
from zoo.data.sources.folder.finding import suffixes
from zoo.errors import ZooError


def test_left_out_files_are_counted_by_class_and_kind(tmp_path):
    fill(tmp_path / "cat", 10)
    fill(tmp_path / "cat", 20, 10, ".heic")
    fill(tmp_path / "dog", 10)
    fill(tmp_path / "dog", 1, 50, ".txt")
    fill(tmp_path / "dog" / ".ipynb_checkpoints", 3)
    fill(tmp_path / "dog" / "@eaDir", 3)
    (tmp_path / "dog" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "dog" / "noending").touch()
    os.mkfifo(tmp_path / "dog" / "pipe.png")
    (tmp_path / "notes.md").touch()
    dataset = opened(tmp_path)
    assert counts(dataset) == {"cat": [8, 2], "dog": [8, 2]}
    assert dataset.left_out == (
        f"1 file directly in {tmp_path.name}/, such as notes.md",
        "20 .heic in cat",
        "2 hidden, 1 .txt, 1 broken link, 1 not a regular file, 1 without a suffix in dog",
    )
    assert dataset.report.lines()[1:] == ["cat 8 + 2, dog 8 + 2", f"left out: {'; '.join(dataset.left_out)}"]


def test_all_formats_of_pillow_are_found(tmp_path):
    fill(tmp_path / "dog", 5)
    for number, suffix in enumerate(suffixes()):
        fill(tmp_path / "cat", 1, number, suffix)
        fill(tmp_path / "cat", 1, 100 + number, suffix.upper())
    assert {".jfif", ".jpe", ".tif", ".tiff", ".gif", ".ppm"} <= set(suffixes())
    assert sum(counts(opened(tmp_path))["cat"]) == 2 * len(suffixes())


def test_class_without_images_is_an_error(tmp_path):
    fill(tmp_path / "cat", 5)
    fill(tmp_path / "dog", 5)
    fill(tmp_path / "fox", 5, suffix=".heic")
    assert "no images in fox/ (5 .heic): supported are .jpg" in problem(tmp_path)
    for name in os.listdir(tmp_path / "fox"):
        (tmp_path / "fox" / name).unlink()
    assert "no images in fox/ (empty)" in problem(tmp_path)
    (tmp_path / "fox").rename(tmp_path / ".fox")
    assert opened(tmp_path).class_names == ("cat", "dog")


def test_links_to_folders_are_followed_but_not_link_loops(tmp_path):
    fill(tmp_path / "data" / "cat", 5)
    fill(tmp_path / "data" / "dog", 5)
    fill(tmp_path / "elsewhere", 5)
    (tmp_path / "data" / "cat" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "cat" / "loop").symlink_to(tmp_path / "data" / "cat")
    (tmp_path / "data" / "fox").symlink_to(tmp_path / "elsewhere")
    dataset = opened(tmp_path / "data")
    assert {name: sum(both) for name, both in counts(dataset).items()} == {"cat": 10, "dog": 5, "fox": 5}
    assert dataset.left_out == ("1 link loop in cat",)
    assert any("files are in two classes" in note for note in dataset.notes)


def test_nesting_of_folders_is_limited(tmp_path):
    fill(tmp_path / "dog", 5)
    fill(tmp_path / "cat", 5)
    fill(tmp_path / "cat" / "/".join("x" * 90), 5)
    fill(tmp_path / "cat" / "/".join("y" * 150), 1)
    dataset = opened(tmp_path)
    assert sum(counts(dataset)["cat"]) == 10 and dataset.left_out == ("1 too deeply nested folder in cat",)


def test_report_lists_up_to_ten_classes(tmp_path):
    for number in range(12):
        fill(tmp_path / f"c{number:02}", 5)
    assert opened(tmp_path).report.lines()[1].endswith("c09 4 + 1 and 2 more")


def test_similar_class_names_are_noted(tmp_path):
    for number, name in enumerate(("Cat", "cat", "caf\u00e9", "cafe\u0301", "dog")):
        fill(tmp_path / name, 5, start=10 * number)
    alike = [note for note in opened(tmp_path).notes if "differ only in case, whitespace or Unicode" in note]
    assert len(alike) == 2 and any("'Cat', 'cat'" in note for note in alike)


def test_one_image_per_class_cannot_be_held_out(tmp_path):
    for name in "abc":
        fill(tmp_path / name, 1, suffix=f"{name}.png")
    assert "every class has a single image or a single folder of images, so none can be held out" in problem(tmp_path)


def test_error_for_a_path_without_a_prefix_suggests_it(tmp_path):
    with pytest.raises(ZooError) as error:
        zoo.open_source(str(tmp_path))
    assert f"for the folder, use folder:{tmp_path}" in str(error.value)


def test_left_out_files_are_reported_by_split(tmp_path):
    for split in ("train", "val"):
        for name in "ab":
            fill(tmp_path / split / name, 5)
    fill(tmp_path / "train", 9)
    fill(tmp_path / "val" / "b", 2, suffix=".heic")
    assert opened(tmp_path).left_out == ("9 files directly in train/, such as 0.png", "2 .heic in val/b")
    (tmp_path / "val" / "c").mkdir()
    assert "no images in val/c/ (empty)" in problem(tmp_path)


def test_broken_links_are_reported_and_ignored(tmp_path):
    for name in "ab":
        fill(tmp_path / name, 5)
    (tmp_path / "a" / "self.png").symlink_to("self.png")
    (tmp_path / "fox").symlink_to("/nowhere/fox")
    (tmp_path / "owl").symlink_to("owl")
    assert opened(tmp_path).left_out == (
        f"2 broken links in {tmp_path.name}/: fox, owl",
        "1 broken link in a",
    )


def test_names_with_shell_and_glob_characters(tmp_path):
    names = ("[a]", "*", "%s", "a b", "{x}", "~", "#1", "'q'", '"d"')
    for name in names:
        fill(tmp_path / name, 5)
    assert counts(opened(tmp_path)) == {name: [4, 1] for name in sorted(names)}


def test_loose_and_hidden_files_of_splits_are_reported(tmp_path):
    for split in ("train", "val"):
        for name in ("cat", "dog", "@home", ".net"):
            fill(tmp_path / split / name, 5)
    fill(tmp_path / "train", 3, 100)
    (tmp_path / ".git").mkdir()
    assert opened(tmp_path).left_out == (
        f"1 hidden directly in {tmp_path.name}/, such as .git",
        "3 files directly in train/, such as 100.png",
        "2 hidden directly in train/, such as .net",
        "2 hidden directly in val/, such as .net",
    )


def test_numeric_suffixes_are_ignored_and_at_most_five_kinds_are_listed(tmp_path):
    fill(tmp_path / "cat", 5)
    fill(tmp_path / "dog", 5)
    for number in range(300):
        (tmp_path / "cat" / f"1.2.840.113619.{number}").touch()
        (tmp_path / "dog" / f"photo.kind{number:03}").touch()
    (tmp_path / "dog" / f"second.{'x' * 200}\n\x1b[31m").touch()
    (tmp_path / "dog" / "second.kind250").touch()
    cat, dog = opened(tmp_path).left_out
    assert cat == "300 without a suffix in cat"
    assert dog == "2 .kind250, 1 .kind000, 1 .kind001, 1 .kind002, 1 .kind003 and 296 more in dog"
    for path in (tmp_path / "cat").glob("*.png"):
        path.unlink()
    assert "no images in cat/ (300 without a suffix): supported are" in problem(tmp_path)


def test_control_characters_in_suffixes_are_escaped(tmp_path):
    fill(tmp_path / "cat", 5)
    fill(tmp_path / "dog", 5)
    (tmp_path / "cat" / "a.\x1b[31m\n").touch()
    (tmp_path / "dog" / f"a.{'y' * 100}").touch()
    assert opened(tmp_path).left_out == ("1 .\\x1b[31m\\n in cat", f"1 .{'y' * 19}... (101 characters) in dog")


def test_images_without_class_folders_are_an_error(tmp_path):
    fill(tmp_path, 3)
    assert "found 3 images directly in the folder, such as 0.png; expected a sub-folder for each class" in problem(
        tmp_path
    )
    (tmp_path / "data.zip").touch()
    assert problem(tmp_path / "data.zip").endswith("data.zip: is a file; if it is an archive, unpack it")
    assert problem(tmp_path / ("x" * 300)).endswith(" characters): folder not found")


def test_errors_about_classes_name_the_split(tmp_path):
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            fill(tmp_path / split / name, 3)
    for path in (tmp_path / "val" / "dog").iterdir():
        path.unlink()
    assert "no images in val/dog/ (empty): supported are" in problem(tmp_path)
    for path in (tmp_path / "val" / "cat").iterdir():
        path.unlink()
    assert "no images in val/; expected a sub-folder for each class" in problem(tmp_path)


def test_long_class_names_are_truncated(tmp_path):
    for number in range(10):
        fill(tmp_path / ("x" * 230 + str(number)), 5)
    assert len(opened(tmp_path).report.lines()[1]) < 800
