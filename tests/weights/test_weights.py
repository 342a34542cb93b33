"""Tests of import and export of weights: tensors are in the right places, and errors list all problems."""

import json
import pickle

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

import zoo
from verification.architecture.numbers import check_numbers, layout_of, load_reference, regenerated_tensor
from verification.facts import load_facts
from verification.test_verification import LARGER
from zoo.errors import ZooError
from zoo.models.layout import Tensor
from zoo.models.registry import find_entry, name_of
from zoo.paths import THIRD_PARTY


@pytest.fixture(scope="module")
def tensors():
    """Weights of torchvision's AlexNet, regenerated from a seed, with torchvision's names."""
    reference = load_reference("alexnet_owt")
    return {name: regenerated_tensor(name, tuple(shape), 1.0) for name, shape in reference["state_dict"]}


@pytest.mark.parametrize("model", ["alexnet", "alexnet_owt", "mlp", "lenet5"])
def test_numbers_agree_with_another_implementation(model):
    """Covers an authors' PyTorch implementation, torchvision, vectors and gray images; verification has all others."""
    checks = list(check_numbers(model))
    assert [check.name for check in checks] == ["logits", "activations"]
    assert [check.status for check in checks] == ["pass", "pass"], checks


def test_one_wrong_tensor_is_detected(monkeypatch, tensors):
    """The tolerance is tight enough to detect an error of 0.5% in one bias vector."""

    def slightly_wrong(name, shape, gain):
        tensor = regenerated_tensor(name, shape, gain)
        return tensor * 1.005 if name == "features.8.bias" else tensor

    monkeypatch.setattr("verification.architecture.numbers.regenerated_tensor", slightly_wrong)
    assert [check.status for check in check_numbers("alexnet_owt")] == ["fail", "fail"]


def test_missing_reference_numbers_are_a_failure(monkeypatch):
    monkeypatch.setattr("verification.architecture.numbers.load_reference", lambda name: None)
    (check,) = check_numbers("mlp")
    assert check.status == "fail" and "no reference numbers" in check.detail


@pytest.mark.parametrize("suffix", ["safetensors", "npz"])
def test_files(tmp_path, tensors, suffix):
    path = tmp_path / f"weights.{suffix}"
    save_file(tensors, path) if suffix == "safetensors" else np.savez(path, **tensors)
    params = zoo.import_weights("alexnet_owt", path)["params"]
    np.testing.assert_array_equal(params["conv2"]["kernel"], tensors["features.3.weight"].transpose(2, 3, 1, 0))
    # The weight of output 7 of fc6 for pixel (2, 5) of channel 11 is in column 11 * 36 + 2 * 6 + 5 in PyTorch.
    ours = params["fc6"]["kernel"].reshape(6, 6, 256, 4096)[2, 5, 11, 7]
    assert ours == tensors["classifier.1.weight"][7, 11 * 36 + 2 * 6 + 5]


def test_export_inverts_import(tensors):
    variables = zoo.import_weights("alexnet_owt", tensors)
    again = zoo.export_weights("alexnet_owt", variables)
    assert again.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(again[name], tensor)
    with pytest.raises(ZooError, match="unknown layout of alexnet 'torchvision'"):
        zoo.export_weights("alexnet", variables)


@pytest.mark.parametrize("name", zoo.list_models())
def test_every_network_has_reference_numbers(name):
    """A new network fails until it has reference numbers and a layout."""
    reference = load_reference(name)
    assert reference is not None and layout_of(reference) in find_entry(name).layouts


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LARGER)) for name in zoo.list_models()]
)
def test_layouts_name_every_tensor(name):
    """Each tensor of the other implementation is mapped exactly once; verification compares numbers."""
    reference = load_reference(name)
    tensors = {tensor: np.broadcast_to(np.float32(0), shape) for tensor, shape in reference["state_dict"]}
    variables = zoo.import_weights(name, tensors, layout_of(reference))
    totals = load_facts(name)["sources"][0]
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) == totals["params"]
    assert sum(leaf.size for leaf in jax.tree.leaves(variables.get("batch_stats", {}))) == totals["batch_stats"]


@pytest.mark.parametrize("name", ["googlenet_bn", "inception_v3"])
def test_layouts_name_the_tensors_of_auxiliary_heads(name):
    names = json.loads((THIRD_PARTY / "references" / "torchvision" / f"{name}_aux.json").read_text())["state_dict"]
    tensors = {tensor: np.broadcast_to(np.float32(0), shape) for tensor, shape in names}
    variables = zoo.import_weights(zoo.create_model(name, aux_heads=True), tensors)
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) > zoo.summarize(name).params
    with pytest.raises(ZooError, match="is unexpected"):
        zoo.import_weights(name, tensors)


def test_exported_shapes_are_those_of_the_other_framework():
    """In torchvision the scale of a branch is [C, 1, 1], and in timm linear layers may be convolutions."""
    abstract = jax.eval_shape(
        lambda: zoo.create_model("convnext_tiny").init(jax.random.key(0), np.zeros((1, 32, 32, 3), np.float32))
    )
    zeros = jax.tree.map(lambda leaf: np.broadcast_to(np.float32(0), leaf.shape), abstract)
    tensors = zoo.export_weights("convnext_tiny", zeros)
    assert tensors["features.1.0.layer_scale"].shape == (96, 1, 1)
    shapes = {("params", "fc", "kernel"): (2048, 1000), ("params", "fc", "bias"): (1000,)}
    places = find_entry("resnetv2_50").layouts["timm"].tensors(shapes).values()
    assert [(place.name, place.shape) for place in places] == [
        ("head.fc.weight", (1000, 2048, 1, 1)),
        ("head.fc.bias", (1000,)),
    ]


def test_flattened_images_that_are_not_square():
    """The order of their pixels in PyTorch's matrix is ambiguous."""
    with pytest.raises(ZooError, match=r"fc.weight: 12 inputs are not a square image with 2 channels"):
        Tensor("fc.weight", (4, 12), (1, 0), flattened=2).imported(np.zeros((4, 12)))


@pytest.mark.parametrize("name", ["efficientnet_b3", "efficientnet_b5", "convnext_tiny"])
def test_networks_with_other_rates_are_the_same_variant(name):
    rates = dict.fromkeys(find_entry(name).rates, 0.0)
    assert rates and name_of(zoo.create_model(name, **rates)) == name


def test_error_lists_all_problems(tensors):
    wrong = dict(tensors, extra=np.zeros(3))
    del wrong["features.3.bias"]
    wrong["classifier.6.weight"] = np.zeros((10, 4096))
    with pytest.raises(ZooError) as error:
        zoo.import_weights("alexnet_owt", wrong)
    message = str(error.value)
    assert "features.3.bias is missing" in message and "extra is unexpected" in message
    assert "classifier.6.weight has shape [10, 4096], expected [1000, 4096]" in message
    assert "\n" not in message


def test_files_that_are_not_weights(tmp_path, tensors):
    for name, content in {"a.safetensors": b"garbage", "b.npz": b"PK garbage", "c.txt": b"", "d.npz": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ZooError) as error:
            zoo.import_weights("alexnet_owt", tmp_path / name)
        assert name in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(ZooError, match=r"e.npz cannot be read"):
        zoo.import_weights("alexnet_owt", tmp_path / "e.npz")
    with pytest.raises(ZooError, match="unknown layout of alexnet_owt 'keras'"):
        zoo.import_weights("alexnet_owt", tensors, layout="keras")


class Bomb:
    """An object whose unpickling would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_nothing_in_a_file_is_executed(tmp_path):
    trace = tmp_path / "executed"
    array = np.empty(1, object)
    array[0] = Bomb(trace)
    np.savez(tmp_path / "bomb.npz", **{"features.0.weight": array})
    (tmp_path / "bomb.pth").write_bytes(pickle.dumps({"features.0.weight": Bomb(trace)}))
    for name in ("bomb.npz", "bomb.pth"):
        with pytest.raises(ZooError):
            zoo.import_weights("alexnet_owt", tmp_path / name)
    assert not trace.exists()
