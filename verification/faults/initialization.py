"""Mistakes in initial weights."""

import dataclasses
import math

import flax.linen as nn
import jax
import numpy as np

import zoo.training.experiment
import zoo.training.prepare.network
import zoo.training.step.initialization
from verification.faults.applies import has, named, own_initialization
from verification.faults.fault import fault
from verification.faults.patching import replaced, together
from zoo.layers.initializers import VarianceScaling
from zoo.recipe import GlorotNormal, GlorotUniform, HeNormal, HeUniform, LeCunNormal, LeCunUniform, Normal
from zoo.training.step.initialization import TRUNCATED_STD


def _drawn(change):
    """Changes the parameters that are drawn: `change(drawn, params) -> changed`, dictionaries by path."""

    def make(right):
        def wrong(initialization, own, seed, params):
            drawn = right(initialization, own, seed, params)
            return {**drawn, **change(drawn, params)}

        return wrong

    return replaced(zoo.training.experiment, "draw_parameters", make)


def _kernels(drawn):
    return {path: values for path, values in drawn.items() if values.ndim > 1}


def _gaussian(recipe):
    """Whether the recipe draws kernels from a Gaussian that is not truncated."""
    laws = (recipe.initialization.kernel, *recipe.initialization.exceptions.values())
    kinds = Normal | HeNormal | GlorotNormal | LeCunNormal
    return any(isinstance(law, kinds) and not getattr(law, "truncated", False) for law in laws)


@fault("Initial weights are multiplied by 10.")
def wide_initialization():
    return replaced(zoo.training.step.initialization, "draw", lambda right: lambda *arguments: 10 * right(*arguments))


@fault("Initial kernels are scaled.", strengths=(3.0, 0.1, 1.05, 0.0), matters=1.05)
def initialization_scaled(factor):
    return _drawn(lambda drawn, params: {path: np.float32(factor) * values for path, values in _kernels(drawn).items()})


@fault("The initial kernel of one layer is scaled.", strengths=(3.0, 1.5, 1.1), matters=1.5)
def one_layer_scaled(factor):
    def change(drawn, params):
        path = max(_kernels(drawn), key=lambda each: (drawn[each].size, each))
        return {path: np.float32(factor) * drawn[path]}

    return _drawn(change)


@fault("Initial kernels are constant.")
def initialization_constant():
    return _drawn(lambda drawn, params: {path: np.full_like(values, 0.01) for path, values in _kernels(drawn).items()})


@fault("Initial kernels have an offset of a tenth of their standard deviation.")
def initialization_offset():
    return _drawn(
        lambda drawn, params: {
            path: values + np.float32(0.1 * values.std()) for path, values in _kernels(drawn).items()
        }
    )


@fault("Initial biases are not zero.", strengths=(0.1, 0.01), matters=0.1)
def biases_offset(value):
    return _drawn(
        lambda drawn, params: {
            path: values + np.float32(value) for path, values in drawn.items() if path.endswith("/bias")
        }
    )


@fault(
    "Biases are drawn as PyTorch's default: uniformly within the inverse root of the inputs.",
    applies=has("Conv", "Dense"),
    bases=("mlp", "lenet5"),
)
def biases_drawn():
    def make(right):
        def wrong(initialization, own, seed, params):
            drawn, random = right(initialization, own, seed, params), np.random.default_rng(int(seed))
            for path in sorted(path for path in drawn if path.endswith("/bias")):
                kernel = params.get(f"{path.removesuffix('bias')}kernel")
                if kernel is not None:  # the others are those of normalizations
                    bound = 1 / math.sqrt(math.prod(kernel.shape[:-1]))
                    drawn[path] = random.uniform(-bound, bound, drawn[path].shape).astype(np.float32)
            return drawn

        return wrong

    return replaced(zoo.training.experiment, "draw_parameters", make)


@fault(
    "Kernels are drawn by Glorot's variance where He's is meant, or the reverse.",
    applies=lambda recipe: isinstance(
        recipe.initialization.kernel, HeNormal | HeUniform | GlorotUniform | GlorotNormal
    ),
)
def glorot_for_he():
    swapped = {HeNormal: GlorotNormal, HeUniform: GlorotUniform, GlorotUniform: HeUniform, GlorotNormal: HeNormal}

    def make(right):
        def wrong(distribution, shape):
            other = swapped.get(type(distribution))
            return right(other() if other else distribution, shape)

        return wrong

    return replaced(zoo.training.step.initialization, "sampler_and_scale", make)


@fault("The fan of a kernel leaves out its window.", applies=has("Conv"))
def fan_without_window():
    def make(right):
        return lambda distribution, shape: right(distribution, shape[-2:] if len(shape) == 4 else shape)

    return replaced(zoo.training.step.initialization, "sampler_and_scale", make)


@fault(
    "The fans of kernels are exchanged: outputs for inputs.",
    applies=lambda recipe: isinstance(recipe.initialization.kernel, HeNormal | HeUniform | LeCunNormal | LeCunUniform),
    bases=("squeezenet1_1",),
)
def fans_exchanged():
    def make(right):
        def wrong(distribution, shape):
            return right(distribution, (*shape[:-2], *shape[:-3:-1]) if len(shape) > 1 else shape)

        return wrong

    return replaced(zoo.training.step.initialization, "sampler_and_scale", make)


@fault(
    "The outputs of an input are counted per group in grouped convolutions: one in depthwise ones.",
    applies=named("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"),
    bases=("mobilenet_v3_small",),
)
def fan_divided_by_groups():
    """The variance of the network's own law, 2 / fan_out, is larger by the number of channels."""
    return _drawn(
        lambda drawn, params: {
            path: values * np.float32(math.sqrt(values.shape[-1]))
            for path, values in drawn.items()
            if "depthwise/conv/kernel" in path
        }
    )


@fault("Uniform kernels are Gaussian with the same variance, or the reverse.")
def other_shape_of_distribution():
    def make(right):
        def wrong(distribution, shape):
            sampler, scale = right(distribution, shape)
            return ("normal" if sampler == "uniform" else "uniform"), scale

        return wrong

    return replaced(zoo.training.step.initialization, "sampler_and_scale", make)


@fault(
    "Gaussian kernels have no values beyond two standard deviations; their variance is right.",
    applies=_gaussian,
    bases=("bn_cnn",),
)
def gaussian_tails_cut():
    def make(right):
        def wrong(distribution, shape):
            sampler, scale = right(distribution, shape)
            return ("truncated", scale / TRUNCATED_STD) if sampler == "normal" else (sampler, scale)

        return wrong

    return replaced(zoo.training.step.initialization, "sampler_and_scale", make)


@fault(
    "The standard deviation of kernels is another in the network's own law.",
    strengths=(10.0, 0.1, 1.2),
    matters=1.2,
    applies=own_initialization,
)
def own_law_scaled(factor):
    """Where the recipe leaves the initialization to the network: the attribute of its layers is wrong."""

    def intercept(next_function, arguments, options, context):
        module = context.module
        law = module.__dict__.setdefault("_constructed_law", getattr(module, "kernel_init", None))
        if isinstance(law, VarianceScaling) and context.method_name == "__call__":
            object.__setattr__(module, "kernel_init", dataclasses.replace(law, scale=law.scale * factor**2))
        return next_function(*arguments, **options)

    return nn.intercept_methods(intercept)


@fault(
    "The exceptions of the recipe's initialization are ignored.",
    applies=lambda recipe: bool(recipe.initialization.exceptions),
    bases=("mlp", "bn_cnn"),
)
def exceptions_ignored():
    def make(right):
        def wrong(initialization, path):
            return right(dataclasses.replace(initialization, exceptions={}), path)

        return wrong

    return together(
        replaced(zoo.training.step.initialization, "distribution_of", make),
        replaced(zoo.training.prepare.network, "distribution_of", make),
    )


@fault("The initialization does not depend on the seed.")
def initialization_without_seed():
    def make(right):
        return lambda initialization, own, seed, params: right(initialization, own, 0, params)

    return replaced(zoo.training.experiment, "draw_parameters", make)


@fault("All layers are drawn with the same key.")
def one_key_for_all_layers():
    """Kernels of equal size are equal, and others have equal beginnings."""

    def make(right):
        def wrong(distribution, key, shape):
            return right(distribution, jax.random.key(0), shape)

        return wrong

    return replaced(zoo.training.step.initialization, "draw", make)


@fault("Filters are initialized in equal pairs.")
def equal_filters():
    def change(drawn, params):
        return {
            path: np.repeat(values[..., : math.ceil(values.shape[-1] / 2)], 2, -1)[..., : values.shape[-1]]
            for path, values in _kernels(drawn).items()
        }

    return _drawn(change)
