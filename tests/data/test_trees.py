"""Tests of telling splits from classes in folders, and of ambiguous structures."""

import pytest
from folders import counts, fill, opened, problem

from zoo.data.sources.folder.tree import role
from zoo.errors import shown


@pytest.mark.parametrize(
    ("training", "evaluation"),
    [("train", "val"), ("train", "eval"), ("Train", "Test"), ("training", "validation"), ("TRAIN", "Val"),
     ("train_set", "test-set"), ("training_images", "dev"), ("train", "Evaluation"), ("trn", "tst")],
)  # fmt: skip
def test_common_names_of_splits(tmp_path, training, evaluation):
    for name in "ab":
        fill(tmp_path / training / name, 5)
        fill(tmp_path / evaluation / name, 3)
    assert counts(opened(tmp_path)) == {"a": [5, 3], "b": [5, 3]}


@pytest.mark.parametrize("name", ["trains", "valley", "testudo", "development", "trainer", "evaluator"])
def test_names_that_only_start_like_splits_are_classes(name):
    assert role(name) is None


def test_class_named_train(tmp_path):
    for name in ("bus", "car", "train"):
        fill(tmp_path / name, 5)
    assert opened(tmp_path).class_names == ("bus", "car", "train")
    fill(tmp_path / "train" / "steam", 5)  # with images directly in it, it is not a split
    assert sum(counts(opened(tmp_path))["train"]) == 10


def test_error_about_an_ambiguous_structure_suggests_data_splits(tmp_path):
    for name in ("bus", "car", "train/steam", "train/tram"):
        fill(tmp_path / name, 5)
    text = problem(tmp_path)
    assert "train/ has sub-folders, so it may be a split" in text
    assert "--set=data.splits=train " in text and "--set=data.splits=none" in text
    assert opened(tmp_path, splits="none").class_names == ("bus", "car", "train")
    only = opened(tmp_path, splits="train")
    assert only.class_names == ("steam", "tram")
    assert only.left_out == tuple(
        f"{name}/, not used as a split (5 files, no class folders)" for name in ("bus", "car")
    )
    for name in ("val", "validation"):
        fill(tmp_path / "two" / name / "a", 5)
    fill(tmp_path / "two" / "train" / "a", 5)
    assert "val/, validation/ could each be the evaluation split" in problem(tmp_path / "two")
    assert "there is no folder 'tarin': there are bus/, car/, train/" in problem(tmp_path, splits="tarin,val")


def test_flat_splits_and_splits_without_training_are_errors(tmp_path):
    fill(tmp_path / "flat" / "train", 5)
    fill(tmp_path / "flat" / "val", 5)
    assert "train/, val/ have the names of splits but contain no class folders" in problem(tmp_path / "flat")
    assert opened(tmp_path / "flat", splits="none").class_names == ("train", "val")
    for name in "ab":
        fill(tmp_path / "lone" / "test" / name, 5)
    assert "there is an evaluation split, test/, but no training split" in problem(tmp_path / "lone")
    fill(tmp_path / "wrapped" / "data" / "a", 5)
    fill(tmp_path / "wrapped" / "data" / "b", 5)
    assert f"if these are the classes, use folder:{tmp_path / 'wrapped' / 'data'}" in problem(tmp_path / "wrapped")


def test_third_split_and_other_folders_are_reported(tmp_path):
    for split, count in (("train", 5), ("val", 3), ("test", 2)):
        for name in "ab":
            fill(tmp_path / split / name, count)
    fill(tmp_path / "raw", 4)
    dataset = opened(tmp_path)
    assert counts(dataset) == {"a": [5, 3], "b": [5, 3]}
    assert dataset.left_out == (
        "raw/, not used as a split (4 files, no class folders)",
        "test/, which zoo.evaluate --split=test evaluates on",
    )


def test_unlabelled_test_images_are_left_out(tmp_path):
    for name in "ab":
        fill(tmp_path / "train" / name, 5)
    fill(tmp_path / "test", 7)
    dataset = opened(tmp_path)
    assert counts(dataset) == {"a": [4, 1], "b": [4, 1]}
    assert dataset.left_out == ("test/, not used as a split (7 files, no class folders)",)


def test_opening_a_single_split(tmp_path):
    fill(tmp_path / "a", 60)
    fill(tmp_path / "b", 41)
    assert len(opened(tmp_path, split="whole").eval) == 101
    assert "has no split folders, so there is no split 'test'" in problem(tmp_path, split="test")
    for split, count in (("train", 5), ("val", 3), ("test", 2)):
        for name in "ab":
            fill(tmp_path / "splits" / split / name, count)
    for split, count in (("whole", 6), ("val", 6), ("test", 4), ("train", 10)):
        assert len(opened(tmp_path / "splits", split=split).eval) == count
    assert opened(tmp_path / "splits", split="test").notes == ("evaluated: test/; not used: train/, val/",)


@pytest.mark.parametrize(
    "names",
    [
        ("seg_train", "seg_test"),
        ("pets_training", "pets_valid"),
        ("my train set", "my test set"),
        ("flowersTrain", "flowersTest"),
    ],
)
def test_names_that_contain_a_split_are_an_error_with_class_folders(tmp_path, names):
    """Kaggle's Intel images, `seg_train/seg_train/sea`, must not be read as two classes."""
    for name in names:
        for inner in ("sea", "street"):
            fill(tmp_path / name / inner, 4)
    assert "may be splits: use --set=data.splits=TRAIN,EVALUATION" in problem(tmp_path)
    named = opened(tmp_path, splits=",".join(names))
    assert counts(named) == {"sea": [4, 4], "street": [4, 4]}
    assert set(counts(opened(tmp_path, splits="none"))) == set(names)


def test_nested_splits_can_be_specified(tmp_path):
    for name in ("seg_train", "seg_test"):
        for inner in ("sea", "street"):
            fill(tmp_path / name / name / inner, 4)
    assert "may be splits" in problem(tmp_path)
    named = opened(tmp_path, splits="seg_train/seg_train,seg_test/seg_test")
    assert counts(named) == {"sea": [4, 4], "street": [4, 4]}


def test_names_that_contain_a_split_are_classes_with_images(tmp_path):
    for name in ("steam_train", "test_pattern"):
        fill(tmp_path / name, 5)
    assert counts(opened(tmp_path)) == {"steam_train": [4, 1], "test_pattern": [4, 1]}


def test_splits_within_classes_are_an_error(tmp_path):
    for name in ("sea", "street"):
        for split in ("train", "test"):
            fill(tmp_path / name / split, 5)
    assert "every class has the sub-folders test/, train/, which have the names of splits" in problem(tmp_path)
    assert counts(opened(tmp_path, splits="none")) == {"sea": [5, 5], "street": [5, 5]}


def test_equal_sub_folders_in_every_class_are_noted(tmp_path):
    for name in ("fold0", "fold1", "fold2"):
        for inner in ("cat", "dog"):
            fill(tmp_path / name / inner, 3)
    (found,) = (note for note in opened(tmp_path).notes if "same sub-folders" in note)
    assert found.startswith("fold0/, fold1/, fold2/ have the same sub-folders, such as cat/: if these are the classes")
    # There is no note if the sub-folders differ.
    fill(tmp_path / "fold0" / "fox", 3)
    assert not any("same sub-folders" in note for note in opened(tmp_path).notes)


@pytest.mark.parametrize(
    ("trained", "evaluated", "similar"),
    [("Cat", "cat", "'Cat'"), ("caf\u00e9", "cafe\u0301", r"'caf\xe9'")],
)
def test_similar_class_name_in_evaluation_is_an_error(tmp_path, trained, evaluated, similar):
    for split, name in (("train", trained), ("val", evaluated)):
        fill(tmp_path / split / name, 5)
        fill(tmp_path / split / "dog", 5)
    expected = f"is in val/ but not in train/ (similar: {similar}, which differs only in case, whitespace or Unicode"
    assert expected in problem(tmp_path)


def test_annotation_folders_are_an_error(tmp_path):
    """As in Oxford's pets (`images/`, `annotations/`) and COVID-19 radiographs (`COVID/images`, `COVID/masks`)."""
    fill(tmp_path / "pets" / "images", 5)
    fill(tmp_path / "pets" / "annotations" / "trimaps", 5)
    assert "annotations/ seems to contain annotations rather than images" in problem(tmp_path / "pets")
    assert opened(tmp_path / "pets", splits="none").class_names == ("annotations", "images")
    for root in ("rays", "splits/train"):
        for name in ("ill", "well"):
            fill(tmp_path / root / name / "images", 5)
            fill(tmp_path / root / name / "Masks", 5)
    assert ": ill/Masks/ seems to contain annotations" in problem(tmp_path / "rays")
    assert ": train/ill/Masks/ seems to contain annotations" in problem(tmp_path / "splits")
    for name in ("masks", "hats", "images"):  # a class among others
        fill(tmp_path / "things" / name, 5)
    assert opened(tmp_path / "things").class_names == ("hats", "images", "masks")


def test_specified_splits_must_be_distinct_and_within_the_folder(tmp_path):
    for name in ("one", "two"):
        for split in ("a", "b"):
            fill(tmp_path / name / split / "cat", 3)
            fill(tmp_path / name / split / "dog", 3)
    assert counts(opened(tmp_path / "one", splits="./a/,b")) == {"cat": [3, 3], "dog": [3, 3]}
    assert "data.splits must be none, TRAIN or TRAIN,EVALUATION, not 'a,./a'" in problem(
        tmp_path / "one", splits="a,./a"
    )
    for outside in ("../two/a", str(tmp_path / "two" / "a")):
        assert f"there is no folder {shown(outside)}: there are" in problem(tmp_path / "one", splits=f"a,{outside}")
    assert "splits must be 'none', 'TRAIN' or 'TRAIN,EVALUATION', not ['a', 'b']" in problem(
        tmp_path / "one", splits=["a", "b"]
    )
    for number in range(300):
        (tmp_path / "one" / f"class {number}").mkdir()
    assert problem(tmp_path / "one", splits="c").endswith(" and 292 more")
