"""Folders of images as people have them: what is found, what is a split, what is held out, and what is said of it."""

import hashlib
import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, tiny_dataset
from PIL import Image, ImageOps

import zoo
from zoo.data.decode import CorruptImage, Picture, decode, read_size
from zoo.data.duplicates import equal_files
from zoo.data.finding import suffixes
from zoo.data.identity import changed_data, describe_data
from zoo.data.inspection import inspect
from zoo.data.tree import role
from zoo.errors import ZooError

SHARED = ROOT.parent / "shared" / "data"


def fill(folder, count, start=0, suffix=".png"):
    """So many files with different contents, which nothing decodes."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(start, start + count):
        (folder / f"{number}{suffix}").write_bytes(f"{folder} {number}".encode())


def opened(path, **options):
    return zoo.open_source(f"folder:{path}", **options)


def counts(dataset):
    return {
        name: counts
        for name, *counts in zip(dataset.class_names, dataset.report.train, dataset.report.eval, strict=True)
    }


def below(dataset, root):
    """Paths of (training, evaluation) below the folder."""
    return tuple({os.path.relpath(path, root) for path in split.paths} for split in (dataset.train, dataset.eval))


def problem(path, **options):
    with pytest.raises(ZooError) as error:
        opened(path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


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
        "1 .txt, 1 broken link, 2 hidden, 1 no regular file, 1 without an ending in dog",
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
    assert "there is no folder 'tarin'; there are bus/, car/, train/" in problem(tmp_path, splits="tarin,val")


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


# What is held out.


def test_exactly_a_fifth_of_each_class_is_held_out(tmp_path):
    for name, count in (("a", 20), ("b", 20), ("c", 57), ("d", 2), ("e", 1)):
        fill(tmp_path / name, count)
    dataset = opened(tmp_path)
    assert counts(dataset) == {"a": [16, 4], "b": [16, 4], "c": [46, 11], "d": [1, 1], "e": [1, 0]}
    assert [set(split.paths) for split in (dataset.train, dataset.eval)] == [
        set(split.paths) for split in (opened(tmp_path).train, opened(tmp_path).eval)
    ]


def test_when_images_are_added_the_others_stay_on_their_side(tmp_path):
    """As far as a fifth of all can be a fifth: of 40 that were held out, some give way to others."""
    fill(tmp_path / "cat", 200)
    fill(tmp_path / "dog", 400)
    first = opened(tmp_path)
    fill(tmp_path / "cat", 100, 200)
    fill(tmp_path / "bird", 5)
    second = opened(tmp_path)
    moved = len(set(first.eval.paths) - set(second.eval.paths))
    assert moved <= 12  # of 40; a new draw would move 32
    dogs = {path for path in first.eval.paths if "dog" in path}
    assert dogs == {path for path in second.eval.paths if "dog" in path}


def test_a_file_that_is_moved_to_another_class_keeps_its_side(tmp_path):
    fill(tmp_path / "a", 50)
    fill(tmp_path / "b", 50, 50)
    before = below(opened(tmp_path), tmp_path)[1]
    victim = sorted(path for path in before if path.startswith("a"))[0]
    (tmp_path / victim).rename(tmp_path / "b" / os.path.basename(victim))
    after = below(opened(tmp_path), tmp_path)[1]
    assert f"b/{os.path.basename(victim)}" in after


def test_the_folders_of_a_class_are_on_one_side(tmp_path):
    for name in ("ill", "well"):
        for patient in range(25):
            fill(tmp_path / name / "scans" / f"patient{patient:03}" / "left", 2)
            fill(tmp_path / name / "scans" / f"patient{patient:03}", 2, 10)
    dataset = opened(tmp_path)
    assert counts(dataset) == {"ill": [80, 20], "well": [80, 20]}
    train, held_out = ({os.sep.join(path.split(os.sep)[:3]) for path in side} for side in below(dataset, tmp_path))
    assert len(train) == 40 and len(held_out) == 10 and not train & held_out
    assert dataset.notes[0] == "classes have folders in them: each is in training or in evaluation as a whole"
    fill(tmp_path / "ill" / "scans" / "patient007", 5, 50)  # of one that is known
    again = below(opened(tmp_path), tmp_path)
    assert not {os.sep.join(path.split(os.sep)[:3]) for path in again[0]} & {
        os.sep.join(path.split(os.sep)[:3]) for path in again[1]
    }


def test_few_large_folders_leave_one_to_evaluate_with(tmp_path):
    for name in "ab":
        for video, frames in (("v1", 10), ("v2", 30), ("v3", 60)):
            fill(tmp_path / name / video, frames)
    assert counts(opened(tmp_path)) == {"a": [90, 10], "b": [90, 10]}


def test_the_same_name_in_every_class_does_not_lump_together(tmp_path):
    for name in "ab":
        for patient in range(50):
            (tmp_path / name / f"patient{patient}").mkdir(parents=True)
            (tmp_path / name / f"patient{patient}" / "frame.png").write_bytes(f"{name}{patient}".encode())
    assert counts(opened(tmp_path)) == {"a": [40, 10], "b": [40, 10]}


def test_equal_files_are_on_one_side_and_counted(tmp_path):
    fill(tmp_path / "a", 20)
    fill(tmp_path / "b", 20, 20)
    for number in range(20):
        content = (tmp_path / "a" / f"{number}.png").read_bytes()
        (tmp_path / "a" / f"copy of {number}.png").write_bytes(content)
    dataset = opened(tmp_path)
    assert counts(dataset) == {"a": [32, 8], "b": [16, 4]}
    contents = [{Path(path).read_bytes() for path in split.paths} for split in (dataset.train, dataset.eval)]
    assert not contents[0] & contents[1]
    assert dataset.notes == ("20 files are copies of others: copies are on the same side",)


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


def test_files_that_differ_only_at_their_ends_are_not_equal(tmp_path):
    paths = [str(tmp_path / f"{number}") for number in range(4)]
    for path, content in zip(paths, (b"a" * 50000 + b"x", b"a" * 50000 + b"y", b"a" * 50000 + b"x", b""), strict=True):
        Path(path).write_bytes(content)
    sizes = np.array([os.path.getsize(path) for path in paths])
    assert equal_files(paths, sizes, np.arange(4)).tolist() == [0, 1, 0, 3]
    assert equal_files(paths, sizes, np.array([7, 7, 8, 8])).tolist()[:2] == [0, 0]


def test_a_class_of_equal_files_is_cut_and_that_is_said(tmp_path):
    fill(tmp_path / "b", 10)
    (tmp_path / "a").mkdir()
    for number in range(10):
        (tmp_path / "a" / f"{number}.png").write_bytes(b"the same")
    dataset = opened(tmp_path)
    assert counts(dataset) == {"a": [8, 2], "b": [8, 2]}
    assert dataset.notes[0].startswith(
        "all images of a are equal, or in folders with equal ones: held out file by file"
    )


# Data that is only evaluated.


def test_data_that_is_only_evaluated_is_whole(tmp_path):
    fill(tmp_path / "a", 60)
    fill(tmp_path / "b", 41)
    assert len(opened(tmp_path, split="whole").eval) == 101
    assert "has no splits, and is evaluated as a whole" in problem(tmp_path, split="test")
    for split, count in (("train", 5), ("val", 3), ("test", 2)):
        for name in "ab":
            fill(tmp_path / "splits" / split / name, count)
    for split, count in (("whole", 6), ("val", 6), ("test", 4), ("train", 10)):
        assert len(opened(tmp_path / "splits", split=split).eval) == count
    assert opened(tmp_path / "splits", split="test").notes == ("evaluated: test/, and not train/, val/",)


# What an image shows.


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_upright(kind, orientation):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)).resize((60, 40), 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    quality = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    content = encoded(image, kind, exif=exif, **quality)
    seen = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
    np.testing.assert_array_equal(decode(content, 3), seen)
    assert read_size(content) == seen.shape[:2] == Picture(content, 3).size
    small = Picture(content, 3).pixels(seen.shape[0] // 2, seen.shape[1] // 2)
    if kind == "JPEG":
        assert small.shape[:2] == (seen.shape[0] // 2, seen.shape[1] // 2)
        assert np.abs(small.astype(int) - seen[::2, ::2]).mean() < 1


def test_a_damaged_orientation_costs_no_pixels():
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(Image.new("RGB", (6, 4), (9, 200, 9)), "JPEG", exif=exif)
    place = content.index(b"Exif\0\0") + 6
    broken = content[:place] + b"XX" + content[place + 2 :]
    assert decode(broken, 3).shape == (4, 6, 3) and read_size(broken) == (4, 6)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "1"])
def test_what_is_transparent_is_white(mode):
    drawing = Image.new("LA", (8, 8), (0, 0))
    drawing.paste((0, 255), (2, 2, 6, 6))
    if mode == "LA":
        content = encoded(drawing, "PNG")
    elif mode == "RGBA":
        content = encoded(drawing.convert("RGBA"), "WEBP", lossless=True)
    else:  # one colour that is transparent
        grey = Image.new("L", (8, 8), 255)
        grey.paste(0, (2, 2, 6, 6))
        image = ImageOps.invert(grey).convert(mode)
        content = encoded(image, "PNG", transparency={"P": 0, "RGB": (0, 0, 0), "1": 0}[mode])
    pixels = decode(content, 3)
    if mode in ("RGBA", "LA"):
        assert pixels[0, 0].tolist() == [255] * 3 and pixels[4, 4].tolist() == [0] * 3
    else:
        assert pixels[0, 0].tolist() == [255] * 3
    assert decode(content, 1).shape == (8, 8, 1)


def test_half_transparent_pixels_are_mixed_with_white():
    assert decode(encoded(Image.new("RGBA", (2, 2), (200, 0, 0, 128)), "PNG"), 3)[0, 0].tolist() == [227, 127, 127]


def test_the_first_frame_of_a_moving_image():
    frames = [Image.new("RGB", (5, 4), color) for color in ("red", "blue")]
    moving = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(moving, 3)[0, 0].tolist() == [255, 0, 0]


def test_pixels_of_32_bits_are_refused():
    with pytest.raises(CorruptImage, match="save it with 8 or 16 bits"):
        decode(encoded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"), 3)


def images(folder, count, values, kind="png"):
    folder.mkdir(parents=True)
    for number in range(count):
        values_of = np.random.default_rng(number).integers(*values, (8, 8))
        Image.fromarray(values_of.astype(np.uint16 if values[1] > 256 else np.uint8)).save(folder / f"{number}.{kind}")


def test_a_range_that_is_a_small_part_is_noted(tmp_path):
    for name in "ab":
        images(tmp_path / "deep" / name, 5, (0, 4096))
        images(tmp_path / "full" / name, 5, (0, 65536))
        images(tmp_path / "dark" / name, 5, (0, 20))
        images(tmp_path / "plain" / name, 5, (0, 256))
    (note,) = inspect(opened(tmp_path / "deep"))
    assert "of 65,535 and come out as 16 of 256 levels" in note
    assert "to 19 of 255" in inspect(opened(tmp_path / "dark"))[0]
    assert inspect(opened(tmp_path / "full")) == inspect(opened(tmp_path / "plain")) == []


def test_a_class_of_which_nothing_can_be_decoded_is_an_error(tmp_path):
    for name in "ab":
        images(tmp_path / name, 10, (0, 256))
    (tmp_path / "c").mkdir()
    for number in range(9):
        (tmp_path / "c" / f"{number}.jpg").write_bytes(b"no image" + bytes([number]))
    with pytest.raises(
        ZooError, match=r"none of the 7 training images of the class 'c' can be decoded, such as .*\.jpg \("
    ):
        inspect(opened(tmp_path))
    images(tmp_path / "c" / "more", 1, (0, 256))


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    for name in "ab":
        images(tmp_path / name, 5, (0, 256))
    with open(tmp_path / "a" / "sparse.png", "wb") as file:
        file.truncate(300 * 10**9)
    assert opened(tmp_path).left_out == ("1 over 256 MiB in a",)


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
