"""Folders of images: what is found, what is said of what is not used, and names that need care."""

import os

import pytest
from folders import counts, fill, opened, problem

import zoo
from zoo.data.sources.folder.finding import suffixes
from zoo.errors import ZooError


def test_what_is_not_read_is_counted_by_class_and_kind(tmp_path):
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
        f"1 file beside the folders of {tmp_path.name}/, such as notes.md",
        "20 .heic in cat",
        "2 hidden, 1 .txt, 1 broken link, 1 no regular file, 1 without an ending in dog",
    )
    assert dataset.report.lines()[1:] == ["cat 8 + 2, dog 8 + 2", f"left out: {'; '.join(dataset.left_out)}"]


def test_all_that_pillow_reads_is_read(tmp_path):
    fill(tmp_path / "dog", 5)
    for number, suffix in enumerate(suffixes()):
        fill(tmp_path / "cat", 1, number, suffix)
        fill(tmp_path / "cat", 1, 100 + number, suffix.upper())
    assert {".jfif", ".jpe", ".tif", ".tiff", ".gif", ".ppm"} <= set(suffixes())
    assert sum(counts(opened(tmp_path))["cat"]) == 2 * len(suffixes())


def test_a_class_with_nothing_left_is_an_error(tmp_path):
    fill(tmp_path / "cat", 5)
    fill(tmp_path / "dog", 5)
    fill(tmp_path / "fox", 5, suffix=".heic")
    assert "no image in fox/ (5 .heic): what is read is .jpg" in problem(tmp_path)
    for name in os.listdir(tmp_path / "fox"):
        (tmp_path / "fox" / name).unlink()
    assert "no image in fox/ (empty)" in problem(tmp_path)
    (tmp_path / "fox").rename(tmp_path / ".fox")
    assert opened(tmp_path).class_names == ("cat", "dog")


def test_links_to_folders_are_gone_into_and_loops_are_not(tmp_path):
    fill(tmp_path / "data" / "cat", 5)
    fill(tmp_path / "data" / "dog", 5)
    fill(tmp_path / "elsewhere", 5)
    (tmp_path / "data" / "cat" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "cat" / "loop").symlink_to(tmp_path / "data" / "cat")
    (tmp_path / "data" / "fox").symlink_to(tmp_path / "elsewhere")
    dataset = opened(tmp_path / "data")
    assert {name: sum(both) for name, both in counts(dataset).items()} == {"cat": 10, "dog": 5, "fox": 5}
    assert dataset.left_out == ("1 loop of links in cat",)
    assert any("files are in two classes" in note for note in dataset.notes)


def test_folders_in_folders_end_somewhere(tmp_path):
    fill(tmp_path / "dog", 5)
    fill(tmp_path / "cat", 5)
    fill(tmp_path / "cat" / "/".join("x" * 90), 5)
    fill(tmp_path / "cat" / "/".join("y" * 150), 1)
    dataset = opened(tmp_path)
    assert sum(counts(dataset)["cat"]) == 10 and dataset.left_out == ("1 folder too deep in cat",)


def test_up_to_ten_classes_are_named(tmp_path):
    for number in range(12):
        fill(tmp_path / f"c{number:02}", 5)
    assert opened(tmp_path).report.lines()[1].endswith("c09 4 + 1 and 2 more")


def test_classes_that_people_take_for_one_are_said(tmp_path):
    for number, name in enumerate(("Cat", "cat", "caf\u00e9", "cafe\u0301", "dog")):
        fill(tmp_path / name, 5, start=10 * number)
    alike = [note for note in opened(tmp_path).notes if "differ in case" in note]
    assert len(alike) == 2 and any("'Cat', 'cat'" in note for note in alike)


def test_one_image_a_class_leaves_nothing_to_evaluate_on(tmp_path):
    for name in "abc":
        fill(tmp_path / name, 1, suffix=f"{name}.png")
    assert "every class has one image, or one folder of images, and none of it can be held out" in problem(tmp_path)


def test_a_path_without_its_kind_says_what_to_say(tmp_path):
    with pytest.raises(ZooError) as error:
        zoo.open_source(str(tmp_path))
    assert f"say folder:{tmp_path} if you mean the folder" in str(error.value)


def test_what_is_left_out_of_splits_says_of_which(tmp_path):
    for split in ("train", "val"):
        for name in "ab":
            fill(tmp_path / split / name, 5)
    fill(tmp_path / "train", 9)
    fill(tmp_path / "val" / "b", 2, suffix=".heic")
    assert opened(tmp_path).left_out == ("9 files beside the folders of train/, such as 0.png", "2 .heic in val/b")
    (tmp_path / "val" / "c").mkdir()
    assert "no image in val/c/ (empty)" in problem(tmp_path)


def test_links_that_lead_nowhere_are_named_and_end_nothing(tmp_path):
    for name in "ab":
        fill(tmp_path / name, 5)
    (tmp_path / "a" / "self.png").symlink_to("self.png")
    (tmp_path / "fox").symlink_to("/nowhere/fox")
    (tmp_path / "owl").symlink_to("owl")
    assert opened(tmp_path).left_out == (
        f"fox, owl in {tmp_path.name}/, links that lead nowhere",
        "1 broken link in a",
    )


def test_names_that_mean_something_to_a_shell_or_a_pattern_are_names(tmp_path):
    names = ("[a]", "*", "%s", "a b", "{x}", "~", "#1", "'q'", '"d"')
    for name in names:
        fill(tmp_path / name, 5)
    assert counts(opened(tmp_path)) == {name: [4, 1] for name in sorted(names)}


def test_what_is_loose_in_a_split_and_what_is_hidden_beside_the_classes_is_said(tmp_path):
    for split in ("train", "val"):
        for name in ("cat", "dog", "@home", ".net"):
            fill(tmp_path / split / name, 5)
    fill(tmp_path / "train", 3, 100)
    (tmp_path / ".git").mkdir()
    assert opened(tmp_path).left_out == (
        f"1 hidden beside the folders of {tmp_path.name}/, such as .git",
        "3 files beside the folders of train/, such as 100.png",
        "2 hidden beside the folders of train/, such as .net",
        "2 hidden beside the folders of val/, such as .net",
    )


def test_endings_that_number_files_are_none_and_of_many_kinds_five_are_named(tmp_path):
    fill(tmp_path / "cat", 5)
    fill(tmp_path / "dog", 5)
    for number in range(300):
        (tmp_path / "cat" / f"1.2.840.113619.{number}").touch()
        (tmp_path / "dog" / f"photo.kind{number:03}").touch()
    (tmp_path / "dog" / f"second.{'x' * 200}\n\x1b[31m").touch()
    (tmp_path / "dog" / "second.kind250").touch()
    cat, dog = opened(tmp_path).left_out
    assert cat == "300 without an ending in cat"
    assert dog == "2 .kind250, 1 .kind000, 1 .kind001, 1 .kind002, 1 .kind003 and 296 more in dog"
    for path in (tmp_path / "cat").glob("*.png"):
        path.unlink()
    assert "no image in cat/ (300 without an ending): what is read" in problem(tmp_path)


def test_an_ending_does_nothing_to_a_terminal(tmp_path):
    fill(tmp_path / "cat", 5)
    fill(tmp_path / "dog", 5)
    (tmp_path / "cat" / "a.\x1b[31m\n").touch()
    (tmp_path / "dog" / f"a.{'y' * 100}").touch()
    assert opened(tmp_path).left_out == ("1 .\\x1b[31m\\n in cat", f"1 .{'y' * 19}... (101 characters) in dog")


def test_images_without_folders_of_classes_are_called_so(tmp_path):
    fill(tmp_path, 3)
    assert "3 images lie in it directly, such as 0.png, and it takes a sub-folder" in problem(tmp_path)
    (tmp_path / "data.zip").touch()
    assert problem(tmp_path / "data.zip").endswith("data.zip: it is a file: unpack it if it is an archive")
    assert problem(tmp_path / ("x" * 300)).endswith(" characters): there is no such folder")


def test_an_error_about_a_class_says_in_which_split(tmp_path):
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            fill(tmp_path / split / name, 3)
    for path in (tmp_path / "val" / "dog").iterdir():
        path.unlink()
    assert "no image in val/dog/ (empty): what is read" in problem(tmp_path)
    for path in (tmp_path / "val" / "cat").iterdir():
        path.unlink()
    assert "there are no images in val/; it takes" in problem(tmp_path)


def test_long_names_of_classes_are_cut(tmp_path):
    for number in range(10):
        fill(tmp_path / ("x" * 230 + str(number)), 5)
    assert len(opened(tmp_path).report.lines()[1]) < 800
