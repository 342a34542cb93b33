"""Every network: facts, behaviour, and how it says no."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

import zoo
from verification.facts import load_facts
from verification.facts.derive import FOLDER, derive, to_text
from zoo.errors import ImageTooSmall, ZooError
from zoo.models.registry import entries, find_entry

# One network of each module, as narrow as it can be made, for what does not depend on its size.
NARROW = {
    "alexnet": {"hidden": 16},
    "alexnet_owt": {"hidden": 16},
    "all_cnn_c": {},
    "bn_cnn": {},
    "convnext_tiny": {"depths": (1, 1, 1, 1), "widths": (8, 16, 24, 32), "drop_path": 0.0, "initial_scale": 1.0},
    "densenet121": {"blocks": (2, 2, 2, 2), "growth": 8, "features": 16},
    "efficientnet_b0": {"depth": 0.3, "drop_path": 0.0},
    "googlenet": {},
    "googlenet_bn": {},
    "inception_resnet_v2": {},
    "inception_v3": {},
    "inception_v4": {},
    "lenet5": {},
    "mlp": {},
    "mnasnet1_0": {},
    "mobilenet_v1": {},
    "mobilenet_v2": {},
    "mobilenet_v3_small": {},
    "nin_cifar": {},
    "regnet_y_400mf": {"depths": (1, 1, 1, 1)},
    "resnet18": {"blocks": (1, 1, 1, 1), "width": 8},
    "resnet20": {"blocks": 1},
    "resnetv2_50": {"blocks": (1, 1, 1, 1), "width": 8},
    "shufflenet_v2_x1_0": {},
    "squeezenet1_1": {},
    "vgg11_bn": {"hidden": 16},
    "wrn_16_4": {"blocks": 1, "widening": 1},
    "xception": {},
    "zfnet": {"hidden": 16},
}
FAST = {"xla_backend_optimization_level": 0}  # compiling is what takes the time here


@pytest.fixture(scope="module", params=NARROW)
def narrow(request):
    """(name, a narrow network, its variables, two images of its smallest size, their logits)."""
    name = request.param
    model = zoo.create_model(name, num_classes=5, **NARROW[name])
    shape = (2, model.smallest, model.smallest, find_entry(name).input_shape[-1])
    images = jnp.asarray(np.random.default_rng(0).standard_normal(shape), jnp.float32)
    variables = jax.jit(lambda: model.init(jax.random.key(0), images[:1], train=False), compiler_options=FAST)()
    return name, model, variables, images, logits_of(model, variables, images)


def logits_of(model, variables, images):
    return jax.jit(lambda v, x: model.apply(v, x, train=False), compiler_options=FAST)(variables, images)


def test_there_is_a_narrow_one_of_each_module():
    assert {find_entry(name).module for name in NARROW} == {entry.module for entry in entries().values()}


def test_every_network_has_facts():
    assert [name for name in zoo.list_models() if load_facts(name) is None] == []


def test_the_facts_are_what_the_papers_and_the_references_give():
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


def test_rows_add_up_and_any_number_of_channels_and_classes_will_do():
    for name in NARROW:
        summary = zoo.summarize(name)
        assert sum(row.params for row in summary.rows) == summary.params, name
        assert sum(row.macs for row in summary.rows) == summary.macs, name
        height, width, channels = find_entry(name).input_shape
        other = zoo.summarize(name, (height, width, channels + 1), num_classes=7)
        assert other.params != summary.params and other.rows[-1].output_shape[-1] == 7, name


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
    _, model, _, images, logits = narrow
    size = model.smallest
    assert logits.shape == (2, 5)
    if size > 1:
        with pytest.raises(ImageTooSmall, match=f"at least {size}x{size} pixels; these have"):
            jax.eval_shape(lambda: model.init(jax.random.key(0), images[:, :-1], train=False))


def test_a_batch_gives_what_its_images_give_alone(narrow):
    _, model, variables, images, together = narrow
    alone = jnp.concatenate([logits_of(model, variables, images[i : i + 1]) for i in range(2)])
    np.testing.assert_allclose(together, alone, atol=1e-5 * float(jnp.abs(together).max()))
    assert jax.eval_shape(lambda x: model.apply(variables, x, train=False), images[:0]).shape == (0, 5)


def test_bfloat16_is_close_to_float32(narrow):
    name, _, variables, images, exact = narrow
    rough = logits_of(zoo.create_model(name, num_classes=5, dtype=jnp.bfloat16, **NARROW[name]), variables, images)
    assert rough.dtype == jnp.bfloat16
    assert float(jnp.abs(rough.astype(jnp.float32) - exact).max()) < 3e-2 * float(jnp.abs(exact).max())


def test_a_training_step_moves_every_parameter_and_every_statistic(narrow):
    """A shift that batch normalization takes out again, behind a linear layer, has a gradient of rounding errors alone."""
    _, model, variables, images, _ = narrow
    images = jax.random.normal(jax.random.key(5), (8, *images.shape[1:]))

    def loss(params, key):
        logits, updated = model.apply(
            {**variables, "params": params}, images, train=True, rngs={"dropout": key}, mutable=["batch_stats"]
        )
        return (logits**2).sum(), (logits, updated)

    step = jax.jit(jax.grad(loss, has_aux=True), compiler_options=FAST)
    gradients, (logits, updated) = step(variables["params"], jax.random.key(1))
    still = [path for path, leaf in traverse_util.flatten_dict(gradients, sep="/").items() if not jnp.any(leaf != 0)]
    assert still == []
    before, after = (traverse_util.flatten_dict(tree.get("batch_stats", {}), sep="/") for tree in (variables, updated))
    assert [path for path in before if np.array_equal(before[path], after[path])] == []
    if getattr(model, "dropout", 0.0):
        assert not np.allclose(logits, step(variables["params"], jax.random.key(2))[1][0])


def test_dropout_only_acts_in_training():
    model = zoo.create_model("alexnet", num_classes=5, dropout=0.0, hidden=16)
    images = jnp.ones((1, 67, 67, 3))
    variables = model.init(jax.random.key(0), images, train=False)
    np.testing.assert_array_equal(
        model.apply(variables, images, train=True), model.apply(variables, images, train=False)
    )


def test_networks_can_be_exported(narrow):
    _, model, variables, images, logits = narrow
    exported = jax.export.export(
        jax.jit(lambda v, x: model.apply(v, x, train=False)), platforms=["cpu", "cuda", "tpu"]
    )(variables, images)
    restored = jax.export.deserialize(exported.serialize())
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


def test_alexnet_starts_as_the_paper_says():
    params = zoo.create_model("alexnet", hidden=64).init(jax.random.key(0), jnp.zeros((1, 67, 67, 3)))["params"]
    ones = {layer for layer, of_layer in params.items() if bool(jnp.all(of_layer["bias"] == 1))}
    zeros = {layer for layer, of_layer in params.items() if bool(jnp.all(of_layer["bias"] == 0))}
    assert ones == {"conv2", "conv4", "conv5", "fc6", "fc7"} and zeros == {"conv1", "conv3", "fc8"}
    for of_layer in params.values():
        kernel = of_layer["kernel"]  # the standard error of a deviation is 1 / sqrt(2 n) of it; four of them
        assert abs(float(kernel.std()) / 0.01 - 1) < 4 / np.sqrt(2 * kernel.size)


def test_alexnet_owt_starts_as_pytorch_would():
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
    with pytest.raises(ZooError, match="num_classes is 0"):
        zoo.create_model("alexnet", num_classes=0)
