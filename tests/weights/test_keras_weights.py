"""Tests of Keras weights: names, shapes, outputs, and both file formats."""

import jax
import numpy as np
import pytest
from flax import traverse_util

import zoo
from verification.architecture.keras_numbers import check_keras_numbers, load_keras_reference, regenerated_variable
from zoo.errors import ZooError
from zoo.models.registry import find_entry
from zoo.weights.files import open_tensors

h5py = pytest.importorskip("h5py", reason="needs h5py")

from keras_files import save_newer, save_older  # noqa: E402

KERAS = [name for name in zoo.list_models() if "keras" in find_entry(name).layouts]


@pytest.fixture(scope="module")
def network():
    return zoo.create_model("mobilenet_v1", num_classes=3, relu6=True)


@pytest.fixture(scope="module")
def tensors(network):
    """Weights of the network by Keras's names, in Keras's order."""
    image = jax.ShapeDtypeStruct((1, 224, 224, 3), np.float32)
    abstract = jax.eval_shape(lambda image: network.init(jax.random.key(0), image, train=False), image)
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), abstract)
    exported = zoo.export_weights(network, zeros, "keras")
    return {name: regenerated_variable(name, tensor.shape, 1.0) for name, tensor in exported.items()}


def assert_same(variables, others):
    variables, others = traverse_util.flatten_dict(variables), traverse_util.flatten_dict(others)
    assert variables.keys() == others.keys()
    for path, array in variables.items():
        np.testing.assert_array_equal(array, others[path])


@pytest.mark.parametrize("name", KERAS)
def test_layouts_name_every_variable(name):
    """Names, shapes and order match those of Keras's network."""
    reference = load_keras_reference(name)
    layout = find_entry(name).layouts["keras"]
    model = zoo.create_model(name, **layout.options)
    zeros = {variable: np.broadcast_to(np.float32(0), shape) for variable, shape in reference["variables"]}
    shapes = {
        path: array.shape
        for path, array in traverse_util.flatten_dict(zoo.import_weights(model, zeros, "keras")).items()
    }
    places = layout.tensors(shapes).values()
    assert [[place.name, list(place.shape)] for place in places] == reference["variables"]


def test_numbers_agree_with_keras(monkeypatch):
    assert [check.status for check in check_keras_numbers("mobilenet_v1")] == ["pass"]

    def slightly_wrong(name, shape, gain):
        return regenerated_variable(name, shape, gain) * (1.005 if name == "conv_pw_7_bn/gamma" else 1)

    monkeypatch.setattr("verification.architecture.keras_numbers.regenerated_variable", slightly_wrong)
    assert [check.status for check in check_keras_numbers("mobilenet_v1")] == ["fail"]
    assert list(check_keras_numbers("alexnet")) == []


def test_export_inverts_import(network, tensors):
    variables = zoo.import_weights(network, tensors, "keras")
    again = zoo.export_weights(network, variables, "keras")
    assert list(again) == list(tensors)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(again[name], tensor)


@pytest.mark.parametrize("kind", ["older", "older whole model", "older with older names", "newer"])
def test_files(tmp_path, network, tensors, kind):
    path = tmp_path / "weights.h5"
    if kind == "newer":
        save_newer(path, tensors)
    elif kind == "older with older names":  # as in Keras's trained weights: a different layer name, and one of Keras 1
        save_older(path, tensors, lambda layer: layer.replace("conv_dw_", "conv/dw_"), "{}_{}_1:0".format)
    else:
        save_older(path, tensors, whole_model=kind.endswith("model"))
    assert_same(zoo.import_weights(network, path, "keras"), zoo.import_weights(network, tensors, "keras"))


def test_automatic_names_with_any_numbering(tmp_path):
    tensors = {f"{layer}/kernel": np.float32(number) for number, layer in enumerate(("conv2d", "conv2d_1", "conv2d_2"))}
    given = {"conv2d": "conv2d_9", "conv2d_1": "conv2d_10", "conv2d_2": "conv2d_11"}
    save_newer(tmp_path / "weights.h5", tensors, given.get)
    with open_tensors(tmp_path / "weights.h5", dict.fromkeys(tensors, ())) as found:
        assert {name: tensor[()] for name, tensor in found.items()} == tensors


def test_nested_models(tmp_path):
    wanted = {
        "stem/stem_conv/kernel": (1,),
        "stem/stem_norm/gamma": (2,),
        "stem/stem_norm/beta": (2,),
        "fc/kernel": (3,),
    }
    with h5py.File(tmp_path / "newer.h5", "w") as file:
        file["layers/dense/vars/0"] = np.ones(3)
        file["layers/dense/vars"].attrs["name"] = "fc"
        file.create_group("layers/sequential/vars").attrs["name"] = "stem"
        file["layers/sequential/layers/conv2d/vars/0"] = np.ones(1)
        file["layers/sequential/layers/conv2d/vars"].attrs["name"] = "stem_conv"
        file["layers/sequential/layers/norm/vars/0"] = np.ones(2)
        file["layers/sequential/layers/norm/vars/1"] = np.zeros(2)
        file["layers/sequential/layers/norm/vars"].attrs["name"] = "stem_norm"
    with h5py.File(tmp_path / "older.h5", "w") as file:
        file.attrs["layer_names"] = [b"stem", b"fc"]
        for name, shape in wanted.items():
            file[f"{name.split('/')[0]}/{name}"] = np.full(shape, name.endswith("beta") - 1.0)
        file["stem"].attrs["weight_names"] = [name for name in wanted if name.startswith("stem")]
        file["fc"].attrs["weight_names"] = ["fc/kernel"]
    for name in ("newer.h5", "older.h5"):
        with open_tensors(tmp_path / name, wanted) as found:
            assert {name: tensor.shape for name, tensor in found.items()} == wanted
            assert not found["stem/stem_norm/beta"][:].any() and found["stem/stem_norm/gamma"][:].all()


@pytest.mark.parametrize("save", [save_older, save_newer])
def test_error_lists_all_problems(tmp_path, network, tensors, save):
    wrong = dict(tensors, **{"conv_preds/kernel": np.zeros((7, 3), np.float32), "extra/kernel": np.zeros(3)})
    del wrong["conv1/kernel"]
    del wrong["conv_dw_1/kernel"]
    save(tmp_path / "weights.h5", wrong)
    with pytest.raises(ZooError) as error:
        zoo.import_weights(network, tmp_path / "weights.h5", "keras")
    message = str(error.value)
    assert "conv1/kernel is missing; conv_dw_1/kernel is missing" in message and "\n" not in message
    assert "conv_preds/kernel has shape [7, 3], expected [1, 1, 1024, 3]" in message
    assert f"extra/{'kernel:0' if save is save_older else '0'} is unexpected" in message


def test_networks_that_differ_from_the_keras_variant():
    with pytest.raises(
        ZooError, match=r"differs .* pass create_model\('xception', epsilon=0.001, pool_padding='SAME'\)"
    ):
        zoo.import_weights("xception", {}, "keras")
    with pytest.raises(ZooError, match="unknown layout of resnet50 'keras'"):
        zoo.import_weights("resnet50", {}, "keras")


def test_scales_missing_in_keras():
    zeros = {
        variable: np.broadcast_to(np.float32(0), shape)
        for variable, shape in load_keras_reference("inception_resnet_v2")["variables"]
    }
    variables = zoo.import_weights("inception_resnet_v2", zeros, "keras")
    scale = variables["params"]["conv_7b"]["bn"]["scale"]
    assert scale.shape == (1536,) and (scale == 1).all()
    scale[7] = 2
    with pytest.raises(ZooError, match="has no conv_7b/bn/scale, so it must be 1 everywhere"):
        zoo.export_weights("inception_resnet_v2", variables, "keras")


def test_shapes_are_checked_before_values_are_read(tmp_path, network, tensors):
    """The tensor claims a terabyte that is not in the file."""
    save_older(tmp_path / "weights.h5", tensors)
    with h5py.File(tmp_path / "weights.h5", "a") as file:
        del file["conv1/conv1/kernel:0"]
        file["conv1"].create_dataset("conv1/kernel:0", (2**37, 2), "f4")
    with pytest.raises(
        ZooError, match=r"conv1/kernel:0 has shape \[137438953472, 2\], but some of its values are missing"
    ):
        zoo.import_weights(network, tmp_path / "weights.h5", "keras")


def test_keras_model_files_are_rejected(tmp_path):
    with (
        pytest.raises(ZooError, match="model.keras contains code: save only the weights"),
        open_tensors(tmp_path / "model.keras", {}),
    ):
        pass
