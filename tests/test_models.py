"""Every network: facts, behaviour, and how it says no."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zoo
from verification.facts import load_facts
from verification.facts.derive import FOLDER, derive, to_text
from zoo.errors import ImageTooSmall, ZooError
from zoo.models.registry import entries, find_entry

SMALLEST = {"alexnet": 67, "alexnet_owt": 63}  # by arithmetic: what leaves one pixel in front of fc6
NARROW = {"hidden": 16}


@pytest.fixture(scope="module", params=zoo.list_models())
def narrow(request):
    """(name, network with narrow fully connected layers, its variables, two images of its smallest size)."""
    size = SMALLEST[request.param]
    model = zoo.create_model(request.param, num_classes=5, **NARROW)
    images = jnp.asarray(np.random.default_rng(0).standard_normal((2, size, size, 3)), jnp.float32)
    return request.param, model, model.init(jax.random.key(0), images, train=False), images


@pytest.mark.parametrize("name", zoo.list_models())
def test_every_network_has_facts_and_agrees_with_each_source(name):
    facts, summary = load_facts(name), zoo.summarize(name)
    assert facts is not None
    assert summary.input_shape == tuple(facts["input_shape"])
    for source in facts["sources"]:
        assert (summary.params, summary.batch_stats, summary.macs) == (
            source["params"],
            source["batch_stats"],
            source["macs"],
        )
    rows = [[row.name, row.type, list(row.output_shape), row.params, row.macs] for row in summary.rows]
    assert rows == facts["layers"]


def test_the_facts_are_what_the_papers_tables_give():
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


@pytest.mark.parametrize("name", zoo.list_models())
def test_rows_add_up_and_nothing_is_allocated(name):
    summary = zoo.summarize(name)
    assert sum(row.params for row in summary.rows) == summary.params
    assert sum(row.macs for row in summary.rows) == summary.macs
    grey = zoo.summarize(name, (*find_entry(name).input_shape[:2], 1), num_classes=10)
    assert grey.params < summary.params and grey.rows[-1].output_shape == (10,)


def test_summary_of_a_module_and_of_a_foreign_one():
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
    with pytest.raises(ZooError, match="say its input_shape"):
        zoo.summarize(Foreign())


def test_the_smallest_image_works_and_one_pixel_less_does_not(narrow):
    name, model, variables, images = narrow
    assert model.apply(variables, images, train=False).shape == (2, 5)
    smaller = images[:, :-1]
    with pytest.raises(ImageTooSmall, match=f"at least {SMALLEST[name]}x{SMALLEST[name]} pixels; these have"):
        jax.eval_shape(lambda: model.init(jax.random.key(0), smaller, train=False))


def test_a_batch_gives_what_its_images_give_alone(narrow):
    _, model, variables, images = narrow
    together = model.apply(variables, images, train=False)
    alone = jnp.concatenate([model.apply(variables, images[i : i + 1], train=False) for i in range(2)])
    np.testing.assert_allclose(together, alone, atol=1e-5 * float(jnp.abs(together).max()))
    assert model.apply(variables, images[:0], train=False).shape == (0, 5)


def test_bfloat16_is_close_to_float32(narrow):
    name, model, variables, images = narrow
    exact = model.apply(variables, images, train=False)
    rough = zoo.create_model(name, num_classes=5, dtype=jnp.bfloat16, **NARROW).apply(variables, images, train=False)
    assert rough.dtype == jnp.bfloat16
    assert float(jnp.abs(rough.astype(jnp.float32) - exact).max()) < 3e-2 * float(jnp.abs(exact).max())


def test_a_training_step_moves_every_parameter_and_dropout_only_acts_in_training(narrow):
    _, model, variables, images = narrow

    def loss(params):
        return (model.apply({"params": params}, images, train=True, rngs={"dropout": jax.random.key(1)}) ** 2).sum()

    gradients = jax.grad(loss)(variables["params"])
    assert all(bool(jnp.any(leaf != 0)) for leaf in jax.tree.leaves(gradients))
    trained = [model.apply(variables, images, train=True, rngs={"dropout": jax.random.key(k)}) for k in (1, 2)]
    assert not np.allclose(*trained)
    without = zoo.create_model(narrow[0], num_classes=5, dropout=0.0, **NARROW)
    np.testing.assert_array_equal(
        without.apply(variables, images, train=True), without.apply(variables, images, train=False)
    )


def test_networks_can_be_exported(narrow):
    _, model, variables, images = narrow
    exported = jax.export.export(
        jax.jit(lambda v, x: model.apply(v, x, train=False)), platforms=["cpu", "cuda", "tpu"]
    )(variables, images)
    restored = jax.export.deserialize(exported.serialize())
    np.testing.assert_allclose(restored.call(variables, images), model.apply(variables, images, train=False), rtol=1e-5)


def test_alexnet_starts_as_the_paper_says():
    params = zoo.create_model("alexnet", hidden=64).init(jax.random.key(0), jnp.zeros((1, 67, 67, 3)))["params"]
    ones = {layer for layer, of_layer in params.items() if bool(jnp.all(of_layer["bias"] == 1))}
    zeros = {layer for layer, of_layer in params.items() if bool(jnp.all(of_layer["bias"] == 0))}
    assert ones == {"conv2", "conv4", "conv5", "fc6", "fc7"} and zeros == {"conv1", "conv3", "fc8"}
    for of_layer in params.values():
        kernel = of_layer["kernel"]  # the standard error of a deviation is 1 / sqrt(2 n) of it; four of them
        assert abs(float(kernel.std()) / 0.01 - 1) < 4 / np.sqrt(2 * kernel.size)


def test_alexnet_owt_starts_as_pytorch_would():
    params = zoo.create_model("alexnet_owt", hidden=64).init(jax.random.key(0), jnp.zeros((1, 63, 63, 3)))["params"]
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
    with pytest.raises(ZooError, match="num_classes is 0"):
        zoo.create_model("alexnet", num_classes=0)
