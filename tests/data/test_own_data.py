"""Data sets of one's own arrays, and evaluating a run on other data."""

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
        ((IMAGES / 255).astype(np.float32), r"from uint8; say \(255 \* images\)\.round\(\)\.astype\(np\.uint8\)"),
        (IMAGES / 255, r"images are float64 \[6, 8, 8, 3\]: .* say \(255 \* images\)"),
        (IMAGES.astype(np.float32), "say pixels from 0 to 255 as uint8"),
        (IMAGES.astype(np.int64), "images are int64"),
        (IMAGES.transpose(0, 3, 1, 2), r"channels must be the last axis, say images\.transpose\(0, 2, 3, 1\)"),
        (IMAGES[..., 0], r"without an axis for channels: say images\[\.\.\., None\]"),
        (IMAGES[0, 0], r"images are uint8 \[8, 3\]"),
        (IMAGES.tolist(), "images are of type list, and must be a NumPy array"),
        (IMAGES[:4], "there are 4 images and 6 labels"),
        (IMAGES > 100, "images are bool"),
        (np.ma.masked_greater(IMAGES, 200), "images are masked, and must be a plain NumPy array"),
        (jnp.array(IMAGES), r"and must be a NumPy array, .*: say np\.asarray\(images\)"),
        (IMAGES[:, :0], r"images are uint8 \[6, 0, 8, 3\]: there is nothing in them"),
        (np.ones((6, 5)), r"features perhaps: say images\[:, None, None, :\]\.astype\(np\.float32\)"),
        (np.ones((6, 1, 1, 5)), r"features must be float32: say images\.astype\(np\.float32\)"),
    ],
)
def test_images_are_checked(images, message):
    with pytest.raises(ZooError, match=f"^array: .*{message}"):
        zoo.ArraySplit(images, LABELS)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.eye(3)[LABELS], r"one-hot perhaps: say labels\.argmax\(1\)"),
        (LABELS[:, None], r"a column: say labels\[:, 0\]"),
        (LABELS.tolist(), "labels are of type list"),
        (LABELS > 0, r"say labels\.astype\(np\.int32\)"),
        (LABELS.astype(float), r"labels are float64 \[6\]"),
        (np.array(["a"] * 6), "labels are <U1"),
        (LABELS - 1, "with values from -1 to 1"),
        (LABELS.astype(np.int64) + 2**40, "with values from 1099511627776"),
        (np.float32(1), "labels are of type float32"),
        (np.ma.masked_equal(LABELS, 1), "labels are masked"),
        (jnp.array(LABELS), r"say np\.asarray\(labels\)"),
    ],
)
def test_labels_are_checked(labels, message):
    with pytest.raises(ZooError, match=f"^array: .*{message}"):
        zoo.ArraySplit(IMAGES, labels)


def test_what_arrays_usually_are_is_taken():
    assert zoo.ArraySplit(IMAGES, LABELS.astype(np.int64)).labels.dtype == np.int32
    assert zoo.ArraySplit(IMAGES, LABELS.astype(np.uint8)).labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("names", "channels", "message"),
    [
        (("a", "b"), 3, r"array\[2\] has the label 2, outside of 0 to 1"),
        (("a", "b", "c"), 1, "height x width x channels, and channels is 1"),
        (("a", "b", "b"), 3, "class_names has 'b' twice"),
        ("abc", 3, "class_names must be a list of texts"),
        ((0, 1, 2), 3, "class_names must be a list of texts"),
        (None, 3, "class_names must be a list of texts, not None"),
        (("a", "", "c"), 3, "class_names has a text with nothing in it, number 1"),
    ],
)
def test_data_sets_are_checked(names, channels, message):
    split = zoo.ArraySplit(IMAGES, LABELS)
    with pytest.raises(ZooError, match=message):
        zoo.Dataset("mine", split, split, names, channels)


def test_splits_and_features_are_checked():
    split, vectors = zoo.ArraySplit(IMAGES, LABELS), zoo.ArraySplit(np.ones((6, 1, 1, 5), np.float32), LABELS)
    for other in (None, (IMAGES, LABELS), IMAGES):
        with pytest.raises(ZooError, match=r"mine: eval is of type .*, and must be a split: say zoo\.ArraySplit"):
            zoo.Dataset("mine", split, other, ["a", "b", "c"], 3)
    with pytest.raises(ZooError, match="the name of a data set must be a text, not 3"):
        zoo.Dataset(3, split, split, ["a", "b", "c"], 3)
    for names, message in ((list("vw"), "there are 2 feature_names and 5 features"), (list("vvxyz"), "has 'v' twice")):
        with pytest.raises(ZooError, match=message):
            zoo.Dataset("mine", vectors, vectors, ["a", "b", "c"], 5, feature_names=names)
    assert len(repr(zoo.Dataset("mine", split, split, ["a", "b", "c"], 3))) < 300


# Evaluating a run.


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a table of 100 lines, with its folder."""
    folder = tmp_path_factory.mktemp("run")
    random = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{'yes' if a > b else 'no'}" for a, b in random.normal(size=(100, 2))]
    (folder / "table.csv").write_text("\n".join(["a,b,class", *rows]))
    recipe = tabular(f"csv:{folder / 'table.csv'}")
    return zoo.fit(recipe, folder / "run"), folder


def test_a_run_knows_what_it_was_trained_for(run):
    result, folder = run
    loaded = zoo.load_run(folder / "run")
    for trained in (result, loaded):
        assert zoo.evaluate(trained)["examples"] == 20  # the lines that it was not trained on
        assert zoo.evaluate(trained)["loss"] == pytest.approx(result.metrics["loss"], rel=1e-6)
    with pytest.raises(ZooError, match="a run already has variables"):
        zoo.evaluate(loaded, loaded.variables)
    with pytest.raises(ZooError, match="expected a run, a recipe or a network, got 'runs/mine'"):
        zoo.evaluate("runs/mine")
    with pytest.raises(ZooError, match="split='test' needs data by name"):
        zoo.evaluate(loaded, features_dataset(np.ones((4, 2)), [0, 1, 0, 1]), split="test")
    with pytest.raises(ZooError, match="missing variables"):
        zoo.evaluate(loaded.recipe)


def test_other_data_is_evaluated_whole(run):
    result, folder = run
    other = folder / "other.csv"
    other.write_text((folder / "table.csv").read_text() + "\n0.5,0.1,yes")
    seen = []
    assert zoo.evaluate(result, f"csv:{other}", on_data=seen.append)["examples"] == 101
    assert seen[0].report.totals == (101, 101)
    assert zoo.evaluate(result, f"csv:{folder}/../{folder.name}/table.csv")["examples"] == 20  # it is the same file
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


def test_a_table_with_other_columns_besides_and_in_another_order(run):
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
    assert any("left out, for the network was not trained on them: 'Id'" in note for note in seen[0].notes)


def test_data_that_lacks_a_class_has_the_labels_that_were_trained(run):
    result, folder = run
    (folder / "yes.csv").write_text("a,b,class\n2,-2,yes\n1,-1,yes\n3,-1,yes\n")
    metrics = zoo.evaluate(result, f"csv:{folder / 'yes.csv'}")
    assert metrics["top1"] == 1.0 and metrics["recall"] == [None, 1.0]


def test_columns_of_texts_have_the_values_that_were_trained_on(tmp_path):
    rows = [f"{'red' if number % 3 else 'blue'},{number},{'yes' if number % 2 else 'no'}" for number in range(30)]
    (tmp_path / "train.csv").write_text("\n".join(["color,size,class", *rows]))
    result = zoo.fit(tabular(f"csv:{tmp_path / 'train.csv'}"))
    (tmp_path / "few.csv").write_text("color,size,class\nred,1,yes\nred,2,no\n")
    assert zoo.evaluate(result, f"csv:{tmp_path / 'few.csv'}")["examples"] == 2
    (tmp_path / "new.csv").write_text("color,size,class\ngreen,1,yes\nred,2,no\n")
    with pytest.raises(ZooError, match="'green'"):
        zoo.evaluate(result, f"csv:{tmp_path / 'new.csv'}")


def test_a_network_of_ones_own_goes_with_its_run():
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
def test_the_programs_say_what_was_found_and_what_was_not(image_folder, tmp_path):
    """From training on a folder with what is usually in one, to evaluating on all of another."""
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


def test_of_many_images_that_cannot_be_decoded_the_first_few_are_named():
    console = Console(width=100, record=True, file=io.StringIO())
    say = corrupt_printer(console, "not counted")
    for number in range(1000):
        say(Corrupt(f"\x1b[2J[bold]{number}.png", "it is empty"))
    lines = console.export_text().splitlines()
    assert lines[0] == r"not counted: \x1b[2J[bold]0.png (it is empty)" and len(lines) == 6
    assert lines[5] == "not counted: more images that cannot be decoded, which are not named here"


def test_of_thousands_of_classes_those_that_changed_are_named():
    then = describe_data(tiny_dataset())
    names = [f"class {number}" for number in range(1000)]
    now = {**then, "classes": [*names, "new"]}
    (line,) = changed_data(now, {**then, "classes": [*names, "old"]})
    assert line == "classes of the data: new only now and old only in the folder"
    (line,) = changed_data({**then, "classes": [*names[1:], names[0]]}, {**then, "classes": names})
    assert len(line) < 300


# Arrays as people have them, second part.


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.ma.masked_less(IMAGES, 9), LABELS, "images are masked"),
        (IMAGES[:, :0], LABELS, "there is nothing in them"),
        (np.zeros((6, 1, 1, 4)), LABELS, r"features must be float32: say images\.astype\(np\.float32\)"),
        (np.zeros((6, 1, 1, 4), ">f4"), LABELS, r"features must be float32: say images\.astype\(np\.float32\)"),
        (np.zeros((6, 4)), LABELS, "features perhaps: say images"),
        (np.full((6, 8, 8, 3), np.nan), LABELS, "pixels from 0 to 255 as uint8"),
        (IMAGES, np.ma.masked_equal(LABELS, 0), "labels are masked"),
        (IMAGES, np.where(LABELS == 0, np.nan, LABELS), "float64 .* with values such as nan"),
        (IMAGES, LABELS + 0.5, r"float64 \[6\] with values such as 0.5"),
        (IMAGES, LABELS[None], r"a row: say labels\[0\]"),
        (IMAGES, np.array(["cat", "dog", "fox"] * 2, object), r"say class_names, labels = np\.unique\(labels, return"),
        (IMAGES, LABELS - 1, "a negative one stands for none: leave these examples out"),
    ],
)
def test_arrays_of_other_kinds_are_refused_with_what_helps(images, labels, message):
    with pytest.raises(ZooError, match=f"^array: .*{message}"):
        zoo.ArraySplit(images, labels)


def test_labels_that_count_from_one_are_called_so():
    with pytest.raises(ZooError, match=r"label 3, outside of 0 to 2: they seem to count from 1, say labels - 1"):
        split = zoo.ArraySplit(IMAGES, LABELS + 1)
        zoo.Dataset("mine", split, split, ("a", "b", "c"), 3)


def test_arrays_that_are_mapped_turned_or_of_other_byte_orders_are_the_same_data(tmp_path):
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
        ({"class_names": {"a", "b", "c"}}, "class_names must be a list of texts"),
        ({"class_names": {"a": 0, "b": 1, "c": 2}}, "class_names must be a list of texts"),
        ({"class_names": (name for name in "abc")}, "class_names must be a list of texts"),
        ({"class_names": None}, "class_names must be a list of texts, not None"),
        ({"channels": 3.0}, "channels must be a whole number from 1 on, not 3.0"),
        ({"spec": None}, "the name of a data set must be a text, not None"),
        ({"train": (IMAGES, LABELS)}, r"train is of type tuple, and must be a split: say zoo\.ArraySplit"),
        ({"eval": None}, "eval is of type NoneType, and must be a split"),
        ({"feature_names": ("r", "g", "b")}, "feature_names are for float32 .* and these are images"),
        ({"feature_names": ("r", "g")}, "there are 2 feature_names and 3 features"),
        ({"feature_names": "rgb"}, "feature_names must be a list of texts, not 'rgb'"),
        ({"eval": zoo.ArraySplit(np.zeros((6, 1, 1, 3), np.float32), LABELS)}, "float32 is for vectors of features"),
    ],
)
def test_what_makes_a_data_set_is_checked(changes, message):
    split = zoo.ArraySplit(IMAGES, LABELS)
    right = {"spec": "mine", "train": split, "eval": split, "class_names": ("a", "b", "c"), "channels": 3}
    assert zoo.Dataset(**{**right, "class_names": np.array(["a", "b", "c"])}).report.totals == (6, 6)
    with pytest.raises(ZooError, match=message):
        zoo.Dataset(**{**right, **changes})


def test_arrays_in_the_order_of_their_classes():
    def dataset(train, evaluation):
        return zoo.Dataset(
            "mine", *(zoo.ArraySplit(IMAGES[of], LABELS[of]) for of in (train, evaluation)), ["a", "b", "c"], 3
        )

    with pytest.raises(ZooError, match="all 2 training images are of one class, 'c': if they are in the order"):
        zoo.fit(RECIPE, dataset=dataset(LABELS == 2, LABELS != 2))
    assert inspect(dataset(LABELS != 2, LABELS >= 0)) == [
        "no training example of c, and 2 to evaluate with: these cannot be right"
    ]


@pytest.mark.parametrize("wrong", ["folder:x", (IMAGES, LABELS), zoo.ArraySplit(IMAGES, LABELS)])
def test_fit_and_evaluate_take_a_data_set(run, wrong):
    with pytest.raises(ZooError, match="fit: dataset must be a data set: zoo.Dataset"):
        zoo.fit(RECIPE, dataset=wrong)
    with pytest.raises(ZooError, match="fit: recipe must be a recipe, such as zoo.load_recipe"):
        zoo.fit("mlp")
    with pytest.raises(ZooError, match="fit: workdir must be the path of a folder .pass data as dataset=.*; got Dataset"):
        zoo.fit(RECIPE, tiny_dataset())
    if not isinstance(wrong, str):
        with pytest.raises(ZooError, match="a data set is named by a text"):
            zoo.evaluate(run[0], wrong)
    for source, message in ((run[1], "a data set is named by a text"), ("", "unknown data set ''")):
        with pytest.raises(ZooError, match=message):
            zoo.evaluate(run[0], source)


def test_other_classes_are_named_and_what_they_are_taken_for(run):
    result, folder = run
    (folder / "case.csv").write_text((folder / "table.csv").read_text().replace("yes", "Yes"))
    with pytest.raises(ZooError, match=r"case\.csv has Yes \(where 'yes' is, which differs in case"):
        zoo.evaluate(result, f"csv:{folder / 'case.csv'}")
