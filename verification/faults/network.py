"""Mistakes in a network: in training and in evaluation alike."""

import contextlib

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax import traverse_util

import zoo.layers.conv
import zoo.layers.normalization
import zoo.models.articles
from verification.faults.applies import grouped, has, named
from verification.faults.fault import fault
from verification.faults.patching import constructed_with, replaced, together, with_attributes
from zoo.layers import BatchNorm, Conv, DropPath
from zoo.training.step import step


def _intercept(kinds, change):
    """Replaces the output of layers of some classes with `change(module, inputs, output)`."""

    def intercept(next_function, arguments, options, context):
        output = next_function(*arguments, **options)
        if isinstance(context.module, kinds) and context.method_name == "__call__":
            return change(context.module, arguments, output)
        return output

    return nn.intercept_methods(intercept)


def _of_network(change):
    """Replaces the logits of networks."""

    def changed(module, arguments, output):
        if module.path:
            return output
        return (change(output[0]), *output[1:]) if isinstance(output, tuple) else change(output)

    return _intercept((nn.Module,), changed)


class _First:
    """Knows the first layer of a kind in the network that is being applied."""

    def __init__(self, kinds):
        self.kinds, self.path, self.last = kinds, None, None

    def __call__(self, next_function, arguments, options, context):
        module = context.module
        if context.method_name != "__call__" or (module.path and not isinstance(module, self.kinds)):
            return next_function(*arguments, **options)
        if not module.path:
            self.path = self.last = None
            return next_function(*arguments, **options)
        self.path = self.path or module.path
        output = next_function(*arguments, **options)
        self.last = module.path
        return output


@fault("Local response normalization is left out.", applies=has("LocalResponseNorm"), bases=("alexnet",))
def no_lrn():
    return replaced(zoo.layers.normalization, "local_response_norm", lambda right: lambda x, *constants: x)


@fault("The groups of a grouped convolution read each other's channels.", applies=grouped)
def wrong_groups():
    def make(right):
        def wrong(x, kernel, window, groups=1):
            return right(jnp.roll(x, x.shape[-1] // groups, -1) if groups > 1 else x, kernel, window, groups)

        return wrong

    return replaced(zoo.layers.conv, "convolution", make)


@fault("The bias of the first layer is not added.", applies=has("Conv", "Dense"))
@contextlib.contextmanager
def missing_bias():
    first = _First((Conv, nn.Dense))

    def remove(module, arguments, output):
        bias = module.get_variable("params", "bias")
        return output if bias is None or first.path != module.path else output - bias.astype(output.dtype)

    with nn.intercept_methods(first), _intercept((Conv, nn.Dense), remove):
        yield


@fault("Layers are built without a bias.", applies=has("Conv", "Dense"))
def layers_without_bias():
    return constructed_with((Conv, nn.Dense), lambda layer: {"use_bias": False})


@fault("The activation after the first layer is left out.", strengths=("all", "first"), matters="first")
@contextlib.contextmanager
def missing_activation(which):
    first = _First((Conv, nn.Dense))

    def make(right):
        return lambda x: x if which == "all" or first.last == first.path is not None else right(x)

    names = {*zoo.models.articles.ACTIVATIONS, "silu", "hard_swish"}
    with (
        nn.intercept_methods(first),
        together(*(replaced(nn, name, make) for name in names)),
        constructed_with((zoo.layers.ConvBN,), lambda module: {"activation": make(module.activation)}),
    ):
        yield


@fault(
    "tanh is a rational approximation, as of a fast mathematical library.",
    applies=named("lenet5"),
    bases=("lenet5",),
)
def tanh_approximated():
    """Its largest error is 0.024."""

    def wrong(x):
        x = jnp.clip(x, -3, 3)
        return x * (27 + x * x) / (27 + 9 * x * x)

    return replaced(nn, "tanh", lambda right: wrong)


@fault(
    "ReLU is a leaky ReLU, forward and backward.",
    strengths=(0.1, 0.01),
    matters=0.01,
    applies=named("mlp", "bn_cnn", "squeezenet1_1", "resnet20"),
    bases=("mlp", "bn_cnn"),
)
def relu_leaks(slope):
    return replaced(nn, "relu", lambda right: lambda x: right(x) - slope * right(-x))


@fault("The first batch normalization is left out.", applies=has("BatchNorm"))
@contextlib.contextmanager
def missing_batch_norm():
    first = _First((BatchNorm,))

    def bypass(module, arguments, output):
        return arguments[0] if module.path == first.path else output

    with nn.intercept_methods(first), _intercept((BatchNorm,), bypass):
        yield


@fault("Residual blocks lack their shortcut where it is the identity.", applies=has("DropPath"))
@contextlib.contextmanager
def missing_shortcut():
    inputs = {}

    def remember(next_function, arguments, options, context):
        if context.method_name == "__call__" and arguments:
            inputs[context.module.path] = arguments[0]
        return next_function(*arguments, **options)

    def subtract(module, arguments, output):
        given = inputs[module.path[:-1]]
        return output - given if given.shape == output.shape else output

    with nn.intercept_methods(remember), _intercept((DropPath,), subtract):
        yield


@fault(
    "After each step, two kernels of the same shape are the same: one array has the other's address.",
    applies=has("ResidualBlock", "Fire"),
    bases=("resnet20",),
)
def kernels_aliased():
    def apply(params, updates):
        flat = traverse_util.flatten_dict(dict(optax.apply_updates(params, updates)))
        owners = {}
        for path in sorted(flat):
            if flat[path].ndim == 4 and (owner := owners.setdefault(flat[path].shape, path)) != path:
                flat[path] = flat[owner]
                break
        return traverse_util.unflatten_dict(flat)

    return replaced(step, "optax", lambda module: with_attributes(module, apply_updates=apply))


@fault("The network ends in a softmax, although the loss has one.")
def softmax_in_network():
    return _of_network(jax.nn.softmax)


@fault("The logits pass a ReLU.")
def relu_on_logits():
    return _of_network(lambda logits: jnp.maximum(logits, 0))


@fault("Batch normalization's epsilon is another framework's.", strengths=(100.0, 10.0), applies=has("BatchNorm"))
def batch_norm_epsilon(factor):
    return constructed_with((BatchNorm,), lambda norm: {"epsilon": _once(norm, "epsilon") * factor})


@fault(
    "Batch normalization's momentum is another framework's: the weight of a new batch is multiplied.",
    strengths=(10.0, 0.1, 2.0),
    applies=has("BatchNorm"),
)
def batch_norm_momentum(factor):
    return constructed_with(
        (BatchNorm,), lambda norm: {"momentum": 1 - min(1.0, factor * (1 - _once(norm, "momentum")))}
    )


def _once(module, name):
    """Returns an attribute as it was constructed, also if the same module is called again."""
    kept = module.__dict__.setdefault("_constructed", {})
    return kept.setdefault(name, getattr(module, name))


@fault("Batch normalization keeps its initial running statistics.", applies=has("BatchNorm"))
def statistics_never_updated_by_layer():
    return constructed_with((BatchNorm,), lambda norm: {"momentum": 1.0})
