"""Preparation of the network: creation, and checks against the data, the recipe and the available memory."""

import fnmatch
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import traverse_util
from jax.sharding import Mesh

from zoo.data.dataset import Dataset
from zoo.errors import WrongWidth, ZooError
from zoo.layers.initializers import OwnInitializer
from zoo.models.registry import create_model
from zoo.recipe import Recipe
from zoo.training.run.environment import memory
from zoo.training.step.freezing import frozen_parameters
from zoo.training.step.initialization import distribution_of, own_initializers
from zoo.training.transfer import Start, load_start


class PreparedNetwork(NamedTuple):
    """A network that matches its data; see `zoo.training.experiment.Experiment` for the fields."""

    model: nn.Module
    own_initializers: Mapping[str, OwnInitializer]
    start: Start | None
    frozen: frozenset[str]


def create_network(recipe: Recipe, dataset: Dataset, mesh: Mesh) -> nn.Module:
    """Creates the network of a recipe, with the recipe's dtype for the platform of the mesh.

    Raises:
      WrongWidth: the recipe has another number of classes than the data.
    """
    num_classes = len(dataset.class_names)
    if recipe.model.num_classes not in (None, num_classes):
        raise WrongWidth(
            f"model.num_classes is {recipe.model.num_classes}, but {dataset.spec} has {num_classes} classes",
            outputs=(recipe.model.num_classes,),
            classes=num_classes,
        )
    return network_of_recipe(recipe, num_classes, mesh.devices.flat[0].platform)


def network_of_recipe(recipe: Recipe, num_classes: int, platform: str) -> nn.Module:
    """Creates the network of a recipe, with the recipe's dtype for a platform, such as "gpu"."""
    dtype = getattr(recipe.precision, platform, recipe.precision.cpu)
    return create_model(recipe.model.name, num_classes, jnp.dtype(dtype), **recipe.model.options)


def prepare_network(
    recipe: Recipe, model: nn.Module, input_shape: tuple[int, int, int], num_classes: int, mesh: Mesh, *, custom: bool
) -> PreparedNetwork:
    """Checks a network, and loads the weights that training starts from.

    Args:
      recipe: of the run.
      model: the network.
      input_shape: (height, width, channels) of its input.
      num_classes: of the data.
      mesh: devices.
      custom: whether the network replaces the recipe's; the recipe's patterns of parameter names are not checked then.

    Raises:
      ZooError: the network does not match the data or the recipe, or exceeds the memory.
    """
    with own_initializers() as recorded:
        variables = abstract_variables(model, input_shape, num_classes)
    params = traverse_util.flatten_dict(variables["params"], sep="/")
    _check_sizes(recipe, params, input_shape, mesh)
    heads = getattr(model, "aux_heads", False)
    if heads != (recipe.auxiliary_weight is not None) and (heads or not custom):
        raise ZooError(
            f"auxiliary_weight is {recipe.auxiliary_weight} and the network's aux_heads are {heads}: set both, with"
            " model.options.aux_heads=True, or neither"
        )
    if not custom:
        _check_patterns(recipe, params)
    start = None
    if recipe.transfer:
        start = load_start(recipe.transfer, model, variables, input_shape, num_classes)
    frozen = frozen_parameters(recipe.transfer, params, start.drawn if start else ())
    return PreparedNetwork(model, recorded, start, frozen)


def abstract_variables(network: nn.Module, input_shape: tuple[int, int, int], num_classes: int) -> dict[str, Any]:
    """Traces a network, and returns the shapes and dtypes of its variables.

    Raises:
      WrongWidth: the network does not return `num_classes` logits.
      ZooError: it does not accept the input shape.
    """

    def init():
        return network.init_with_output(jax.random.key(0), jnp.zeros((1, *input_shape)), train=False)

    logits, variables = jax.eval_shape(init)
    if logits.shape != (1, num_classes):
        raise WrongWidth(
            f"{type(network).__name__} returns logits of shape {list(logits.shape[1:])} per example, expected"
            f" [{num_classes}], one per class",
            outputs=logits.shape[1:],
            classes=num_classes,
        )
    return variables


def _check_sizes(recipe, params, input_shape, mesh):
    """Raises `ZooError` for empty parameters, and for parameters or batches that exceed the memory."""
    for path, parameter in params.items():
        if 0 in parameter.shape:
            raise ZooError(f"{path} would have shape {list(parameter.shape)}: a layer has width 0")
    available = memory(mesh.devices.flat[0])
    if available is None:
        return
    weights = 4 * sum(math.prod(parameter.shape) for parameter in params.values())
    batch = 4 * math.prod(input_shape) * recipe.budget.batch_size // (recipe.budget.accumulation * mesh.size)
    for what, needed, remedy in (
        ("the parameters and their gradients", 2 * weights, "a smaller network"),
        ("the images of a step", batch, "a smaller budget.batch_size, or a larger budget.accumulation"),
    ):
        if needed > available:
            raise ZooError(
                f"{what} need {needed / 1e9:,.1f} GB of {available / 1e9:,.1f} GB of memory: choose {remedy}"
            )


def _penalized(regularization):
    return regularization.weight_decay or regularization.l1


def _check_patterns(recipe, params):
    for field, patterns in (
        ("initialization.exceptions", recipe.initialization.exceptions),
        ("regularization.decayed", recipe.regularization.decayed if _penalized(recipe.regularization) else ()),
    ):
        for pattern in patterns:
            if not any(fnmatch.fnmatchcase(path, pattern) for path in params):
                raise ZooError(f"{field}: no parameter of {recipe.model.name} matches {pattern!r}")
    for path, parameter in params.items():
        distribution = distribution_of(recipe.initialization, path)
        if distribution and distribution.of_kernels and parameter.ndim < 2:
            raise ZooError(f"initialization: {path} is a vector, but {type(distribution).__name__} needs a kernel")
