"""Tests of data digests, and that included and prepared data sets are unchanged."""

import hashlib
import os
import shutil

import pytest
from examples import tiny_dataset
from folders import fill, opened
from programs import ROOT

import zoo
from zoo.data.identity import changed_data, describe_data

SHARED = ROOT.parent / "shared" / "data"


def test_digest_covers_every_path_size_and_label(tmp_path):
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
        "same number of examples per class, but the content, name or label of some differs"
    ]
    earlier = {name: value for name, value in first.items() if name not in ("digest", "by class")}
    assert changed_data(described(), earlier) == []  # a run of a version without digests


def test_digest_of_arrays_and_of_a_copied_folder(tmp_path):
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


# Digests of the examples in order, from the version that the ledgers were recorded with (0.9, 827a94f).


@pytest.mark.parametrize(
    ("source", "digests"),
    [
        ("fashion_mnist", ("e12641312421c21a", "e197033262321d8a")),
        ("synthetic:random_10", ("7878d7310c369f2b", "9f54eaab3ee2fcdb")),
    ],
)
def test_included_data_sets_are_unchanged(source, digests):
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
def test_prepared_folders_are_unchanged(tmp_path, archive, folder, digests):
    if not (SHARED / archive).is_file():
        pytest.skip(f"{archive} is not available")
    shutil.unpack_archive(SHARED / archive, tmp_path)
    dataset = opened(tmp_path / folder)
    for split, expected in zip((dataset.train, dataset.eval), digests, strict=True):
        listed = (
            f"{os.path.relpath(path, tmp_path / folder)} {label}\n"
            for path, label in zip(split.paths, split.labels.tolist(), strict=True)
        )
        assert hashlib.sha256("".join(listed).encode()).hexdigest()[:16] == expected
    assert dataset.left_out == dataset.notes == ()
