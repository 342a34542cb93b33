"""Tests of exported files, loaded by what people load them with, on photographs and on images of data sets."""

import dataclasses
import json
import re
import subprocess
import sys

import jax
import numpy as np
import pytest
from examples import tabular
from photographs import photographs
from pictures import torchvision
from PIL import Image
from safetensors import safe_open

import zoo
from zoo.errors import ExportDiffers, ZooError
from zoo.inference.export import check as checks
from zoo.inference.export import huggingface, onnx, stablehlo, tensors
from zoo.recipe import *
from zoo.references.torch_libraries import build

# A program of a user who has JAX and not the zoo.
WITHOUT_ZOO = """
import sys
import jax, numpy as np
program = jax.export.deserialize(bytearray(open(sys.argv[1], "rb").read()))
assert tuple(program.platforms) == ("cpu", "cuda", "tpu")
images = np.load(sys.argv[2])
logits = [np.asarray(program.call(part)) for part in (images[:1], images[1:])]
np.save(sys.argv[3], np.concatenate(logits))
assert not any(name.split(".")[0] == "zoo" for name in sys.modules)
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A classifier from a file in torchvision's layout: resnet18 with random weights and ImageNet's classes."""
    from safetensors.numpy import save_file

    model = zoo.create_model("resnet18")
    abstract = jax.eval_shape(lambda: model.init(jax.random.key(0), np.zeros((1, 32, 32, 3), np.float32), train=False))
    random = np.random.default_rng(0)

    def draw(leaf):
        if leaf.ndim > 1:
            return random.normal(0, (2 / np.prod(leaf.shape[:-1])) ** 0.5, leaf.shape).astype(np.float32)
        return random.uniform(0.5, 1, leaf.shape).astype(np.float32)

    path = tmp_path_factory.mktemp("published") / "resnet18.safetensors"
    save_file(zoo.export_weights(model, jax.tree.map(draw, abstract)), path)
    return zoo.load_classifier(path, model="resnet18")


@pytest.fixture(scope="module")
def run(recipe, image_folder, tmp_path_factory):
    """A run on a folder of colour images."""
    workdir = tmp_path_factory.mktemp("runs") / "flowers"
    changes = {"data.source": f"folder:{image_folder}", "budget.interim_examples": 8}
    zoo.fit(recipe.override(changes), workdir)
    return workdir


def resized(classifier):
    """Returns the photographs as the exported program takes them."""
    split = classifier.open(list(photographs()))
    return checks.expected_and_prepared(classifier, split)


def test_stablehlo_without_the_zoo(published, tmp_path):
    path = tmp_path / "network.stablehlo"
    done = zoo.export(published, path, "stablehlo", check=list(photographs()))
    assert done.check.passed and done.check.examples == 2
    assert not re.search(rb"[a-z]{3}\.py", path.read_bytes())  # paths of source files
    expected, images = resized(published)
    assert images.dtype == np.uint8 and images.shape == (2, 224, 224, 3)
    np.save(tmp_path / "images.npy", images)
    arguments = [path, tmp_path / "images.npy", tmp_path / "logits.npy"]
    # From another folder, so that the zoo is not on the path.
    subprocess.run([sys.executable, "-c", WITHOUT_ZOO, *map(str, arguments)], cwd=tmp_path, check=True)
    logits = np.load(tmp_path / "logits.npy")
    np.testing.assert_allclose(logits, expected, atol=1e-4 * expected.std())
    described = json.loads(stablehlo.sidecar(path).read_text())
    assert described["input"]["shape"] == ["batch", 224, 224, 3] and described["input"]["dtype"] == "uint8"
    assert described["class_names"] == list(published.class_names)
    assert described["host_transforms"] == [
        {"kind": "PresetCrop", "resize": 256, "size": 224, "interpolation": "bilinear"}
    ]


def test_stablehlo_of_normalized_images(published, tmp_path):
    """A user normalizes by the description alone."""
    path = tmp_path / "network.stablehlo"
    zoo.export(published, path, "stablehlo", input="normalized", check=photographs()[0])
    expected, images = resized(published)
    described = json.loads(stablehlo.sidecar(path).read_text())
    normalization = described["normalization"]
    inputs = (images.astype(np.float32) - np.float32(normalization["mean"])) / np.float32(normalization["scale"])
    np.testing.assert_allclose(stablehlo.load(path)(inputs), expected, atol=1e-4 * expected.std())


def test_onnx_in_onnxruntime(published, tmp_path):
    pytest.importorskip("jax2onnx")
    runtime = pytest.importorskip("onnxruntime")
    path = tmp_path / "network.onnx"
    assert zoo.export(published, path, "onnx", check=list(photographs())).check.passed
    session = runtime.InferenceSession(str(path))
    (given,), (returned,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape) == ("images", "tensor(uint8)", ["batch", 224, 224, 3])
    assert (returned.name, returned.shape) == ("logits", ["batch", 1000])
    described = json.loads(session.get_modelmeta().custom_metadata_map["zoo"])
    assert described["class_names"] == list(published.class_names)
    expected, images = resized(published)
    for count in (1, 2):
        (logits,) = session.run(None, {"images": images[:count]})
        np.testing.assert_allclose(logits, expected[:count], atol=1e-4 * expected.std())


def test_safetensors_in_torchvision(published, tmp_path):
    """Loads the file as users of torchvision do, with its own transforms on photographs."""
    torchvision("functional")  # skips without it
    torch = pytest.importorskip("torch", reason="needs torch")
    from safetensors.torch import load_file

    path = tmp_path / "resnet18.safetensors"
    assert zoo.export(published, path, "safetensors", layout="torchvision", check=photographs()[0]).check.passed
    network = build("resnet18").network
    network.load_state_dict(load_file(path))
    from torchvision.models import ResNet18_Weights

    transform = ResNet18_Weights.DEFAULT.transforms()
    images = torch.stack([transform(Image.open(path).convert("RGB")) for path in photographs()])
    with torch.no_grad():
        logits = network(images).numpy()
    expected = published.logits(list(photographs()))
    np.testing.assert_allclose(logits, expected, atol=1e-3 * expected.std())


@pytest.mark.parametrize("layout", ["torchvision", "zoo"])
def test_safetensors_describe_themselves(published, tmp_path, layout):
    path = tmp_path / "weights.safetensors"
    zoo.export(published, path, "safetensors", layout=layout, check=photographs()[0])
    again = zoo.load_classifier(path)
    assert again.class_names == published.class_names and again.transforms == published.transforms
    np.testing.assert_array_equal(again.logits(photographs()[0]), published.logits(photographs()[0]))
    with safe_open(path, "numpy") as file:
        assert file.metadata()["format"] == ("pt" if layout == "torchvision" else "np")


def test_hugging_face_folder_of_a_run(run, image_folder, tmp_path):
    classifier = zoo.load_classifier(run)
    done = zoo.export(classifier, tmp_path / "flowers", "huggingface")
    assert done.check.passed and done.check.examples == 8 and done.check.source == f"folder:{image_folder}"
    again = zoo.load_classifier(tmp_path / "flowers")
    np.testing.assert_array_equal(again.logits(image_folder / "val"), classifier.logits(image_folder / "val"))
    config = json.loads((tmp_path / "flowers" / "config.json").read_text())
    assert config["id2label"] == {"0": "blue", "1": "green", "2": "red"}
    card = (tmp_path / "flowers" / "README.md").read_text()
    verdict = classifier.origin.verdict
    escaped = verdict.explanation.replace("_", r"\_")
    assert escaped in card and f"fingerprint `{classifier.origin.recipe.fingerprint}`" in card
    assert "| seed | 0, one run |" in card and "48 for training and 12 for evaluation" in card
    header = card.split("---\n")[1]
    (result,) = json.loads(header.split("model-index: ")[1])[0]["results"]
    assert result["metrics"] == [{"type": "accuracy", "value": verdict.value}]
    assert f"SHA-256 `{'0' * 64}" not in card


def test_settings_of_image_processors(published, run):
    settings = huggingface.preprocessor_config(published)
    assert settings["size"] == {"shortest_edge": 256} and settings["crop_size"] == {"height": 224, "width": 224}
    np.testing.assert_allclose(settings["image_mean"], [0.485, 0.456, 0.406], rtol=1e-6)
    np.testing.assert_allclose(settings["image_std"], [0.229, 0.224, 0.225], rtol=1e-6)
    of_run = huggingface.preprocessor_config(zoo.load_classifier(run))
    assert of_run["size"] == {"height": 32, "width": 32} and not of_run["do_center_crop"]
    cropped = dataclasses.replace(published, transforms=(Resize(40), Normalize(), TenCrop(32)))
    assert huggingface.preprocessor_config(cropped) is None


def test_image_processor_prepares_as_the_classifier(published, tmp_path):
    transformers = pytest.importorskip("transformers", reason="needs transformers")
    zoo.export(published, tmp_path / "folder", "huggingface", check=photographs()[0])
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path / "folder", backend="pil")
    mean, scale = published.statistics.mean, published.statistics.scale
    photograph = Image.open(photographs()[0]).resize((600, 400))  # 384x256, whose borders are even numbers
    _, (image,) = checks.expected_and_prepared(published, published.open(np.asarray(photograph)))
    found = processor(photograph, return_tensors="np")["pixel_values"][0].transpose(1, 2, 0)
    np.testing.assert_allclose(found, (image - mean) / scale, atol=1e-4)


def test_card_of_published_weights_claims_no_accuracy(published, tmp_path):
    zoo.export(published, tmp_path / "folder", "huggingface", layout="torchvision", check=photographs()[0])
    card = (tmp_path / "folder" / "README.md").read_text()
    assert "accuracy has not been measured here" in card and "model-index" not in card and "converged" not in card


def test_ten_crops_and_features(recipe, image_folder, tmp_path):
    """The program averages the predictions for the crops, and imputes, winsorizes and scales features."""
    pytest.importorskip("jax2onnx")
    changes = {
        "data.source": f"folder:{image_folder}",
        "augmentation.eval": (Resize(40), Normalize(), TenCrop(32)),
        "normalization": ChannelMeanStd(),
        "budget.steps": 2,
    }
    crops = zoo.load_classifier(zoo.fit(recipe.override(changes)))
    random = np.random.default_rng(0)
    rows = random.normal(size=(8, 10)).astype(np.float32)
    rows[2, 3] = np.nan
    table = zoo.load_classifier(
        zoo.fit(tabular(data__missing=ImputeMean(), data__outliers=Winsorize(0.05, 0.95))),
    )
    assert zoo.export(crops, tmp_path / "crops", "stablehlo").check.passed
    expected = table.logits(rows)
    assert np.isfinite(expected).all()
    for name, module in (("stablehlo", stablehlo), ("onnx", onnx)):
        assert zoo.export(table, tmp_path / f"table.{name}", name).check.passed
        np.testing.assert_allclose(module.load(tmp_path / f"table.{name}")(rows), expected, atol=1e-4)
    with pytest.raises(ZooError, match="export it with --input=raw"):
        zoo.export(crops, tmp_path / "x", "stablehlo", input="normalized")


def test_an_export_that_differs_is_not_left_behind(published, tmp_path, monkeypatch):
    """A changed weight in the file, an output for another network, and a program that is not loaded as written."""

    def wrong(classifier, layout, path):
        params = dict(classifier.variables["params"])
        params["conv1"] = {"kernel": params["conv1"]["kernel"] * 1.1}
        changed = {**classifier.variables, "params": params}
        return original(dataclasses.replace(classifier, variables=changed), layout, path)

    original = tensors.write
    monkeypatch.setattr(tensors, "write", wrong)
    for name in ("safetensors", "huggingface"):
        with pytest.raises(ExportDiffers, match="was not written: it computes something else: largest difference"):
            zoo.export(published, tmp_path / f"x.{name}", name, check=photographs()[0])
    load = stablehlo.load
    monkeypatch.setattr(stablehlo, "load", lambda path: lambda inputs: load(path)(inputs) * np.float32(1.01))
    with pytest.raises(ExportDiffers):
        zoo.export(published, tmp_path / "x.stablehlo", "stablehlo", check=photographs()[0])
    assert list(tmp_path.iterdir()) == []


def logits_from(path):
    """Checks that an exported file can be loaded and called."""
    if path.suffix == ".safetensors":
        assert zoo.load_classifier(path).logits(photographs()[0]).shape == (1, 3)
    else:
        assert stablehlo.load(path)(np.zeros((2, 32, 32, 3), np.uint8)).shape == (2, 3)


def test_existing_files_are_kept(run, tmp_path):
    classifier = zoo.load_classifier(run)
    for form in ("stablehlo", "safetensors"):
        name = f"mine.{form}"
        zoo.export(classifier, tmp_path / name, form)
        logits_from(tmp_path / name)
        with pytest.raises(ZooError, match="exists: choose another output"):
            zoo.export(classifier, tmp_path / name, form)
        (tmp_path / name).write_bytes(b"old")
        zoo.export(classifier, tmp_path / name, form, overwrite=True)
        logits_from(tmp_path / name)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").write_text("mine")
    with pytest.raises(ZooError, match=r"has other files than an exported folder, such as mine\.txt"):
        zoo.export(classifier, tmp_path / "folder", "huggingface", overwrite=True)
    zoo.export(classifier, tmp_path / "flowers", "huggingface")
    zoo.export(classifier, tmp_path / "flowers", "huggingface", overwrite=True)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


DAMAGES = {
    "version": 2,
    "model": {"kind": "Model", "name": "nothing", "num_classes": 3, "options": {}},
    "input_shape": [10**9, 10**9, 3],
    "transforms": [{"kind": "RandomResizedCrop", "size": 8}, {"kind": "Normalize"}],
    "statistics": {"mean": [0, 0, 0], "scale": [0, 1, 1]},
    "class_names": "abc",
    "loss": {"kind": "Resize", "size": 3},
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_descriptions(run, tmp_path, name):
    folder = tmp_path / "flowers"
    zoo.export(zoo.load_classifier(run), folder, "huggingface")
    config = json.loads((folder / "config.json").read_text())
    config["zoo"][name] = DAMAGES[name]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ZooError, match="description of the network is damaged|unknown model 'nothing'"):
        zoo.load_classifier(folder)
