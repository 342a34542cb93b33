"""Checks of the initial state: parameters follow the recipe or the network's source, and the loss random logits."""

import fnmatch
from collections.abc import Iterator, Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from verification.check import Check, Group
from verification.facts.initializers import NETWORKS, Law, laws_of
from verification.facts.running_statistics import momentum_of
from verification.initialization.distributions import find_problems, law_of
from verification.initialization.first_loss import check_loss
from zoo.layers import BatchNorm
from zoo.recipe import Initialization, Orthogonal, Recipe
from zoo.recipe.initialization import Distribution
from zoo.training.experiment import Experiment

ALPHA = 1e-5  # probability, over seeds, of a false alarm of the distributions of a recipe's parameters
# The same of the loss, if logits have unit variance: the bound of what is allowed. Most networks start with less.
LOSS_ALPHA = 2e-4
STATISTICS = {"mean": 0.0, "var": 1.0}  # running statistics of batch normalization before the first update


def check_initialization(
    recipe_name: str, experiment: Experiment, seed: int, *, own_network: bool = False, loss: bool = True
) -> Iterator[Check]:
    """Checks all parameters and running statistics of the initial state, and the loss before training.

    Args:
      recipe_name: for the results.
      experiment: of the recipe.
      seed: of the initial state.
      own_network: whether the network is the user's, of which only the parameters that the recipe draws are known.
      loss: whether to check the loss, for which the network has to be compiled.
    """
    group = Group(recipe_name, "initialization")
    state = experiment.initial_state(seed)
    params = traverse_util.flatten_dict(jax.device_get(state.params), sep="/")
    taken = experiment.start.variables if experiment.start else {}
    drawn = {path: values for path, values in params.items() if ("params", *path.split("/")) not in taken}
    if own_network:
        named = {path for path in drawn if named_distribution(experiment.recipe.initialization, path) is not None}
        drawn = {path: values for path, values in drawn.items() if path in named}
    shapes = {path: values.shape for path, values in params.items()}
    yield check_parameters(group, experiment.recipe, drawn, shapes)
    statistics = traverse_util.flatten_dict(jax.device_get(state.variables.get("batch_stats", {})), sep="/")
    fresh = {path: values for path, values in statistics.items() if ("batch_stats", *path.split("/")) not in taken}
    if fresh:
        yield check_statistics(group, fresh)
    if statistics and not own_network:
        yield check_momentum(group, experiment)
    if taken:
        yield group.skip("loss", "training starts from pretrained weights")
    elif not loss:
        yield group.skip("loss", "compiling a larger network is part of --tier=full")
    else:
        yield from check_loss(group, experiment, state, LOSS_ALPHA)


def check_parameters(
    group: Group, recipe: Recipe, params: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]
) -> Check:
    """Checks that parameters follow the recipe's distributions, or else those of the network's source.

    Constants are compared exactly. Random ones pass tests of their mean, variance and distribution; all of these
    together have the false-alarm rate `ALPHA`.

    Args:
      group: of the check.
      recipe: of the run.
      params: the parameters that are sampled, float32 by path.
      shapes: of all parameters; the distribution of a bias may depend on the kernel of its layer.
    """
    if not params:
        return group.skip("distributions", "the recipe draws no parameter: the network does, or all are pretrained")
    named = {path: named_distribution(recipe.initialization, path) for path in params}
    left = [path for path, distribution in named.items() if distribution is None]
    laws: dict[str, Law | Orthogonal | None] = {
        path: law_of(distribution) for path, distribution in named.items() if distribution is not None
    } | laws_of(recipe.model, left)
    unknown = [path for path, law in laws.items() if law is None]
    constants = [path for path, law in laws.items() if isinstance(law, Law) and law.form == "constant"]
    tests = 3 * max(len(laws) - len(unknown) - len(constants), 1)
    problems = [
        f"{path}: neither the recipe nor verification/facts/initializers/networks.py states its initial distribution"
        for path in unknown
    ]
    for path, law in laws.items():
        if law is not None:
            kernel = shapes.get(f"{path.rpartition('/')[0]}/kernel", shapes[path])
            problems += find_problems(path, params[path], law, ALPHA / tests, kernel)
    source = f" by {NETWORKS[recipe.model.name].source}" if left and recipe.model.name in NETWORKS else ""
    fine = (
        f"{len(params) - len(left)} parameters match the recipe's initializers, {len(left)} the network's{source};"
        f" {len(constants)} of them are constant; false alarm in 1 of {1 / ALPHA:,.0f} seeds"
    )
    return group.check("distributions", not problems, "; ".join(problems) or fine)


def check_statistics(group: Group, statistics: Mapping[str, np.ndarray]) -> Check:
    """Checks that running means are 0 and variances 1, as in PyTorch's and Keras's batch normalization."""
    wrong = [path for path, values in statistics.items() if np.any(values != STATISTICS[path.rpartition("/")[2]])]
    fine = f"{len(statistics)} running means and variances are 0 and 1"
    return group.check("running statistics", not wrong, f"not 0 or 1: {', '.join(wrong)}" if wrong else fine)


def check_momentum(group: Group, experiment: Experiment) -> Check:
    """Checks that each batch normalization updates its running statistics with the momentum of the network's source."""
    expected = momentum_of(experiment.recipe.model)
    if expected is None:
        return group.check("momentum", False, "verification/facts/running_statistics.py does not state it")
    found = {}

    def record(next_function, arguments, options, context):
        output = next_function(*arguments, **options)
        if isinstance(context.module, BatchNorm) and context.method_name == "__call__":
            found["/".join(context.module.path)] = context.module.momentum
        return output

    images = jax.ShapeDtypeStruct((2, *experiment.input_shape), jnp.float32)
    with nn.intercept_methods(record):
        jax.eval_shape(lambda inputs: experiment.model.init(jax.random.key(0), inputs, train=False), images)
    wrong = [f"{path} has {value:g}" for path, value in found.items() if abs(value - expected.value) > 1e-9]
    fine = f"running statistics of {len(found)} layers keep {expected.value:g} in a step: {expected.source}"
    detail = f"expected a momentum of {expected.value:g} ({expected.source}), but {'; '.join(wrong[:3])}"
    return group.check("momentum", bool(found) and not wrong, detail if wrong else fine)


def named_distribution(initialization: Initialization, path: str) -> Distribution | None:
    """Returns the recipe's distribution for a parameter; None if the recipe leaves it to the network."""
    chosen = {"kernel": initialization.kernel, "bias": initialization.bias}.get(path.split("/")[-1])
    for pattern, exception in initialization.exceptions.items():
        if fnmatch.fnmatchcase(path, pattern):
            chosen = exception
    return chosen
