"""Folders of images as people have them: what is found, what is a split, what is evaluated, and what is said of it."""

import hashlib
import os
import shutil

import pytest
from conftest import ROOT, tiny_dataset
from folders import counts, fill, opened, problem

import zoo
from zoo.data.finding import suffixes
from zoo.data.identity import changed_data, describe_data
from zoo.data.tree import role
from zoo.errors import ZooError, shown

SHARED = ROOT.parent / "shared" / "data"


# What is found.


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


# What is a split.


@pytest.mark.parametrize(
    ("training", "evaluation"),
    [("train", "val"), ("train", "eval"), ("Train", "Test"), ("training", "validation"), ("TRAIN", "Val"),
     ("train_set", "test-set"), ("training_images", "dev"), ("train", "Evaluation"), ("trn", "tst")],
)  # fmt: skip
def test_splits_in_any_case_and_their_common_forms(tmp_path, training, evaluation):
    for name in "ab":
        fill(tmp_path / training / name, 5)
        fill(tmp_path / evaluation / name, 3)
    assert counts(opened(tmp_path)) == {"a": [5, 3], "b": [5, 3]}


@pytest.mark.parametrize("name", ["trains", "valley", "testudo", "development", "trainer", "evaluator"])
def test_names_that_only_begin_as_splits_are_classes(name):
    assert role(name) is None


def test_a_class_may_be_called_train(tmp_path):
    for name in ("bus", "car", "train"):
        fill(tmp_path / name, 5)
    assert opened(tmp_path).class_names == ("bus", "car", "train")
    fill(tmp_path / "train" / "steam", 5)  # with images of its own it is no split
    assert sum(counts(opened(tmp_path))["train"]) == 10


def test_a_tree_that_can_be_read_in_two_ways_is_an_error_that_says_how_to_say_which(tmp_path):
    for name in ("bus", "car", "train/steam", "train/tram"):
        fill(tmp_path / name, 5)
    text = problem(tmp_path)
    assert (
        "train/ has folders in it" in text and "--set=data.splits=train " in text and "--set=data.splits=none" in text
    )
    assert opened(tmp_path, splits="none").class_names == ("bus", "car", "train")
    only = opened(tmp_path, splits="train")
    assert only.class_names == ("steam", "tram")
    assert only.left_out == tuple(
        f"{name}/, which is no split that is used (5 files without folders of classes)" for name in ("bus", "car")
    )
    for name in ("val", "validation"):
        fill(tmp_path / "two" / name / "a", 5)
    fill(tmp_path / "two" / "train" / "a", 5)
    assert "val/, validation/ could each be for evaluation" in problem(tmp_path / "two")
    assert "there is no folder 'tarin' in it; there are bus/, car/, train/" in problem(tmp_path, splits="tarin,val")


def test_flat_splits_and_splits_without_training_are_errors(tmp_path):
    fill(tmp_path / "flat" / "train", 5)
    fill(tmp_path / "flat" / "val", 5)
    assert "no folders of classes in them" in problem(tmp_path / "flat")
    assert opened(tmp_path / "flat", splits="none").class_names == ("train", "val")
    for name in "ab":
        fill(tmp_path / "lone" / "test" / name, 5)
    assert "there is test/ to evaluate on, and nothing to train on" in problem(tmp_path / "lone")
    fill(tmp_path / "wrapped" / "data" / "a", 5)
    fill(tmp_path / "wrapped" / "data" / "b", 5)
    assert f"say folder:{tmp_path / 'wrapped' / 'data'} if these are the classes" in problem(tmp_path / "wrapped")


def test_a_third_split_and_what_is_beside_are_said(tmp_path):
    for split, count in (("train", 5), ("val", 3), ("test", 2)):
        for name in "ab":
            fill(tmp_path / split / name, count)
    fill(tmp_path / "raw", 4)
    dataset = opened(tmp_path)
    assert counts(dataset) == {"a": [5, 3], "b": [5, 3]}
    assert dataset.left_out == (
        "raw/, which is no split that is used (4 files without folders of classes)",
        "test/, which zoo.evaluate --split=test evaluates on",
    )


def test_unlabelled_images_beside_training_are_left_out_and_said(tmp_path):
    for name in "ab":
        fill(tmp_path / "train" / name, 5)
    fill(tmp_path / "test", 7)
    dataset = opened(tmp_path)
    assert counts(dataset) == {"a": [4, 1], "b": [4, 1]}
    assert dataset.left_out == ("test/, which is no split that is used (7 files without folders of classes)",)


# Data that is only evaluated.


def test_data_that_is_only_evaluated_is_whole(tmp_path):
    fill(tmp_path / "a", 60)
    fill(tmp_path / "b", 41)
    assert len(opened(tmp_path, split="whole").eval) == 101
    assert "has no folders of splits: leave out the split 'test'" in problem(tmp_path, split="test")
    for split, count in (("train", 5), ("val", 3), ("test", 2)):
        for name in "ab":
            fill(tmp_path / "splits" / split / name, count)
    for split, count in (("whole", 6), ("val", 6), ("test", 4), ("train", 10)):
        assert len(opened(tmp_path / "splits", split=split).eval) == count
    assert opened(tmp_path / "splits", split="test").notes == ("evaluated: test/, and not train/, val/",)


# How data is known again.


def test_the_identity_is_of_every_path_size_and_label(tmp_path):
    fill(tmp_path / "a", 20)
    fill(tmp_path / "b", 20, 20)

    def described():
        return describe_data(opened(tmp_path))

    first = described()
    assert changed_data(described(), first) == []
    for number in (3, 4):
        (tmp_path / "a" / f"{number}.png").rename(tmp_path / "b" / f"{number}.png")
    assert changed_data(described(), first) == ["training + evaluation examples of a 14 + 4, 16 + 4; b 18 + 4, 16 + 4"]
    for number in (3, 4):
        (tmp_path / "b" / f"{number}.png").rename(tmp_path / "a" / f"{number}.png")
    assert changed_data(described(), first) == []
    (tmp_path / "a" / "5.png").write_bytes(b"another content")
    assert changed_data(described(), first) == [
        "as many examples of each class, but others: some have another content, name or label"
    ]
    earlier = {name: value for name, value in first.items() if name not in ("digest", "by class")}
    assert changed_data(described(), earlier) == []  # a run of a version that did not know of it


def test_the_identity_of_arrays_and_of_a_copied_folder(tmp_path):
    dataset = tiny_dataset()
    changed = dataset.train.labels.copy()
    changed[0], changed[1] = changed[1], changed[0]
    other = zoo.Dataset("tiny", zoo.ArraySplit(dataset.train.images, changed), dataset.eval, dataset.class_names, 1)
    assert changed[0] != changed[1] and other.report.digest != dataset.report.digest
    for copy in ("one", "two"):
        for name in "ab":
            (tmp_path / copy / name).mkdir(parents=True)
            for number in range(5):
                (tmp_path / copy / name / f"{number}.png").write_bytes(f"{name}{number}".encode())
    assert opened(tmp_path / "one").report.digest == opened(tmp_path / "two").report.digest


# What the ledgers were recorded with: digests of the examples in order, by the version that recorded them (0.9, 827a94f).


@pytest.mark.parametrize(
    ("source", "digests"),
    [
        ("fashion_mnist", ("e12641312421c21a", "e197033262321d8a")),
        ("synthetic:random_10", ("7878d7310c369f2b", "9f54eaab3ee2fcdb")),
    ],
)
def test_the_sets_that_are_carried_give_the_same_examples_in_the_same_order(source, digests):
    dataset = zoo.open_source(source)
    for split, expected in zip((dataset.train, dataset.eval), digests, strict=True):
        found = hashlib.sha256()
        for index in range(len(split)):
            pixels, label = split.read(index)
            found.update(pixels.tobytes() + str(label).encode())
        assert found.hexdigest()[:16] == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("archive", "folder", "digests"),
    [
        ("cifar10_jpeg.zip", "cifar10", ("a0d754373b827536", "4e478c2daa975343")),
        ("imagenette224.tar", "imagenette224", ("8dd922a618d76a2f", "ab798164a14929ec")),
    ],
)
def test_prepared_folders_give_the_same_files_in_the_same_order(tmp_path, archive, folder, digests):
    if not (SHARED / archive).is_file():
        pytest.skip(f"{archive} is not here")
    shutil.unpack_archive(SHARED / archive, tmp_path)
    dataset = opened(tmp_path / folder)
    for split, expected in zip((dataset.train, dataset.eval), digests, strict=True):
        listed = (
            f"{os.path.relpath(path, tmp_path / folder)} {label}\n"
            for path, label in zip(split.paths, split.labels.tolist(), strict=True)
        )
        assert hashlib.sha256("".join(listed).encode()).hexdigest()[:16] == expected
    assert dataset.left_out == dataset.notes == ()


@pytest.mark.parametrize(
    "names",
    [
        ("seg_train", "seg_test"),
        ("pets_training", "pets_valid"),
        ("my train set", "my test set"),
        ("flowersTrain", "flowersTest"),
    ],
)
def test_names_that_speak_of_splits_are_an_error_if_classes_are_below(tmp_path, names):
    """The folders of Kaggle's Intel images, `seg_train/seg_train/sea`, were two classes."""
    for name in names:
        for inner in ("sea", "street"):
            fill(tmp_path / name / inner, 4)
    said = problem(tmp_path)
    assert "may be splits: say which with --set=data.splits=TRAIN,EVALUATION" in said
    named = opened(tmp_path, splits=",".join(names))
    assert counts(named) == {"sea": [4, 4], "street": [4, 4]}
    assert set(counts(opened(tmp_path, splits="none"))) == set(names)


def test_splits_deeper_in_the_folder_can_be_named(tmp_path):
    for name in ("seg_train", "seg_test"):
        for inner in ("sea", "street"):
            fill(tmp_path / name / name / inner, 4)
    assert "may be splits" in problem(tmp_path)
    named = opened(tmp_path, splits="seg_train/seg_train,seg_test/seg_test")
    assert counts(named) == {"sea": [4, 4], "street": [4, 4]}


def test_names_that_speak_of_splits_are_classes_if_they_have_images(tmp_path):
    for name in ("steam_train", "test_pattern"):
        fill(tmp_path / name, 5)
    assert counts(opened(tmp_path)) == {"steam_train": [4, 1], "test_pattern": [4, 1]}


def test_splits_inside_of_every_class_are_an_error(tmp_path):
    for name in ("sea", "street"):
        for split in ("train", "test"):
            fill(tmp_path / name / split, 5)
    said = problem(tmp_path)
    assert "every class has the folders test/, train/ in it, which are called as splits" in said
    assert counts(opened(tmp_path, splits="none")) == {"sea": [5, 5], "street": [5, 5]}


def test_the_same_folders_in_every_class_may_be_the_classes(tmp_path):
    for name in ("fold0", "fold1", "fold2"):
        for inner in ("cat", "dog"):
            fill(tmp_path / name / inner, 3)
    (said,) = (note for note in opened(tmp_path).notes if "same folders" in note)
    assert said.startswith(
        "fold0/, fold1/, fold2/ have the same folders in them, such as cat/: if those are the classes"
    )
    # Where each class has its own, there is nothing to say.
    fill(tmp_path / "fold0" / "fox", 3)
    assert not any("same folders" in note for note in opened(tmp_path).notes)


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


# What lies beside, and where.


def test_what_is_left_out_of_splits_says_of_which(tmp_path):
    for split in ("train", "val"):
        for name in "ab":
            fill(tmp_path / split / name, 5)
    fill(tmp_path / "train", 9)
    fill(tmp_path / "val" / "b", 2, suffix=".heic")
    assert opened(tmp_path).left_out == ("9 files beside the folders of train/, such as 0.png", "2 .heic in val/b")
    (tmp_path / "val" / "c").mkdir()
    assert "no image in val/c/ (empty)" in problem(tmp_path)


@pytest.mark.parametrize(
    ("trained", "evaluated", "said"),
    [("Cat", "cat", "'Cat'"), ("caf\u00e9", "cafe\u0301", r"'caf\xe9'")],
)
def test_a_class_that_is_written_otherwise_in_evaluation_is_said(tmp_path, trained, evaluated, said):
    for split, name in (("train", trained), ("val", evaluated)):
        fill(tmp_path / split / name, 5)
        fill(tmp_path / split / "dog", 5)
    assert f"is in val/ and not in train/ (where {said} is, which differs in case, in blanks or in how" in problem(
        tmp_path
    )


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


def test_masks_and_annotations_are_no_classes_and_no_images(tmp_path):
    """As in Oxford's pets (`images/`, `annotations/`) and the COVID-19 radiographs (`COVID/images`, `COVID/masks`)."""
    fill(tmp_path / "pets" / "images", 5)
    fill(tmp_path / "pets" / "annotations" / "trimaps", 5)
    assert "annotations/ is called as a folder of what is drawn or written about" in problem(tmp_path / "pets")
    assert opened(tmp_path / "pets", splits="none").class_names == ("annotations", "images")
    for root in ("rays", "splits/train"):
        for name in ("ill", "well"):
            fill(tmp_path / root / name / "images", 5)
            fill(tmp_path / root / name / "Masks", 5)
    assert ": ill/Masks/ is called as a folder" in problem(tmp_path / "rays")
    assert ": train/ill/Masks/ is called as a folder" in problem(tmp_path / "splits")
    for name in ("masks", "hats", "images"):  # a class among others
        fill(tmp_path / "things" / name, 5)
    assert opened(tmp_path / "things").class_names == ("hats", "images", "masks")


def test_names_that_mean_something_to_a_shell_or_a_pattern_are_names(tmp_path):
    names = ("[a]", "*", "%s", "a b", "{x}", "~", "#1", "'q'", '"d"')
    for name in names:
        fill(tmp_path / name, 5)
    assert counts(opened(tmp_path)) == {name: [4, 1] for name in sorted(names)}


# As people have them, second part: hidden and loose files, endings, names.


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
    assert opened(tmp_path).left_out == ("1 .\\x1b[31m\\n in cat", f"1 .{'y' * 19}... (40 characters) in dog")


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


def test_splits_that_are_named_are_different_and_in_the_folder(tmp_path):
    for name in ("one", "two"):
        for split in ("a", "b"):
            fill(tmp_path / name / split / "cat", 3)
            fill(tmp_path / name / split / "dog", 3)
    assert counts(opened(tmp_path / "one", splits="./a/,b")) == {"cat": [3, 3], "dog": [3, 3]}
    assert "data.splits is 'a,./a'; it is none, or TRAIN" in problem(tmp_path / "one", splits="a,./a")
    for outside in ("../two/a", str(tmp_path / "two" / "a")):
        assert f"there is no folder {shown(outside)} in it" in problem(tmp_path / "one", splits=f"a,{outside}")
    assert "splits is ['a', 'b']; it is 'none'" in problem(tmp_path / "one", splits=["a", "b"])
    for number in range(300):
        (tmp_path / "one" / f"class {number}").mkdir()
    assert problem(tmp_path / "one", splits="c").endswith(" and 292 more")


def test_long_names_of_classes_are_cut(tmp_path):
    for number in range(10):
        fill(tmp_path / ("x" * 230 + str(number)), 5)
    assert len(opened(tmp_path).report.lines()[1]) < 800
