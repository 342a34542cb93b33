"""Where faults apply: predicates on a recipe."""

import functools
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.layers.initializers import VarianceScaling
from zoo.models.registry import create_model, find_entry
from zoo.recipe import SGD, Adam, Cosine, Recipe, ReduceOnPlateau, RMSprop
from zoo.recipe.features import FeatureNormalization

Applies = Callable[[Recipe], bool]
ATTRIBUTES = ("kernel_size", "strides", "groups", "padding", "rate", "kernel_init")


class Layer(NamedTuple):
    """A layer of a network: the name of its class, and its attributes."""

    kind: str
    attributes: dict[str, Any]


@functools.cache
def _layers(name, options):
    found = []

    def record(next_function, arguments, options, context):
        if context.method_name == "__call__":
            module = context.module
            attributes = {key: getattr(module, key, None) for key in ATTRIBUTES}
            found.append(Layer(type(module).__name__, attributes))
        return next_function(*arguments, **options)

    hashable = {key: tuple(value) if isinstance(value, list) else value for key, value in json.loads(options).items()}
    model = create_model(name, **hashable)
    images = jnp.zeros((1, *find_entry(name).input_shape))
    with nn.intercept_methods(record):
        jax.eval_shape(lambda: model.init(jax.random.key(0), images, train=False))
    return tuple(found)


def layers_of(recipe: Recipe) -> tuple[Layer, ...]:
    """Returns the layers of a recipe's network."""
    return _layers(recipe.model.name, json.dumps(dict(recipe.model.options)))


def has(*kinds: str) -> Applies:
    """Returns the predicate that a network has a layer of one of these classes."""
    return lambda recipe: any(layer.kind in kinds for layer in layers_of(recipe))


def several(kind: str) -> Applies:
    """Returns the predicate that a network has more than one layer of this class, so that one follows another layer."""
    return lambda recipe: sum(layer.kind == kind for layer in layers_of(recipe)) > 1


def named(*networks: str) -> Applies:
    """Returns the predicate that the network is one of these."""
    return lambda recipe: recipe.model.name in networks


def grouped(recipe: Recipe) -> bool:
    """Returns whether a network has a grouped convolution."""
    return any((layer.attributes["groups"] or 1) > 1 for layer in layers_of(recipe))


def every(*predicates: Applies) -> Applies:
    """Returns the predicate that all of these hold."""
    return lambda recipe: all(predicate(recipe) for predicate in predicates)


def images(recipe: Recipe) -> bool:
    """Returns whether the data are images."""
    return not isinstance(recipe.normalization, FeatureNormalization)


def fashion(recipe: Recipe) -> bool:
    """Returns whether the data are Fashion-MNIST."""
    return recipe.data.source == "fashion_mnist"


def random_transforms(recipe: Recipe) -> bool:
    """Returns whether training images are augmented at random."""
    return any(transform.random for transform in recipe.augmentation.train)


def flips(recipe: Recipe) -> bool:
    """Returns whether training images are flipped."""
    return any(type(transform).__name__ == "HorizontalFlip" for transform in recipe.augmentation.train)


def resizes(recipe: Recipe) -> bool:
    """Returns whether images are resized."""
    return any(type(transform).__name__.startswith("Resize") for transform in recipe.augmentation.eval)


def mixing(recipe: Recipe) -> bool:
    """Returns whether training images are mixed."""
    return recipe.augmentation.mixing is not None


def drops(recipe: Recipe) -> bool:
    """Returns whether the network has dropout or stochastic depth."""
    return any(layer.kind in ("Dropout", "DropPath") and layer.attributes["rate"] for layer in layers_of(recipe))


def modes_differ(recipe: Recipe) -> bool:
    """Returns whether the network computes something else in training: batch normalization, or what `drops` does."""
    return has("BatchNorm")(recipe) or drops(recipe)


def uses_keys(recipe: Recipe) -> bool:
    """Returns whether training steps are random: dropout, augmentation or mixing."""
    return drops(recipe) or random_transforms(recipe) or mixing(recipe)


def momentum(recipe: Recipe) -> bool:
    """Returns whether the optimizer is SGD with momentum."""
    return isinstance(recipe.optimizer, SGD) and recipe.optimizer.momentum > 0


def adam(recipe: Recipe) -> bool:
    """Returns whether the optimizer is Adam."""
    return isinstance(recipe.optimizer, Adam)


def rmsprop(recipe: Recipe) -> bool:
    """Returns whether the optimizer is RMSprop."""
    return isinstance(recipe.optimizer, RMSprop)


def changing_rate(recipe: Recipe) -> bool:
    """Returns whether the learning rate changes with the step."""
    return type(recipe.schedule).__name__ not in ("ConstantRate", "ReduceOnPlateau")


def warmup(recipe: Recipe) -> bool:
    """Returns whether the schedule has a warm-up."""
    return recipe.schedule.warmup > 0


def cosine(recipe: Recipe) -> bool:
    """Returns whether the schedule is a cosine."""
    return isinstance(recipe.schedule, Cosine)


def plateau(recipe: Recipe) -> bool:
    """Returns whether the learning rate is reduced on a plateau."""
    return isinstance(recipe.schedule, ReduceOnPlateau)


def decayed(recipe: Recipe) -> bool:
    """Returns whether there is weight decay."""
    return recipe.regularization.weight_decay > 0


def averaged(recipe: Recipe) -> bool:
    """Returns whether weights are averaged."""
    return recipe.weight_average is not None


def stops_early(recipe: Recipe) -> bool:
    """Returns whether there is early stopping."""
    return recipe.early_stopping is not None


def several_epochs(recipe: Recipe) -> bool:
    """Returns whether a run is of several epochs: of the cheap recipes, those of small tables."""
    return not images(recipe) or (recipe.budget.epochs or 0) > 1


def validated(recipe: Recipe) -> bool:
    """Returns whether there is a validation split."""
    return recipe.data.validation > 0


def evaluates_fewer_at_first(recipe: Recipe) -> bool:
    """Returns whether evaluations during the run are of fewer examples than the one at its end."""
    return recipe.budget.interim_examples is not None


def weighted(recipe: Recipe) -> bool:
    """Returns whether classes are weighted."""
    return type(recipe.imbalance).__name__ == "ClassWeights"


def accumulates(recipe: Recipe) -> bool:
    """Returns whether gradients of several parts of a batch are added."""
    return recipe.budget.accumulation > 1


def clipped(recipe: Recipe) -> bool:
    """Returns whether gradients are clipped."""
    return recipe.clipping is not None


def measured(recipe: Recipe) -> bool:
    """Returns whether inputs are normalized by statistics of the training split."""
    return type(recipe.normalization).__name__ in ("ChannelMeanStd", "PixelMean", "FeatureMeanStd", "FeatureRange")


def own_initialization(recipe: Recipe) -> bool:
    """Returns whether the recipe leaves kernels to the network, whose layers state the law."""
    stated = any(isinstance(layer.attributes["kernel_init"], VarianceScaling) for layer in layers_of(recipe))
    return recipe.initialization.kernel is None and stated


def lacks(predicate: Applies) -> Applies:
    """Returns the predicate that another one does not hold."""
    return lambda recipe: not predicate(recipe)
