"""Trees of folders: which are splits and which are classes, and what is ambiguous."""

import pytest
from folders import counts, fill, opened, problem

from zoo.data.sources.folder.tree import role
from zoo.errors import shown


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
