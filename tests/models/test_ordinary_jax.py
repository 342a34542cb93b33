"""Tests that every network is ordinary JAX: transformations and external tools work as on plain Flax networks."""

import logging

import flax.linen as nn
import jax
import numpy as np
import pytest
from jax.extend.core import Literal

import zoo
from verification.architecture.behaviour import create_shallow, random_variables
from zoo.compilation import compile_quickly, run_once
from zoo.models.registry import entries, find_entry

SIDE = 16  # pixels, or the network's minimum if larger
QUICK = ("alexnet", "bn_cnn", "lenet5", "mlp", "resnet18")
# With the quick ones, every kind of layer; the others, made of the same layers, are marked `full`.
SLOW = ("convnext_tiny", "efficientnet_b0", "shufflenet_v2_x1_0")


def marks(names):
    """Returns the mark of the fastest of several equivalent networks."""
    if any(name in QUICK for name in names):
        return ()
    return pytest.mark.slow if any(name in SLOW for name in names) else pytest.mark.full


class Network:
    """A network without repeated blocks, for three classes, with random variables, two images and their logits."""

    def __init__(self, name):
        shape = find_entry(name).input_shape
        self.model = create_shallow(name, num_classes=3)
        side = max(self.model.smallest, min(SIDE, shape[0]))
        self.images = np.random.default_rng(1).standard_normal((2, side, side, shape[-1])).astype(np.float32)
        self.variables = random_variables(self.model, self.images)
        self.largest = np.float32(1)
        self.largest = np.abs(run_once(self.apply, self.variables, self.images)).max()
        self.logits = run_once(self.apply, self.variables, self.images)
        ones = np.random.default_rng(2)
        self.directions = [
            jax.tree.map(lambda leaf: ones.standard_normal(leaf.shape, np.float32), self.variables["params"])
            for _ in range(2)
        ]

    def apply(self, variables, images):
        """Returns logits [N, 3], scaled to a maximum of about one: products of small ones would underflow."""
        return self.model.apply(variables, images, train=False) / self.largest

    def loss(self, params):
        """Returns a scalar that is not linear in the logits, for the first image."""
        return (self.apply({**self.variables, "params": params}, self.images[:1]) ** 2).sum()


def different_networks():
    """Returns all networks that differ without repeated blocks: of ResNet-20 and ResNet-110, for example, only one."""
    names = {}
    for name in entries():
        names.setdefault(create_shallow(name), []).append(name)
    return [pytest.param(same[0], id="=".join(same), marks=marks(same)) for same in names.values()]


@pytest.fixture(scope="module", params=different_networks())
def network(request):
    return Network(request.param)


def product(left, right):
    return sum(jax.tree.leaves(jax.tree.map(lambda a, b: np.vdot(np.float64(a), np.float64(b)), left, right)))


def length(tree):
    return np.sqrt(product(tree, tree))


def test_forward_mode_and_products_with_the_hessian(network):
    """Under `jax.checkpoint`, forward mode matches the gradient, and the forward-over-reverse Hessian is symmetric."""

    def along(direction):
        loss = jax.value_and_grad(jax.checkpoint(network.loss))
        return jax.jvp(loss, (network.variables["params"],), (direction,))

    one, other = network.directions
    run = compile_quickly(along, one)
    (_, gradient), (slope, curved) = jax.device_get(run(one))
    assert length(curved) > 0
    assert abs(product(gradient, one) - slope) <= 1e-4 * length(gradient) * length(one)
    _, (_, other_curved) = jax.device_get(run(other))
    bound = length(curved) * length(other) + length(other_curved) * length(one)
    assert abs(product(curved, other) - product(other_curved, one)) <= 1e-4 * bound


def test_jacobian_in_forward_mode_through_the_input(network):
    """Compares the Jacobian with respect to a shift of each channel with the Jacobian in reverse mode."""

    def logits(shift):
        return network.apply(network.variables, network.images[:1] + shift)[0]

    shift = np.zeros(network.images.shape[-1], np.float32)
    forward, reverse = run_once(lambda shift: (jax.jacfwd(logits)(shift), jax.jacrev(logits)(shift)), shift)
    assert forward.shape == (3, len(shift)) and np.abs(forward).max() > 0
    np.testing.assert_allclose(forward, reverse, atol=1e-4 * np.abs(reverse).max())


def test_without_jit(network):
    """Evaluates the network eagerly, as in debugging."""
    with jax.disable_jit():
        logits = network.apply(network.variables, network.images)
    np.testing.assert_allclose(logits, network.logits, atol=1e-5)


def interpret(jaxpr, constants, arguments):
    """Evaluates a jaxpr equation by equation, as in JAX's guide to interpreters."""
    values = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*constants, *arguments), strict=True))

    def read(atom):
        return atom.val if isinstance(atom, Literal) else values[atom]

    for equation in jaxpr.eqns:
        inputs = [read(atom) for atom in equation.invars]
        inner = next((equation.params[name] for name in ("jaxpr", "call_jaxpr") if name in equation.params), None)
        if inner is not None:  # a call, of jax.jit or of a function with a custom derivative such as jax.nn.relu
            outputs = interpret(inner.jaxpr, inner.consts, inputs)
        else:
            outputs = equation.primitive.bind(*inputs, **equation.params)
            outputs = outputs if equation.primitive.multiple_results else [outputs]
        values.update(zip(equation.outvars, outputs, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def test_custom_jaxpr_interpreter(network):
    closed = jax.make_jaxpr(network.apply)(network.variables, network.images)
    arguments = jax.tree.leaves((network.variables, network.images))
    (logits,) = interpret(closed.jaxpr, closed.consts, arguments)
    np.testing.assert_allclose(logits, network.logits, atol=1e-5)
    primitives = set(map(str, all_primitives(closed.jaxpr)))
    assert primitives and not [name for name in primitives if name.startswith(("zoo", "custom_vjp", "ffi"))]


def all_primitives(jaxpr):
    for equation in jaxpr.eqns:
        yield equation.primitive
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from all_primitives(inner)


def test_checkpoint(network):
    """Applies `jax.checkpoint` outside and inside `jax.jit`; the test of the Hessian covers its derivatives."""
    again = jax.checkpoint(network.apply)
    for logits in (again(network.variables, network.images), run_once(again, network.variables, network.images)):
        np.testing.assert_allclose(logits, network.logits, atol=1e-5)


def test_vmap_over_parameters(network):
    other = jax.tree.map(lambda leaf: leaf * np.float32(0.9), network.variables)
    both = jax.tree.map(lambda *leaves: np.stack(leaves), network.variables, other)
    logits = run_once(jax.vmap(network.apply, (0, None)), both, network.images)
    np.testing.assert_allclose(logits[0], network.logits, atol=1e-5)
    alone = run_once(network.apply, other, network.images)
    np.testing.assert_allclose(logits[1], alone, atol=1e-5 * max(1, np.abs(alone).max()))


def test_export_for_any_batch_size(network):
    (batch,) = jax.export.symbolic_shape("batch")
    images = jax.ShapeDtypeStruct((batch, *network.images.shape[1:]), np.float32)
    variables = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), network.variables)
    exported = jax.export.export(jax.jit(network.apply), platforms=["cpu", "cuda", "tpu"])(variables, images)
    restored = jax.export.deserialize(exported.serialize())
    for count in (1, 2):
        logits = run_once(restored.call, network.variables, network.images[:count])
        np.testing.assert_allclose(logits, network.logits[:count], atol=1e-5)


def test_tabulate(network):
    table = nn.tabulate(network.model, jax.random.key(0), console_kwargs={"width": 200})(network.images, train=False)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(network.variables["params"]))
    assert type(network.model).__name__ in table and f"{parameters:,}" in table


def test_onnx(network):
    """Exports for any batch size with jax2onnx, and compares the logits of onnxruntime."""
    runtime = pytest.importorskip("onnxruntime")
    logging.disable(logging.WARNING)  # jax2onnx logs tracebacks for plugins that this version of JAX does not support
    try:
        jax2onnx = pytest.importorskip("jax2onnx")
        model = jax2onnx.to_onnx(
            lambda images: network.apply(network.variables, images), [("batch", *network.images.shape[1:])]
        )
    finally:
        logging.disable(logging.NOTSET)
    session = runtime.InferenceSession(model.SerializeToString())
    for count in (1, 2):
        (logits,) = session.run(None, {session.get_inputs()[0].name: network.images[:count]})
        np.testing.assert_allclose(logits, network.logits[:count], atol=1e-4 * network.logits.std())


TOLERANCES = {"lenet5": 1e-5, "bn_cnn": 4e-4}  # ten times the difference between processors after ten steps


@pytest.mark.parametrize("name", TOLERANCES)
def test_training_losses_agree_between_lowerings(name):
    recipe = zoo.load_recipe(name).override({"budget.steps": 10, "target": None})
    losses = {}
    for lowering in ("xla", "fast"):
        with zoo.convolution_lowering(lowering):
            history = zoo.fit(recipe).history
        losses[lowering] = np.array([record["loss"] for record in history if record["kind"] == "train"])
    assert len(losses["xla"]) == 10 and not np.array_equal(losses["xla"], losses["fast"])
    np.testing.assert_allclose(losses["xla"], losses["fast"], rtol=TOLERANCES[name])
