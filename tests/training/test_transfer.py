"""Fine-tuning: loaded and re-initialized parameters, and sources that cannot be used."""

import hashlib
import json
import pickle

import jax
import numpy as np
import pytest
import safetensors.numpy
from flax import linen as nn
from programs import run_python
from tuning import *

import zoo
from zoo.errors import WeightsMissing, ZooError
from zoo.recipe import *
from zoo.recipe.assignments import parse_changes
from zoo.training.prepare import prepare


@pytest.mark.slow
def test_a_new_head_on_trained_layers(source, three):
    there, start = flat(zoo.load_run(source).variables), start_of(tuned(source=str(source)), three)
    assert there["params/fc/kernel"].shape == (16, 10) and start["params/fc/kernel"].shape == (16, 3)
    assert {path for path in start if path in there and start[path].shape == there[path].shape} == start.keys() - {
        "params/fc/kernel",
        "params/fc/bias",
    }
    for path in start.keys() - {"params/fc/kernel", "params/fc/bias"}:
        np.testing.assert_array_equal(start[path], there[path], path)
    drawn = start_of(RECIPE, three)
    np.testing.assert_array_equal(start["params/fc/kernel"], drawn["params/fc/kernel"])
    other = start_of(tuned(source=str(source)), three, seed=1)
    assert np.any(other["params/fc/kernel"] != start["params/fc/kernel"])
    np.testing.assert_array_equal(other["params/conv1/kernel"], start["params/conv1/kernel"])


def test_re_initialized_layers(source, dataset):
    there = flat(zoo.load_run(source).variables)
    start = start_of(tuned(source=str(source)), dataset)
    # With the same number of classes, nothing is re-initialized.
    assert all(np.array_equal(start[path], there[path]) for path in there)
    start = start_of(tuned(source=str(source), head=("fc/*", "layer3_0/bn2/*")), dataset)
    changed = {path for path in there if not np.array_equal(start[path], there[path])}
    assert changed == {
        "params/fc/kernel", "params/layer3_0/bn2/scale", "params/layer3_0/bn2/bias",
        "batch_stats/layer3_0/bn2/mean", "batch_stats/layer3_0/bn2/var", "params/fc/bias",
    }  # fmt: skip


def test_layout_and_classes_are_found_in_the_file(weights, three):
    there, path = weights
    start = start_of(of_file(path, layout=None), three)
    np.testing.assert_array_equal(start["params/conv1/kernel"], flat(there)["params/conv1/kernel"])
    seven = path.with_name("seven.safetensors")
    model = zoo.create_model("bn_cnn", 7)
    variables = model.init(jax.random.key(8), np.zeros((1, 16, 16, 1), np.float32), train=False)
    safetensors.numpy.save_file(zoo.export_weights(model, variables, layout="torch"), seven)
    start = start_of(of_file(seven, layout=None, sha256=hashlib.sha256(seven.read_bytes()).hexdigest()), three)
    assert start["params/fc2/kernel"].shape == (7 * 7 * 32, 3)
    np.testing.assert_array_equal(start["params/conv1/kernel"], flat(variables)["params/conv1/kernel"])


def test_a_recipe_whose_weights_are_not_given(three):
    recipe = tuned(frozen=FROZEN).override({"provenance": {"transfer.source": "the file of the paper"}})
    with pytest.raises(
        WeightsMissing, match=r"with --weights=PATH, or as transfer.source; it is meant for the file of"
    ):
        prepare(recipe, three)
    with pytest.raises(WeightsMissing, match="as transfer.source$"):
        tuned().check_weights_given()
    recipe.override({"transfer": None}).check_weights_given()


def test_weights_from_a_file(weights, three):
    variables, path = weights
    there, start = flat(variables), start_of(of_file(path), three)
    assert start.keys() == there.keys() and start["params/fc2/kernel"].shape == (7 * 7 * 32, 3)
    for name in start.keys() - {"params/fc2/kernel", "params/fc2/bias"}:
        np.testing.assert_array_equal(start[name], there[name], name)
    named = start_of(of_file(path, num_classes=10, head=("fc2/*",)), three)
    np.testing.assert_array_equal(named["params/fc2/kernel"], start["params/fc2/kernel"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"frozen": ("conv9*",)}, "transfer.frozen: no parameter of the network matches 'conv9*'"),
        ({"rates": {"conv9*": 0.1}}, "transfer.rates: no parameter of the network matches 'conv9*'"),
        ({"head": ("conv9*",)}, "transfer.head: no parameter of the network matches 'conv9*'"),
        ({"frozen": ("fc*",)}, "transfer.frozen: fc/bias is re-initialized and must be trained"),
        ({"head": ("layer3_0*",)}, "fc/bias is [10], expected [3]; fc/kernel is [16, 10], expected [16, 3]"),
        ({"layout": "torch"}, "transfer.layout is for weight files"),
        ({"source": "/no/such"}, "transfer.source: '/no/such' is neither a run folder nor a weight file"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_mismatches_are_one_line_errors(source, three, fields, message):
    with pytest.raises(ZooError) as error:
        prepare(tuned(**{"source": str(source), **fields}), three)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_another_network_is_an_error(source, three, dataset):
    wider = tuned(source=str(source)).override({"model.options.width": 8})
    with pytest.raises(ZooError, match=r"has weights of another network .*bn1/mean is \[4\], expected \[8\]"):
        prepare(wider, three)
    deeper = tuned(source=str(source)).override({"model.options.blocks": 2})
    with pytest.raises(ZooError, match=r"layer1_1/bn1/mean is missing, expected \[4\]"):
        prepare(deeper, three)
    with pytest.raises(ZooError, match="all parameters are frozen"):
        prepare(tuned(source=str(source), frozen=("*",)), dataset)


class Bomb:
    """An object whose unpickling creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_unusable_files_are_one_line_errors(weights, three, tmp_path):
    trace = tmp_path / "executed"
    (tmp_path / "bomb.pth").write_bytes(pickle.dumps({"conv1.weight": Bomb(trace)}))
    (tmp_path / "garbage.safetensors").write_bytes(b"garbage")
    np.savez(tmp_path / "other.npz", **{"conv1.weight": np.zeros((32, 1, 3, 3))})
    (tmp_path / "empty").mkdir()
    cases = [
        (weights[1], {"layout": "torchvision"}, "unknown layout of bn_cnn 'torchvision'"),
        (weights[1], {"num_classes": 7}, "fc2.weight has shape [10, 1568], expected [7, 1568]"),
        (tmp_path / "bomb.pth", {}, "bomb.pth"),
        (tmp_path / "garbage.safetensors", {}, "cannot be read"),
        (tmp_path / "other.npz", {}, "bn1.weight is missing"),
        (tmp_path / "empty", {"layout": None}, "is not the folder of a run"),
        (tmp_path / "empty", {}, "transfer.layout is for weight files"),
        (weights[1], {"sha256": 64 * "0"}, "net.safetensors is not the file that the recipe names: its SHA-256 is"),
    ]
    for path, fields, message in cases:
        with pytest.raises(ZooError) as error:
            prepare(of_file(path, **fields), three)
        assert message in str(error.value) and "\n" not in str(error.value)
    assert not trace.exists()
    with pytest.raises(ZooError, match="is a weight file, but Linear is not a network of the zoo"):
        prepare(of_file(weights[1]), three, model=Linear())


class Linear(nn.Module):
    @nn.compact
    def __call__(self, images, train=False):
        return nn.Dense(3)(images.mean((1, 2)))


@pytest.mark.parametrize(
    ("text", "message"),
    {
        'Transfer(source="")': "Transfer.source must be a run's folder or a file",
        'Transfer(source="x", rates={"fc*": 0})': "Transfer.rates must be positive factors",
        'Transfer(source="x", head=())': "Transfer.head must be None or at least one pattern",
        'Transfer(source="x", sha256="12")': "Transfer.sha256 must be 64 hexadecimal digits",
        'Transfer(source="x", frozen=3)': "Transfer.frozen must be a list of strings",
    }.items(),
)
def test_invalid_fields_of_transfer(text, message):
    with pytest.raises(ZooError) as error:
        RECIPE.override(parse_changes(RECIPE, [f"transfer={text}"]))
    assert message in str(error.value)


def test_fingerprints_of_recipes_without_transfer_are_unchanged():
    assert zoo.load_recipe("alexnet").fingerprint == "8e1b81d0eeac"


@pytest.mark.slow
def test_from_the_command_line(image_folder, tmp_path):
    """Trains on three classes, and then fine-tunes on two of them with frozen convolutions."""
    import shutil

    flags = ["--recipe=tests/tiny.py", "--set=budget.steps=4"]
    two = tmp_path / "two"
    shutil.copytree(image_folder, two)
    for split in ("train", "val"):
        shutil.rmtree(two / split / "red")
    first, second = tmp_path / "first", tmp_path / "second"
    done = run_python("-m", "zoo.train", *flags, f"--data=folder:{image_folder}", f"--workdir={first}")
    assert done.returncode in (0, 1), done.stderr
    change = f'--set=transfer=Transfer(source="{first}", frozen=("c*",), rates={{"output/*": 10}})'
    done = run_python("-m", "zoo.train", *flags, f"--data=folder:{two}", f"--workdir={second}", change)
    assert done.returncode in (0, 1), done.stderr
    assert f"{first}: 8 parameters, 6 of them frozen; reinitialized: output/bias, output/kernel" in done.stdout
    before, after = (flat(zoo.load_run(folder).variables["params"]) for folder in (first, second))
    for path in before.keys() - {"output/kernel", "output/bias"}:
        assert np.array_equal(before[path], after[path]) == path.startswith("c"), path
    assert json.loads((second / "recipe.json").read_text())["recipe"]["transfer"]["rates"] == {"output/*": 10.0}
    shutil.rmtree(first)  # evaluation does not need the source
    evaluated = run_python("-m", "zoo.evaluate", f"--workdir={second}", "--json")
    assert evaluated.returncode == 0, evaluated.stderr
