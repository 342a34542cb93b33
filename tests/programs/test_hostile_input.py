"""Tests that hostile values, names, recipe files, streams and data sets are rejected in one line, or are harmless."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from examples import tabular
from programs import ROOT, child_environment
from tiny import RECIPE

import zoo
from zoo import cli, streams
from zoo.benchmark.pipeline import CorruptLimit, measure, zoo_pipeline
from zoo.benchmark.timing import SideProcess
from zoo.catalog import load_recipe
from zoo.data.pipeline import Corrupt
from zoo.data.sources.tfds import check_features
from zoo.errors import ZooError, printable, reason, shown
from zoo.recipe import Model, Recipe
from zoo.recipe.assignments import parse_changes, parse_variants
from zoo.training.prepare import prepare
from zoo.training.run.confusion import draw_confusion
from zoo.training.run.curves import draw_curves

TABLE = tabular()


def refused(action, *arguments):
    """Runs an action that must be rejected; returns its error message, which must be one line."""
    with pytest.raises(ZooError) as error:
        action(*arguments)
    assert str(error.value).isprintable() and len(str(error.value)) < 600, str(error.value)[:1000]
    return str(error.value)


def change(*assignments, base=TABLE):
    return base.override(parse_changes(base, assignments))


VALUES = {
    "schedule.peak=1e999": "ConstantRate.peak must be a number from 1.2e-38 to 3.4e38, or 0, not inf",
    "schedule.peak=1e308": "must be a number from 1.2e-38",
    "schedule.peak=1e-46": "must be a number from 1.2e-38",
    "schedule.peak=nan": "must be a number, not 'nan'",
    "schedule.peak=" + "9" * 5000: "must be a number",
    "schedule.peak=" + "x" * 5000: "(5,000 characters)",
    "schedule.peak=1_0": "'1_0': numbers must not contain underscores",
    "model.options.hidden=[1_0, 2]": "numbers must not contain underscores",
    "model.options.hidden=[1e999]": "must be a number from",
    "model.options.activation=1j": "must consist of numbers, strings, lists and mappings, not 1j",
    "model.options.activation=b'relu'": "not b'relu'",
    "model.options={'num_classes': 3}": "num_classes is not an option of a network; set model.num_classes instead",
    "model.options.name=x": "name is not an option of a network; set model.name instead",
    "model.options.dtype=float32": "dtype is not an option of a network; set precision instead",
    "model.num_classes=0": "Model.num_classes must be positive or None, not 0",
    "budget.steps=100000000000000000000000000": "must be an integer of at most 2,147,483,647",
    "budget.batch_size=100000000000": "must be an integer of at most",
    "budget.evaluate_every=1e-9": "Budget.evaluate_every must be from 0.00001 to 1, not 1e-09",
    "data.corrupt_limit=10000000000": "must be an integer of at most",
    "data.keep={'0': 1e999}": "must be a number from",
    "augmentation.train.00.x=5": "'00' is not in",
    "augmentation.train.\u0660=5": "'\u0660' is not in",
    "data.keep={{}: 1}": "must be a mapping",
    "optimizer.momentum=" + "-" * 20000 + "1": "must be a number",
    "y" * 5000 + "=1": "(5,000 characters)",
    "z" * 5000: "expected --set=PATH=VALUE",
}


@pytest.mark.parametrize("assignment", VALUES, ids=lambda text: text[:40])
def test_unrepresentable_values_are_rejected(assignment):
    assert VALUES[assignment] in refused(change, assignment)


def test_too_many_epochs_are_rejected():
    recipe = TABLE.override({"budget.steps": None, "budget.epochs": 1e30})
    assert "more than 2^31 steps" in refused(recipe.budget.total_steps, 1000)


SIZES = {
    "model.options.hidden=[0]": "mlp: hidden must be at least 1, not (0,)",
    "model.options.hidden=[8, -1]": "mlp: hidden must be at least 1",
    "model.options.hidden=[2147483647]": "the parameters and their gradients need",
    "model.options.hidden=[2147483647, 2147483647]": "choose a smaller network",
    "budget.batch_size=2147483646": "the images of a step need 85.9 GB",
}


@pytest.mark.parametrize("assignment", SIZES)
def test_sizes_beyond_the_memory_are_rejected_before_allocation(assignment, monkeypatch):
    monkeypatch.setattr("zoo.training.prepare.network.memory", lambda device: 16_000_000_000)
    assert SIZES[assignment] in refused(prepare, change(assignment), zoo.open_source("synthetic:random_10"))


def test_invalid_values_from_python_are_rejected():
    loop = {}
    loop["loop"] = loop
    for options in ({"activation": print}, {"hidden": np.int64(3)}, {"hidden": [object()]}, {3: 4.0j}, {"x": loop}):
        refused(lambda options=options: Model("mlp", options=options))
    for content in (
        None,
        [],
        {},
        {"kind": []},
        {"kind": "SGD"},
        {"kind": "Recipe", "model": 3},
        {"kind": {"kind": "SGD"}},
    ):
        refused(Recipe.from_json, content)
    assert Model("mlp", options={"hidden": [1, (2, "x")], "y": None, "z": True, "w": 0.0}).options["y"] is None
    assert "num_classes must be from 1 to 2,147,483,647, not 10000000000" in refused(zoo.create_model, "mlp", 10**10)
    refused(lambda: zoo.create_model("alexnet", hidden=0))
    zoo.create_model("vgg11", depths=(1, 1, 1, 1, 0))


def test_duplicate_values_are_rejected():
    assert "'0.1' is given twice" in refused(parse_variants, TABLE, ["schedule.peak=0.1,0.2,0.1"])
    assert "[1]' is given twice" in refused(parse_variants, TABLE, ["model.options.hidden=[1],[1]"])
    assert len(parse_variants(TABLE, ["schedule.peak=0.1,0.2"])) == 2


NAMES = {
    "plain": "plain",
    "für Ελλάδα 猫 👩‍🔬": "für Ελλάδα 猫 👩‍🔬",
    "a\nb": "a\\nb",
    "\x1b]0;title\x07\x1b[2J": "\\x1b]0;title\\x07\\x1b[2J",
    os.fsdecode(b"caf\xe9"): "caf\\udce9",
    "exe.\u202egpj": "exe.\\u202egpj",
    "\x9b31m\u2028": "\\x9b31m\\u2028",
}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_are_escaped_for_the_terminal(name):
    assert printable(name) == NAMES[name] and printable(printable(name)) == printable(name)


def test_consoles_escape_control_characters(monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream := io.StringIO())
    streams.make_console().print("[bold]a[/]\x1b[31m", "b\x07")
    assert stream.getvalue() == "a\\x1b[31m b\\x07\n"


def test_messages_are_short_and_printable():
    class Silent(Exception):
        def __str__(self):
            raise ValueError

    assert shown("x" * 60) == repr("x" * 60) and shown("x" * 300) == repr("x" * 60) + "... (300 characters)"
    with pytest.raises(ZooError) as error:
        parse_variants(RECIPE, ["model.num_classes=a\U00104edc,a\U00104edc"])  # an unassigned character
    assert str(error.value).isprintable() and "is given twice" in str(error.value)
    assert shown(10**5000).startswith("a value of type int that is too long") and len(shown(["a"] * 10**5)) < 150
    assert (
        reason(Silent()) == "Silent" and reason(ValueError("a\nb")) == "a" and len(reason(ValueError("a" * 9999))) < 350
    )


@pytest.mark.filterwarnings("error")
def test_names_are_escaped_in_plots(tmp_path, monkeypatch):
    """Matplotlib reads dollar signs as formulas; the last name has characters that its font lacks."""
    from matplotlib.figure import Figure

    titles = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **o: titles.append(self.get_suptitle()) or save(self, *a, **o)
    )
    names = ["$", "$x_{$", "a$b$", "$\\frac$", "100 % $", os.fsdecode(b"\xff"), "猫\n"]
    draw_confusion(np.eye(7, dtype=int), names, tmp_path / "confusion.png", title="$\\bad{$")
    draw_curves([], tmp_path / "curves.png", title="run$1_$\x1b[0m")
    assert titles == ["$\\bad{$", "run$1_$\\x1b[0m"]
    assert all((tmp_path / name).read_bytes()[:4] == b"\x89PNG" for name in ("confusion.png", "curves.png"))


USER_FILES = {
    "raises": ("import json\n\njson.loads('x')\n", "line 3: JSONDecodeError: Expecting value"),
    "exits": ("import sys\nsys.exit(0)\n", "line 2: SystemExit: the file exits the program with status 0"),
    "quits": ("x = 1\nquit()\n", "line 2: SystemExit: the file exits the program with status None"),
    "breaks off": ("class Mine(BaseException): pass\nraise Mine('a\\nb')\n", "line 2: Mine: a"),
    "syntax": ("x = 1\ny = (\n", "line 2: SyntaxError: '(' was never closed"),
    "zero bytes": ("x = 1\n\0", "null bytes"),
    "function": (
        "from zoo.recipe import *\n\nM = Model('mlp', options={'f': print})\n",
        "line 3: Model.options must consist of",
    ),
    "invalid value": (
        "from zoo.recipe import *\nB = Budget(batch_size=0, steps=1)\n",
        "line 2: Budget.batch_size must be",
    ),
    "import": ("import no_such_module\n", "line 1: ModuleNotFoundError: No module named 'no_such_module'"),
    "other": ("RECIPE = print\n", "expected a recipe file with a constant RECIPE = Recipe(...)"),
    "infinite recursion": ("def f(): f()\nf()\n", "line 1: RecursionError: maximum recursion depth exceeded"),
}


@pytest.mark.parametrize("case", USER_FILES)
def test_errors_in_user_recipes_name_the_file_and_line(case, tmp_path, monkeypatch):
    text, message = USER_FILES[case]
    package = "package_of_" + case.replace(" ", "_")
    (tmp_path / package).mkdir()
    (tmp_path / package / "mine.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for name in (f"{tmp_path}/{package}/mine.py", f"{package}.mine"):
        said = refused(load_recipe, name)
        assert message in said and "mine" in said


@pytest.mark.parametrize(
    "name", ["no.such", "..x", "a/b", "os.path", "x" * 300 + ".py", "\0.py", "a.\ud800", "/tmp.py", "."]
)
def test_missing_recipes_are_rejected(name):
    refused(load_recipe, name)


def test_a_recipes_folder_in_the_current_folder_is_not_imported(tmp_path, monkeypatch):
    """The installed recipes are found by path; `import recipes` is not affected."""
    for folder in ("recipes", "recipes/studies"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text("raise SystemExit('ran')\n")
        (tmp_path / folder / "mlp.py").write_text("raise SystemExit('ran')\n")
    script = "from zoo.catalog import *; load_recipe('mlp');print(len(list_recipes()), load_study('padding').seeds)"
    for before in ("", "import sys, types; sys.modules['recipes'] = types.ModuleType('recipes'); "):
        environment = child_environment(PYTHONPATH=str(ROOT))
        done = subprocess.run(
            [sys.executable, "-c", before + script], cwd=tmp_path, env=environment, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [str(len(zoo.list_recipes())).encode(), b"2"]


def test_output_files_are_checked_in_advance(tmp_path):
    (tmp_path / "file").write_text("kept")
    for path in (
        tmp_path,
        tmp_path / "no" / "x.json",
        tmp_path / "file" / "x",
        tmp_path / ("x" * 300),
        tmp_path / "a\0",
    ):
        assert "--json=" in refused(streams.check_output, "--json", path)
    streams.check_output("--json", tmp_path / "file")
    streams.check_output("--json", tmp_path / "new" / "x.json", make_folder=True)
    assert (tmp_path / "file").read_text() == "kept" and list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("text", ["1_0", "\u0663", " 1", "1.0", "0x1", "", "9" * 5000, "-"])
def test_integer_flags_reject_other_notations(text):
    parser = cli.Integer(lower_bound=0)
    with pytest.raises(ValueError):
        parser.parse(text)
    assert parser.parse("10") == parser.parse("+10") == parser.parse(10) == 10


SHELL = {
    # command line: (exit status, part of the line on standard error)
    "zoo.summarize --model=lenet5 >/dev/full": (2, "cannot be written: No space left on device"),
    "zoo.summarize --model=lenet5 --json >/dev/full": (2, "No space left on device"),
    "zoo.summarize --help >/dev/full": (2, "No space left on device"),
    "zoo.summarize --model=lenet5 >&-": (2, "standard output is closed"),
    "zoo.summarize --model=lenet5 2>&- >/dev/null": (0, ""),
    "zoo.summarize --model=lenet 2>/dev/full": (2, ""),
    "zoo.train --recipe=tests/tiny.py --num_processes=2": (
        2,
        "--num_processes requires --distributed",
    ),
    "verification --recipe=mlp --junit=docs": (2, "--junit=docs: it is a folder, and has to be a file"),
    "verification --recipe=mlp --first=5": (2, "--first requires --record"),
    "verification --recipe=mlp --seeds=0": (2, "--seeds=0: 0 is not a positive integer"),
    "verification --recipe=mlp --json=docs/x --junit=docs/../docs/x": (2, "--json and --junit must be different files"),
    "zoo.benchmark --scaling --picture=docs": (2, "--picture=docs: it is a folder"),
    "zoo.preview --recipe=alexnet --output=/proc/x/y.png": (2, "cannot be written"),
}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("command", SHELL)
def test_exit_status_of_programs(command):
    status, message = SHELL[command]
    done = subprocess.run(
        f"{sys.executable} -m {command}", shell=True, cwd=ROOT, env=child_environment(), capture_output=True, text=True
    )
    assert done.returncode == status and message in done.stderr, (done.returncode, done.stderr)
    assert len(done.stderr.splitlines()) == (message != "") and "Traceback" not in done.stderr


def write_set(folder, name="evil", **replaced):
    """Writes a TFDS folder; `replaced` changes entries of its image feature, such as the class that reads it."""
    of = "tensorflow_datasets.core.features"
    image = {"image": {"shape": {"dimensions": ["-1", "-1", "3"]}, "dtype": "uint8"},
             "pythonClassName": f"{of}.image_feature.Image"}  # fmt: skip
    label = {"classLabel": {"numClasses": "2"}, "pythonClassName": f"{of}.class_label_feature.ClassLabel"}
    image |= replaced
    features = {"featuresDict": {"features": {"image": image, "label": label}},
                "pythonClassName": f"{of}.features_dict.FeaturesDict"}  # fmt: skip
    splits = [
        {
            "name": split,
            "shardLengths": ["1"],
            "numBytes": "9",
            "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
        }
        for split in ("train", "test")
    ]
    info = {"name": name, "version": "1.0.0", "fileFormat": "array_record", "splits": splits}
    there = folder / name / "1.0.0"
    there.mkdir(parents=True)
    (there / "features.json").write_text(json.dumps(features))
    (there / "dataset_info.json").write_text(json.dumps(info))
    return there


@pytest.mark.parametrize("key", ["pythonClassName", "python_class_name", "type"])
def test_a_tfds_set_cannot_import_code(key, tmp_path, monkeypatch):
    there = write_set(tmp_path, **{key: "evil_reader.Image"})
    (tmp_path / "evil_reader.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert "features.json: the class 'evil_reader.Image' of a feature is not one of TFDS's own" in refused(
        zoo.open_source, "tfds:evil"
    )
    assert not (tmp_path / "ran").exists() and "evil_reader" not in sys.modules
    for near in (
        "tensorflow_datasets.core.features_evil.X",
        "tensorflow_datasets.core.features",
        "evil.tensorflow_datasets.x",
    ):
        (there / "features.json").write_text(json.dumps([{"a": [{key: near}]}]))
        refused(check_features, tmp_path / "evil")


def test_a_tfds_set_with_tfds_classes_opens(tmp_path, monkeypatch):
    write_set(tmp_path, name="good")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert zoo.open_source("tfds:good").class_names == ("0", "1") and zoo.open_source("tfds:good:1.0.0").channels == 3
    with pytest.raises(OSError, match="cannot be read; the file may be damaged"):  # there are no records
        zoo.open_source("tfds:good").train.read(0)


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b"{}", b"3", b"[" * 100_000, b'{"name": "\xff"}', b'{"name": "x"']
)
@pytest.mark.parametrize("name", ["features.json", "dataset_info.json"])
def test_damaged_tfds_sets_are_rejected(name, content, tmp_path, monkeypatch):
    (write_set(tmp_path) / name).write_bytes(content)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert "cannot be read" in refused(zoo.open_source, "tfds:evil")


@pytest.mark.parametrize(
    "name", ["../x", "/etc", "kaggle:x", "huggingface:mnist", "a/b=c", "a:b", "a\x1b", "x" * 5000, "a b"]
)
def test_invalid_names_of_tfds_sets_are_rejected(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    refused(zoo.open_source, f"tfds:{name}")


def test_the_home_folder_of_an_unknown_user_is_rejected(tmp_path):
    for spec in ("folder:~nouser", "csv:~nouser/x.csv", "folder:~nouser/x"):
        assert "~nouser" in refused(zoo.open_source, spec)


@pytest.fixture
def unreadable(tmp_path):
    """A folder of eight images, none of which can be decoded."""
    for split in ("train", "val"):
        for name in ("a", "b"):
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(2):
                (tmp_path / split / name / f"{number}.jpg").write_bytes(b"no image")
    return f"folder:{tmp_path}"


def test_undecodable_images_are_not_timed(unreadable):
    with pytest.raises(ZooError, match="4 images cannot be decoded, most recently .*jpg"):
        zoo_pipeline(unreadable, 8, 0).step()
    many = CorruptLimit("folder:x", 1000)
    for number in range(10):
        many(Corrupt(f"{number}.jpg", "no image"))
    with pytest.raises(ZooError, match="11 images cannot be decoded, most recently 10.jpg"):
        many(Corrupt("10.jpg", "no image"))
    with pytest.raises(ZooError, match="--batch=4096: must be at most 2,048"):
        measure(unreadable, 4096, None, workers=0, rounds=1, console=streams.make_console())


def fails_at_once(kind):
    if kind == "zoo":
        raise ZooError("as it is")
    if kind == "exit":
        os._exit(3)
    raise FileNotFoundError(2, "No such file", "x.jpg")


@pytest.mark.parametrize(
    ("kind", "message"),
    [("zoo", "as it is"), ("exit", "exited unexpectedly"), ("other", "a benchmark process failed: .*x.jpg")],
)
def test_a_failing_benchmark_side_is_reported_in_one_line(kind, message):
    with pytest.raises(ZooError, match=message):
        SideProcess(fails_at_once, kind)


def test_a_valid_recipe_survives_json():
    assert Recipe.from_json(json.loads(json.dumps(RECIPE.to_json()))) == RECIPE
