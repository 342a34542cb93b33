"""Tests of data sets from arrays, and of evaluating a run on other data."""

import dataclasses
import io
import json

import jax.numpy as jnp
import numpy as np
import pytest
from examples import features_dataset, tabular, tiny_dataset
from PIL import Image
from programs import run_python
from rich.console import Console
from tiny import RECIPE

import zoo
from zoo.data.identity import changed_data, describe_data
from zoo.data.inspection import inspect
from zoo.data.pipeline import Corrupt
from zoo.errors import ZooError
from zoo.streams import corrupt_printer

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3)).astype(np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.int32)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            (IMAGES / 255).astype(np.float32),
            r"expected uint8, .*: pass \(255 \* images\)\.round\(\)\.astype\(np\.uint8\)",
        ),
        (IMAGES / 255, r"images are float64 \[6, 8, 8, 3\]; .* pass \(255 \* images\)"),
        (IMAGES.astype(np.float32), "pass pixels from 0 to 255 as uint8"),
        (IMAGES.astype(np.int64), "images are int64"),
        (IMAGES.transpose(0, 3, 1, 2), r"channels must be the last axis, pass images\.transpose\(0, 2, 3, 1\)"),
        (IMAGES[..., 0], r"without a channel axis: pass images\[\.\.\., None\]"),
        (IMAGES[0, 0], r"images are uint8 \[8, 3\]"),
        (IMAGES.tolist(), "images are of type list; expected a NumPy array"),
        (IMAGES[:4], "4 images, but 6 labels"),
        (IMAGES > 100, "images are bool"),
        (np.ma.masked_greater(IMAGES, 200), "images are a masked array; expected a plain NumPy array"),
        (jnp.array(IMAGES), r"expected a NumPy array, .*: pass np\.asarray\(images\)"),
        (IMAGES[:, :0], r"images are uint8 \[6, 0, 8, 3\], with an axis of length 0"),
        (np.ones((6, 5)), r"if these are features, pass images\[:, None, None, :\]\.astype\(np\.float32\)"),
        (np.ones((6, 1, 1, 5)), r"features must be float32: pass images\.astype\(np\.float32\)"),
    ],
)
def test_images_are_checked(images, message):
    with pytest.raises(ZooError, match=f"^array: .*{message}"):
        zoo.ArraySplit(images, LABELS)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.eye(3)[LABELS], r"if one-hot, pass labels\.argmax\(1\)"),
        (LABELS[:, None], r"a column: pass labels\[:, 0\]"),
        (LABELS.tolist(), "labels are of type list"),
        (LABELS > 0, r"pass labels\.astype\(np\.int32\)"),
        (LABELS.astype(float), r"labels are float64 \[6\]"),
        (np.array(["a"] * 6), "labels are <U1"),
        (LABELS - 1, "with values from -1 to 1"),
        (LABELS.astype(np.int64) + 2**40, "with values from 1099511627776"),
        (np.float32(1), "labels are of type float32"),
        (np.ma.masked_equal(LABELS, 1), "labels are a masked array"),
        (jnp.array(LABELS), r"pass np\.asarray\(labels\)"),
    ],
)
def test_labels_are_checked(labels, message):
    with pytest.raises(ZooError, match=f"^array: .*{message}"):
        zoo.ArraySplit(IMAGES, labels)


def test_integer_labels_are_converted_to_int32():
    assert zoo.ArraySplit(IMAGES, LABELS.astype(np.int64)).labels.dtype == np.int32
    assert zoo.ArraySplit(IMAGES, LABELS.astype(np.uint8)).labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("names", "channels", "message"),
    [
        (("a", "b"), 3, r"array\[2\] has label 2, outside the range 0 to 1"),
        (("a", "b", "c"), 1, r"\(height, width, channels\), but channels=1"),
        (("a", "b", "b"), 3, "class_names contains 'b' more than once"),
        ("abc", 3, "class_names must be a list of strings"),
        ((0, 1, 2), 3, "class_names must be a list of strings"),
        (None, 3, "class_names must be a list of strings, not None"),
        (("a", "", "c"), 3, r"class_names\[1\] is an empty string"),
    ],
)
def test_data_sets_are_checked(names, channels, message):
    split = zoo.ArraySplit(IMAGES, LABELS)
    with pytest.raises(ZooError, match=message):
        zoo.Dataset("mine", split, split, names, channels)


def test_splits_and_features_are_checked():
    split, vectors = zoo.ArraySplit(IMAGES, LABELS), zoo.ArraySplit(np.ones((6, 1, 1, 5), np.float32), LABELS)
    for other in (None, (IMAGES, LABELS), IMAGES):
        with pytest.raises(ZooError, match=r"mine: eval is of type .*; expected a split, such as zoo\.ArraySplit"):
            zoo.Dataset("mine", split, other, ["a", "b", "c"], 3)
    with pytest.raises(ZooError, match="the name of a data set must be a string, not 3"):
        zoo.Dataset(3, split, split, ["a", "b", "c"], 3)
    for names, message in ((list("vw"), "2 feature_names for 5 features"), (list("vvxyz"), "contains 'v' more than")):
        with pytest.raises(ZooError, match=message):
            zoo.Dataset("mine", vectors, vectors, ["a", "b", "c"], 5, feature_names=names)
    assert len(repr(zoo.Dataset("mine", split, split, ["a", "b", "c"], 3))) < 300


# Evaluation of a run.


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Returns a run on a table of 100 lines, and the folder of both."""
    folder = tmp_path_factory.mktemp("run")
    random = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{'yes' if a > b else 'no'}" for a, b in random.normal(size=(100, 2))]
    (folder / "table.csv").write_text("\n".join(["a,b,class", *rows]))
    recipe = tabular(f"csv:{folder / 'table.csv'}")
    return zoo.fit(recipe, folder / "run"), folder


def test_run_is_evaluated_on_its_own_data(run):
    result, folder = run
    loaded = zoo.load_run(folder / "run")
    for trained in (result, loaded):
        assert zoo.evaluate(trained)["examples"] == 20  # the held-out lines
        assert zoo.evaluate(trained)["loss"] == pytest.approx(result.metrics["loss"], rel=1e-6)
    with pytest.raises(ZooError, match="a run already has variables"):
        zoo.evaluate(loaded, loaded.variables)
    with pytest.raises(ZooError, match="expected a run, a recipe or a network, got 'runs/mine'"):
        zoo.evaluate("runs/mine")
    with pytest.raises(ZooError, match="split='test' needs data by name"):
        zoo.evaluate(loaded, features_dataset(np.ones((4, 2)), [0, 1, 0, 1]), split="test")
    with pytest.raises(ZooError, match="missing variables"):
        zoo.evaluate(loaded.recipe)


def test_other_data_is_evaluated_as_a_whole(run):
    result, folder = run
    other = folder / "other.csv"
    other.write_text((folder / "table.csv").read_text() + "\n0.5,0.1,yes")
    seen = []
    assert zoo.evaluate(result, f"csv:{other}", on_data=seen.append)["examples"] == 101
    assert seen[0].report.totals == (101, 101)
    assert zoo.evaluate(result, f"csv:{folder}/../{folder.name}/table.csv")["examples"] == 20  # the same file
    assert zoo.evaluate(result, f"csv:{folder / 'table.csv'}", split="whole")["examples"] == 100


def test_other_classes_and_features_are_refused(run):
    result, folder = run
    text = (folder / "table.csv").read_text()
    for name, content in (("classes", text.replace("yes", "si")), ("features", text.replace("a,b", "a,c"))):
        (folder / f"{name}.csv").write_text(content)
        with pytest.raises(ZooError, match=f"the network was trained for the {name} "):
            zoo.evaluate(result, f"csv:{folder / f'{name}.csv'}")
    dataset = features_dataset(np.ones((4, 2)), [0, 1, 0, 1])
    with pytest.raises(ZooError, match="the network was trained for the classes no, yes; features has 0, 1"):
        zoo.evaluate(result, dataset)


def test_table_with_additional_and_reordered_columns(run):
    result, folder = run
    lines = (folder / "table.csv").read_text().split("\n")[1:]
    rows = [line.split(",") for line in lines]
    (folder / "more.csv").write_text(
        "\n".join(["Id,b,a,class", *(f"{9 * n % 101},{b},{a},{c}" for n, (a, b, c) in enumerate(rows))])
    )
    seen = []
    metrics = zoo.evaluate(result, f"csv:{folder / 'more.csv'}", on_data=seen.append)
    plain = zoo.evaluate(result, f"csv:{folder / 'table.csv'}", split="whole")
    assert metrics["loss"] == pytest.approx(plain["loss"], rel=1e-6) and metrics["examples"] == 100
    assert any("left out columns that the network was not trained on: 'Id'" in note for note in seen[0].notes)


def test_data_without_some_classes_keeps_the_labels_of_training(run):
    result, folder = run
    (folder / "yes.csv").write_text("a,b,class\n2,-2,yes\n1,-1,yes\n3,-1,yes\n")
    metrics = zoo.evaluate(result, f"csv:{folder / 'yes.csv'}")
    assert metrics["top1"] == 1.0 and metrics["recall"] == [None, 1.0]


def test_text_columns_keep_the_categories_of_training(tmp_path):
    rows = [f"{'red' if number % 3 else 'blue'},{number},{'yes' if number % 2 else 'no'}" for number in range(30)]
    (tmp_path / "train.csv").write_text("\n".join(["color,size,class", *rows]))
    result = zoo.fit(tabular(f"csv:{tmp_path / 'train.csv'}"))
    (tmp_path / "few.csv").write_text("color,size,class\nred,1,yes\nred,2,no\n")
    assert zoo.evaluate(result, f"csv:{tmp_path / 'few.csv'}")["examples"] == 2
    (tmp_path / "new.csv").write_text("color,size,class\ngreen,1,yes\nred,2,no\n")
    with pytest.raises(ZooError, match="'green'"):
        zoo.evaluate(result, f"csv:{tmp_path / 'new.csv'}")


def test_run_with_a_custom_network_is_evaluated():
    import flax.linen as nn

    class Net(nn.Module):
        @nn.compact
        def __call__(self, images, train=False):
            return nn.Dense(10)(images[:, ::8, ::8].reshape(len(images), -1))

    recipe = RECIPE.override({"initialization": zoo.recipe.Initialization(), "budget.steps": 4})
    result = zoo.fit(recipe, dataset=tiny_dataset(), model=Net())
    for source in ((), (tiny_dataset(),)):
        assert zoo.evaluate(result, *source)["loss"] == pytest.approx(result.metrics["loss"], rel=1e-6)


@pytest.mark.slow
def test_programs_report_what_was_found_and_left_out(image_folder, tmp_path):
    """Trains on a folder with stray and damaged files, then evaluates on all of another folder."""
    data = tmp_path / "data"
    for name in ("blue", "green", "red"):
        (data / name).mkdir(parents=True)
        for split in ("train", "val"):
            for path in (image_folder / split / name).iterdir():
                (data / name / path.name).write_bytes(path.read_bytes())
        (data / name / "photo.heic").write_bytes(b"")
    (data / "red" / "bad.jpg").write_bytes(b"bad")
    flags = ["--recipe=tests/tiny.py", f"--data=folder:{data}", f"--workdir={tmp_path / 'run'}", "--set=budget.steps=4"]
    done = run_python("-m", "zoo.train", *flags)
    text = " ".join(done.stdout.split())
    assert done.returncode in (0, 1), done.stderr
    assert "blue 16 + 4, green 16 + 4, red 17 + 4" in text and "1 .heic in red" in text
    assert "1 image that cannot be decoded was skipped, of 61:" in text
    content = json.loads((tmp_path / "run" / "data.json").read_text())
    assert content["examples by class"]["red"] == [17, 4] and content["left out"] and content["digest"]
    Image.new("RGB", (80, 80)).save(data / "red" / "new.png")
    again = run_python("-m", "zoo.train", *flags)
    assert again.returncode == 2 and "belongs to another run" in again.stderr and "red 1" in again.stderr
    (data / "red" / "new.png").unlink()
    other = tmp_path / "other"
    (data).rename(other)
    done = run_python("-m", "zoo.evaluate", f"--workdir={tmp_path / 'run'}", f"--data=folder:{other}")
    assert done.returncode == 0 and "evaluated on 60 of 61 images" in " ".join(done.stdout.split()), done.stdout


def test_replacing_a_split_keeps_what_was_left_out():
    dataset = dataclasses.replace(tiny_dataset(), left_out=("1 .heic in cat",))
    assert dataclasses.replace(dataset, eval=dataset.train).report.left_out == ("1 .heic in cat",)


def test_only_the_first_corrupt_images_are_listed():
    console = Console(width=100, record=True, file=io.StringIO())
    say = corrupt_printer(console, "not counted")
    for number in range(1000):
        say(Corrupt(f"\x1b[2J[bold]{number}.png", "it is empty"))
    lines = console.export_text().splitlines()
    assert lines[0] == r"not counted: \x1b[2J[bold]0.png (it is empty)" and len(lines) == 6
    assert lines[5] == "not counted: further images that cannot be decoded are not listed"


def test_changes_among_many_classes_are_listed():
    then = describe_data(tiny_dataset())
    names = [f"class {number}" for number in range(1000)]
    now = {**then, "classes": [*names, "new"]}
    (line,) = changed_data(now, {**then, "classes": [*names, "old"]})
    assert line == "classes of the data: added new, removed old"
    (line,) = changed_data({**then, "classes": [*names[1:], names[0]]}, {**then, "classes": names})
    assert len(line) < 300


# Invalid arrays and data sets.


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.ma.masked_less(IMAGES, 9), LABELS, "images are a masked array"),
        (IMAGES[:, :0], LABELS, "with an axis of length 0"),
        (np.zeros((6, 1, 1, 4)), LABELS, r"features must be float32: pass images\.astype\(np\.float32\)"),
        (np.zeros((6, 1, 1, 4), ">f4"), LABELS, r"features must be float32: pass images\.astype\(np\.float32\)"),
        (np.zeros((6, 4)), LABELS, "if these are features, pass images"),
        (np.full((6, 8, 8, 3), np.nan), LABELS, "pixels from 0 to 255 as uint8"),
        (IMAGES, np.ma.masked_equal(LABELS, 0), "labels are a masked array"),
        (IMAGES, np.where(LABELS == 0, np.nan, LABELS), "float64 .* with values such as nan"),
        (IMAGES, LABELS + 0.5, r"float64 \[6\] with values such as 0.5"),
        (IMAGES, LABELS[None], r"a row: pass labels\[0\]"),
        (IMAGES, np.array(["cat", "dog", "fox"] * 2, object), r"use class_names, labels = np\.unique\(labels, return"),
        (IMAGES, LABELS - 1, r"remove unlabelled examples \(negative labels\)"),
    ],
)
def test_errors_about_arrays_suggest_a_fix(images, labels, message):
    with pytest.raises(ZooError, match=f"^array: .*{message}"):
        zoo.ArraySplit(images, labels)


def test_labels_that_start_at_one():
    with pytest.raises(
        ZooError, match=r"label 3, outside the range 0 to 2: labels seem to start at 1, pass labels - 1"
    ):
        split = zoo.ArraySplit(IMAGES, LABELS + 1)
        zoo.Dataset("mine", split, split, ("a", "b", "c"), 3)


def test_digest_does_not_depend_on_the_memory_layout(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    digests = {
        zoo.Dataset(
            "mine", zoo.ArraySplit(images, labels), zoo.ArraySplit(IMAGES, LABELS), ["a", "b", "c"], 3
        ).report.digest
        for images in (IMAGES, mapped, np.asfortranarray(IMAGES), IMAGES[::-1][::-1])
        for labels in (LABELS, LABELS.astype(">i8"), LABELS.astype(np.uint8))
    }
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_names": {"a", "b", "c"}}, "class_names must be a list of strings"),
        ({"class_names": {"a": 0, "b": 1, "c": 2}}, "class_names must be a list of strings"),
        ({"class_names": (name for name in "abc")}, "class_names must be a list of strings"),
        ({"class_names": None}, "class_names must be a list of strings, not None"),
        ({"channels": 3.0}, "channels must be a positive integer, not 3.0"),
        ({"spec": None}, "the name of a data set must be a string, not None"),
        ({"train": (IMAGES, LABELS)}, r"train is of type tuple; expected a split, such as zoo\.ArraySplit"),
        ({"eval": None}, "eval is of type NoneType; expected a split"),
        ({"feature_names": ("r", "g", "b")}, "feature_names require float32 .* but these are images"),
        ({"feature_names": ("r", "g")}, "2 feature_names for 3 features"),
        ({"feature_names": "rgb"}, "feature_names must be a list of strings, not 'rgb'"),
        ({"eval": zoo.ArraySplit(np.zeros((6, 1, 1, 3), np.float32), LABELS)}, "float32 is for vectors of features"),
    ],
)
def test_attributes_of_a_data_set_are_checked(changes, message):
    split = zoo.ArraySplit(IMAGES, LABELS)
    valid = {"spec": "mine", "train": split, "eval": split, "class_names": ("a", "b", "c"), "channels": 3}
    assert zoo.Dataset(**{**valid, "class_names": np.array(["a", "b", "c"])}).report.totals == (6, 6)
    with pytest.raises(ZooError, match=message):
        zoo.Dataset(**{**valid, **changes})


def test_splits_of_arrays_sorted_by_class():
    def dataset(train, evaluation):
        return zoo.Dataset(
            "mine", *(zoo.ArraySplit(IMAGES[of], LABELS[of]) for of in (train, evaluation)), ["a", "b", "c"], 3
        )

    with pytest.raises(ZooError, match="all 2 training images are of one class, 'c': if they are sorted by class"):
        zoo.fit(RECIPE, dataset=dataset(LABELS == 2, LABELS != 2))
    assert inspect(dataset(LABELS != 2, LABELS >= 0)) == [
        "no training examples of c, but 2 in evaluation: these will always count as errors"
    ]


@pytest.mark.parametrize("wrong", ["folder:x", (IMAGES, LABELS), zoo.ArraySplit(IMAGES, LABELS)])
def test_arguments_of_the_wrong_type(run, wrong):
    with pytest.raises(ZooError, match="fit: dataset must be a data set: zoo.Dataset"):
        zoo.fit(RECIPE, dataset=wrong)
    with pytest.raises(ZooError, match="fit: recipe must be a recipe, such as zoo.load_recipe"):
        zoo.fit("mlp")
    with pytest.raises(ZooError, match="fit: workdir must be the path of a folder .pass data as.*; got Dataset"):
        zoo.fit(RECIPE, tiny_dataset())
    if not isinstance(wrong, str):
        with pytest.raises(ZooError, match="the name of a data set must be a string"):
            zoo.evaluate(run[0], wrong)
    for source, message in ((run[1], "the name of a data set must be a string"), ("", "unknown data set ''")):
        with pytest.raises(ZooError, match=message):
            zoo.evaluate(run[0], source)


def test_error_about_other_classes_names_similar_ones(run):
    result, folder = run
    (folder / "case.csv").write_text((folder / "table.csv").read_text().replace("yes", "Yes"))
    with pytest.raises(ZooError, match=r"case\.csv has Yes \(similar: 'yes', which differs only in case"):
        zoo.evaluate(result, f"csv:{folder / 'case.csv'}")
