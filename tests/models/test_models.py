"""Tests of every network: facts from the papers, behavior, and errors."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zoo
from verification.architecture.behaviour import create_shallow
from verification.facts import load_facts
from verification.facts.derive import FOLDER, derive, to_text
from zoo.errors import ImageTooSmall, ZooError
from zoo.models.registry import entries, find_entry


def one_of_each_module():
    """Returns the first network of each module, by name."""
    return {entry.module: name for name, entry in reversed(entries().items())}.values()


def test_every_network_has_facts():
    assert [name for name in zoo.list_models() if load_facts(name) is None] == []


def test_facts_match_the_papers_and_references():
    derived = derive()
    assert sorted(derived) == zoo.list_models()
    for name, facts in derived.items():
        assert (FOLDER / f"{name}.json").read_text() == to_text(facts)


def test_alexnet_has_the_papers_shapes():
    summary = zoo.summarize("alexnet")
    shapes = [row.output_shape for row in summary.rows if row.type in ("Conv", "MaxPool", "Dense")]
    assert shapes == [
        (55, 55, 96), (27, 27, 96), (27, 27, 256), (13, 13, 256), (13, 13, 384), (13, 13, 384), (13, 13, 256),
        (6, 6, 256), (4096,), (4096,), (1000,),
    ]  # fmt: skip
    assert (summary.params, summary.macs) == (60_965_224, 724_406_816)
    assert zoo.summarize("alexnet_owt").params == 61_100_840


@pytest.mark.parametrize("name", one_of_each_module())
def test_totals_and_any_number_of_channels_and_classes(name):
    height, width, channels = find_entry(name).input_shape
    summary = zoo.summarize(create_shallow(name, num_classes=7), (height, width, channels + 1))
    assert sum(row.params for row in summary.rows) == summary.params
    assert sum(row.macs for row in summary.rows) == summary.macs
    assert summary.rows[-1].output_shape[-1] == 7


def test_summary_of_a_module_from_the_zoo_and_from_elsewhere():
    assert zoo.summarize(zoo.create_model("alexnet")) == zoo.summarize("alexnet")

    class Foreign(nn.Module):
        @nn.compact
        def __call__(self, images, train=False):
            x = nn.Conv(4, (3, 3), name="conv")(images)
            scale = self.param("scale", nn.initializers.ones, (4,))
            x = nn.BatchNorm(use_running_average=not train, name="norm")(x * scale)
            return nn.Dense(2, name="head")(x.mean((1, 2)))

    summary = zoo.summarize(Foreign(), (8, 8, 3))
    assert [(row.name, row.type, row.params) for row in summary.rows] == [
        ("conv", "Conv", 112),
        ("norm", "BatchNorm", 8),
        ("head", "Dense", 10),
        ("", "Foreign", 4),
    ]
    assert (summary.params, summary.batch_stats, summary.macs) == (134, 8, 8 * 8 * 3 * 3 * 3 * 4 + 8)
    with pytest.raises(ZooError, match="pass input_shape="):
        zoo.summarize(Foreign())


@pytest.mark.parametrize("name", zoo.list_models())
def test_minimum_image_size(name):
    model, channels = create_shallow(name), find_entry(name).input_shape[-1]
    size = model.smallest

    def logits(height):
        return jax.eval_shape(
            lambda images: model.init_with_output(jax.random.key(0), images, train=False)[0],
            jax.ShapeDtypeStruct((2, height, size, channels), jnp.float32),
        )

    assert logits(size).shape == (2, model.num_classes)
    if size > 1:
        with pytest.raises(ImageTooSmall, match=f"at least {size}x{size} pixels, got"):
            logits(size - 1)


def test_dropout_only_acts_in_training():
    model = zoo.create_model("alexnet", num_classes=5, dropout=0.0, hidden=16)
    images = jnp.ones((1, 67, 67, 3))
    variables = model.init(jax.random.key(0), images, train=False)
    np.testing.assert_array_equal(
        model.apply(variables, images, train=True), model.apply(variables, images, train=False)
    )


@pytest.mark.parametrize(("name", "heads"), [("googlenet", 2), ("googlenet_bn", 2), ("inception_v3", 1)])
def test_auxiliary_heads_return_logits_only_in_training(name, heads):
    model = zoo.create_model(name, num_classes=5, aux_heads=True)
    images = jnp.zeros((2, model.smallest, model.smallest, 3))
    rngs = dict.fromkeys(("params", "dropout"), jax.random.key(0))

    def outputs(train):
        return jax.eval_shape(lambda: model.init_with_output(rngs, images, train=train)[0])

    assert outputs(train=False).shape == (2, 5)
    logits, of_heads = outputs(train=True)
    assert logits.shape == (2, 5) and [head.shape for head in of_heads] == [(2, 5)] * heads


def test_an_exported_network_gives_the_same_logits():
    model = zoo.create_model("alexnet", num_classes=5, hidden=16)
    images = jnp.asarray(np.random.default_rng(0).standard_normal((2, 67, 67, 3)), jnp.float32)
    variables = model.init(jax.random.key(0), images, train=False)
    apply = jax.jit(lambda variables, images: model.apply(variables, images, train=False))
    exported = jax.export.export(apply, platforms=["cpu", "cuda", "tpu"])(variables, images)
    restored = jax.export.deserialize(exported.serialize())
    logits = apply(variables, images)
    np.testing.assert_allclose(
        restored.call(variables, images), logits, rtol=1e-4, atol=1e-5 * float(jnp.abs(logits).max())
    )


def test_activations_by_name():
    model = zoo.create_model("alexnet", num_classes=5, hidden=16)
    images = jnp.ones((2, 67, 67, 3))
    variables = model.init(jax.random.key(0), images, train=False)
    found = zoo.features(model, variables, images, ["fc8", "conv1"])
    assert list(found) == ["conv1", "fc8"] and found["conv1"].shape == (2, 15, 15, 96)
    np.testing.assert_array_equal(found["fc8"], model.apply(variables, images, train=False))
    everything = zoo.features(model, variables, images)
    assert list(everything) == [row.name for row in zoo.summarize(model, (67, 67, 3)).rows]
    with pytest.raises(ZooError, match="unknown layer of AlexNet 'conv9': did you mean 'conv"):
        zoo.features(model, variables, images, ["conv9"])


def test_alexnet_is_initialized_as_in_the_paper():
    params = zoo.create_model("alexnet", hidden=64).init(jax.random.key(0), jnp.zeros((1, 67, 67, 3)))["params"]
    ones = {layer for layer, of_layer in params.items() if bool(jnp.all(of_layer["bias"] == 1))}
    zeros = {layer for layer, of_layer in params.items() if bool(jnp.all(of_layer["bias"] == 0))}
    assert ones == {"conv2", "conv4", "conv5", "fc6", "fc7"} and zeros == {"conv1", "conv3", "fc8"}
    for of_layer in params.values():
        kernel = of_layer["kernel"]  # four standard errors of a standard deviation, each 1 / sqrt(2 n) of it
        assert abs(float(kernel.std()) / 0.01 - 1) < 4 / np.sqrt(2 * kernel.size)


def test_alexnet_owt_is_initialized_as_in_pytorch():
    model = zoo.create_model("alexnet_owt", hidden=64)
    params = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, 63, 63, 3)))["params"]
    for layer in params.values():
        bound = 1 / np.sqrt(np.prod(layer["kernel"].shape[:-1]))
        for values in layer.values():
            assert float(jnp.abs(values).max()) <= bound * (1 + 1e-6)  # float32
        assert float(layer["kernel"].std()) == pytest.approx(bound / np.sqrt(3), rel=0.05)


def test_names_and_options():
    assert zoo.list_models("alexnet*") == ["alexnet", "alexnet_owt"] and zoo.list_models("nothing*") == []
    assert sorted(entries()) == zoo.list_models()
    with pytest.raises(ZooError, match="unknown model 'alexnt': did you mean 'alexnet'"):
        zoo.create_model("alexnt")
    with pytest.raises(ZooError, match="unknown option of alexnet 'dropuot': did you mean 'dropout'"):
        zoo.create_model("alexnet", dropuot=0.1)
    with pytest.raises(ZooError, match="num_classes must be from 1 to .*, not 0"):
        zoo.create_model("alexnet", num_classes=0)
    for name, options, message in (
        ("alexnet", {"dropout": 50}, "alexnet: dropout must be in \\[0, 1\\), not 50"),
        ("alexnet", {"dropout": "0.5"}, "alexnet: dropout must be a number, not '0.5'"),
        ("mlp", {"hidden": 64}, "mlp: hidden must be a list of integers, not 64"),
    ):
        with pytest.raises(ZooError, match=message):
            zoo.create_model(name, **options)
    assert zoo.create_model("mlp", hidden=[64]).hidden == (64,)


def test_alexnet_with_same_padding_has_other_shapes():
    shapes = {row.name: row.output_shape for row in zoo.summarize(zoo.create_model("alexnet", padding="SAME")).rows}
    assert shapes["conv1"] == (57, 57, 96) and shapes["pool1"] == (28, 28, 96)  # ceil(227 / 4); floor((57 - 3) / 2) + 1


@pytest.mark.parametrize(
    ("activation", "formula"),
    {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh, "relu": lambda x: x * (x > 0)}.items(),
)
def test_activations_of_mlp(activation, formula):
    model = zoo.create_model("mlp", 3, hidden=(5,), activation=activation)
    features = np.random.default_rng(0).standard_normal((4, 6))
    variables = model.init(jax.random.key(0), jnp.asarray(features))
    fc1, fc2 = (variables["params"][name] for name in ("fc1", "fc2"))
    expected = formula(features @ fc1["kernel"] + fc1["bias"]) @ fc2["kernel"] + fc2["bias"]
    np.testing.assert_allclose(model.apply(variables, jnp.asarray(features)), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ZooError, match="unknown activation of mlp 'relo': did you mean 'relu'"):
        zoo.summarize(zoo.create_model("mlp", 3, activation="relo"))
