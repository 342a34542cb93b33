"""Tests of holding out an evaluation split of a folder: a fifth of each class, never dividing sub-folders."""

import os
import time
from pathlib import Path

import numpy as np
from folders import below, counts, fill, opened

from zoo.data.sources.folder.duplicates import equal_files
from zoo.data.splitting import hold_out_groups


def test_exactly_a_fifth_of_each_class_is_held_out(tmp_path):
    for name, count in (("a", 20), ("b", 20), ("c", 57), ("d", 2), ("e", 1)):
        fill(tmp_path / name, count)
    dataset = opened(tmp_path)
    assert counts(dataset) == {"a": [16, 4], "b": [16, 4], "c": [46, 11], "d": [1, 1], "e": [1, 0]}
    assert [set(split.paths) for split in (dataset.train, dataset.eval)] == [
        set(split.paths) for split in (opened(tmp_path).train, opened(tmp_path).eval)
    ]


def test_added_images_move_few_others(tmp_path):
    """To keep the fraction at a fifth, some of 40 held-out images must be replaced."""
    fill(tmp_path / "cat", 200)
    fill(tmp_path / "dog", 400)
    first = opened(tmp_path)
    fill(tmp_path / "cat", 100, 200)
    fill(tmp_path / "bird", 5)
    second = opened(tmp_path)
    moved = len(set(first.eval.paths) - set(second.eval.paths))
    assert moved <= 12  # of 40; a new random choice would move 32
    dogs = {path for path in first.eval.paths if "dog" in path}
    assert dogs == {path for path in second.eval.paths if "dog" in path}


def test_file_that_is_moved_to_another_class_stays_in_its_split(tmp_path):
    fill(tmp_path / "a", 50)
    fill(tmp_path / "b", 50, 50)
    before = below(opened(tmp_path), tmp_path)[1]
    victim = sorted(path for path in before if path.startswith("a"))[0]
    (tmp_path / victim).rename(tmp_path / "b" / os.path.basename(victim))
    after = below(opened(tmp_path), tmp_path)[1]
    assert f"b/{os.path.basename(victim)}" in after


def test_sub_folders_of_a_class_are_not_divided(tmp_path):
    for name in ("ill", "well"):
        for patient in range(25):
            fill(tmp_path / name / "scans" / f"patient{patient:03}" / "left", 2)
            fill(tmp_path / name / "scans" / f"patient{patient:03}", 2, 10)
    dataset = opened(tmp_path)
    assert counts(dataset) == {"ill": [80, 20], "well": [80, 20]}
    train, held_out = ({os.sep.join(path.split(os.sep)[:3]) for path in side} for side in below(dataset, tmp_path))
    assert len(train) == 40 and len(held_out) == 10 and not train & held_out
    assert dataset.notes[0] == "classes have sub-folders: each is entirely in training or in evaluation"
    fill(tmp_path / "ill" / "scans" / "patient007", 5, 50)  # of an existing patient
    again = below(opened(tmp_path), tmp_path)
    assert not {os.sep.join(path.split(os.sep)[:3]) for path in again[0]} & {
        os.sep.join(path.split(os.sep)[:3]) for path in again[1]
    }


def test_smallest_of_a_few_large_folders_is_held_out(tmp_path):
    for name in "ab":
        for video, frames in (("v1", 10), ("v2", 30), ("v3", 60)):
            fill(tmp_path / name / video, frames)
    assert counts(opened(tmp_path)) == {"a": [90, 10], "b": [90, 10]}


def test_folders_of_the_same_name_in_two_classes_are_separate_groups(tmp_path):
    for name in "ab":
        for patient in range(50):
            (tmp_path / name / f"patient{patient}").mkdir(parents=True)
            (tmp_path / name / f"patient{patient}" / "frame.png").write_bytes(f"{name}{patient}".encode())
    assert counts(opened(tmp_path)) == {"a": [40, 10], "b": [40, 10]}


def test_duplicates_are_in_the_same_split_and_counted(tmp_path):
    fill(tmp_path / "a", 20)
    fill(tmp_path / "b", 20, 20)
    for number in range(20):
        content = (tmp_path / "a" / f"{number}.png").read_bytes()
        (tmp_path / "a" / f"copy of {number}.png").write_bytes(content)
    dataset = opened(tmp_path)
    assert counts(dataset) == {"a": [32, 8], "b": [16, 4]}
    contents = [{Path(path).read_bytes() for path in split.paths} for split in (dataset.train, dataset.eval)]
    assert not contents[0] & contents[1]
    assert dataset.notes == ("20 files are duplicates: duplicates are kept in the same split",)


def test_evaluation_images_that_are_in_training_are_counted(tmp_path):
    for name in "ab":
        fill(tmp_path / "train" / name, 20)
        fill(tmp_path / "test" / name, 2, 100)
        for number in range(9):
            (tmp_path / "test" / name / f"x{number}.png").write_bytes(
                (tmp_path / "train" / name / f"{number}.png").read_bytes()
            )
    (note,) = opened(tmp_path).notes
    assert note.startswith("18 of the 22 evaluation images are also in training, such as ")


def test_files_that_differ_only_at_the_end_are_not_duplicates(tmp_path):
    paths = [str(tmp_path / f"{number}") for number in range(4)]
    for path, content in zip(paths, (b"a" * 50000 + b"x", b"a" * 50000 + b"y", b"a" * 50000 + b"x", b""), strict=True):
        Path(path).write_bytes(content)
    sizes = np.array([os.path.getsize(path) for path in paths])
    assert equal_files(paths, sizes, np.arange(4)).tolist() == [0, 1, 0, 3]
    assert equal_files(paths, sizes, np.array([7, 7, 8, 8])).tolist()[:2] == [0, 0]


def test_class_of_duplicates_is_split_file_by_file(tmp_path):
    fill(tmp_path / "b", 10)
    (tmp_path / "a").mkdir()
    for number in range(10):
        (tmp_path / "a" / f"{number}.png").write_bytes(b"the same")
    dataset = opened(tmp_path)
    assert counts(dataset) == {"a": [8, 2], "b": [8, 2]}
    assert dataset.notes[0].startswith(
        "all images of a are duplicates or in folders with duplicates: held out file by file"
    )


def test_holding_out_groups_of_many_classes_takes_linear_time():
    """Each class has two groups, both larger than a fifth, so one of them is held out."""
    classes = 30_000
    labels = np.repeat(np.arange(classes, dtype=np.int32), 6)
    groups = np.arange(len(labels)) // 3
    start = time.perf_counter()
    kept, out = hold_out_groups(labels, groups, [b"%d" % group for group in range(2 * classes)], 0.2)
    assert time.perf_counter() - start < 20  # a quadratic implementation took 6 s for 4,000 classes
    assert np.bincount(labels[out]).tolist() == np.bincount(labels[kept]).tolist() == [3] * classes
