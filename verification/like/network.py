"""Checks of a user's network against a reference network."""

from collections.abc import Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats
from flax import traverse_util

from verification.check import Check, Group
from verification.like import activations
from verification.like.weights import Pair, draw, pair_variables
from zoo.compilation import run_once
from zoo.errors import ZooError, printable, reason
from zoo.inspect import layer_pairs, layers
from zoo.inspect.layers import Network
from zoo.models.registry import create_model, find_entry
from zoo.recipe import Initialization
from zoo.training.step.initialization import distribution_of

# Of the largest gradient of a parameter. Gradients of deep networks have larger rounding errors than activations; a
# missing term or another factor changes them by more.
GRADIENT_TOLERANCE = 1e-2
STATISTICS_TOLERANCE = 1e-3  # of the largest change of a layer's running statistics in a training step
ALPHA = 1e-3  # probability, over keys, of a false alarm of the check of the initial values
MAX_VALUES = 20_000  # of a parameter that are compared
BATCH = 2  # images; for running statistics, these have a variance


def check_network(
    subject: str, module: nn.Module, model_name: str, initialization: Initialization | None = None
) -> Iterator[Check]:
    """Compares a network with the zoo's: layers, activations, gradients, training mode and initial values.

    Args:
      subject: name of the network, for the checks.
      module: the user's network, called as `module(images, train=False)`; its number of logits is free.
      model_name: name of the reference network, whose canonical image size is used.
      initialization: of the recipe that trains it; None if there is none, so that all initial values are the networks'
        own.
    """
    group, shape = Group(subject, "architecture"), find_entry(model_name).input_shape
    try:
        theirs = layers.trace(module, shape)
    except ZooError as error:
        yield group.check("layers", False, str(error))
        return
    ours = layers.trace(create_model(model_name, theirs.logits), shape)
    different = layer_pairs.first_difference(theirs, ours)
    size = "x".join(map(str, shape))
    fine = f"all {len(ours.weighted)} layers with parameters have the shapes of {model_name}'s, for images of {size}"
    yield group.check("layers", different is None, different or fine)
    if different:
        return
    pairs = pair_variables(theirs, ours)
    if pairs is None:
        reason_ = "parameters cannot be put into pairs: name them as in Flax: kernel, bias, scale; mean, var"
        yield group.undecided("activations", reason_)
        return
    variables, reference_variables = draw(pairs)
    images = np.random.default_rng(0).standard_normal((BATCH, *shape)).astype(np.float32)
    try:
        said, off = activations.first_difference(theirs, ours, variables, reference_variables, images)
        fine = f"inputs and outputs of all layers agree to {off:.1e} standard deviations for the same weights"
        figures = {"value": off, "high": activations.TOLERANCE}
        yield group.check("activations", said is None, said or fine, figures)
        if said is None:
            yield check_gradients(group, theirs, ours, pairs, images)
            yield check_training_mode(group, theirs, ours, pairs, images)
        own = [pair for pair in pairs if not _is_drawn_by(initialization, pair)]
        yield check_initial_values(Group(subject, "initialization"), theirs, ours, own)
    except Exception as error:  # of the user's code
        said = f"{type(module).__name__} fails: {type(error).__name__}: {reason(error)}"
        yield group.check("run", False, said)


def _is_drawn_by(initialization, pair):
    """Returns whether a recipe draws the initial value of a parameter in place of the network."""
    path = "/".join(pair.ours[1:])
    return initialization and pair.ours[0] == "params" and distribution_of(initialization, path) is not None


def _flat(tree: Mapping[str, Any]) -> dict[tuple[str, ...], Any]:
    return traverse_util.flatten_dict(tree)


def check_gradients(group: Group, theirs: Network, ours: Network, pairs: list[Pair], images: np.ndarray) -> Check:
    """Compares the gradients of the mean squared logit, in evaluation mode, parameter by parameter."""

    def gradients(network, variables):
        others = {name: values for name, values in variables.items() if name != "params"}

        def loss(params):
            return (network.module.apply({"params": params, **others}, images, train=False) ** 2).mean()

        return jax.grad(loss)(variables["params"])

    with jax.default_matmul_precision("highest"):
        found, right = run_once(lambda a, b: (gradients(theirs, a), gradients(ours, b)), *draw(pairs))
    errors = {}
    for pair in (pair for pair in pairs if pair.ours[0] == "params"):
        mine, other = (_flat(tree)[path[1:]] for tree, path in ((found, pair.theirs), (right, pair.ours)))
        off = float(np.abs(mine - other.reshape(mine.shape)).max() / max(np.abs(other).max(), 1e-30))
        errors["/".join(pair.theirs[1:])] = off if np.isfinite(off) else np.inf
    wrong = [name for name, off in errors.items() if off > GRADIENT_TOLERANCE]
    worst = max(errors.values(), default=0.0)
    figures = {"value": worst, "high": GRADIENT_TOLERANCE}
    if wrong:
        last = wrong[-1]  # the fault is in the last layer: backward passes start there
        said = (
            f"the gradient of {printable(last)} differs by {errors[last]:.1e} of its largest value from the reference's"
        )
        return group.check("gradients", False, f"{said}; {len(wrong)} of {len(errors)} differ", figures)
    return group.check("gradients", True, f"all {len(errors)} agree to {worst:.1e} of their largest value", figures)


def check_training_mode(group: Group, theirs: Network, ours: Network, pairs: list[Pair], images: np.ndarray) -> Check:
    """Compares what is different in training: dropout, and the update of running statistics."""

    def train(network, variables, key):
        logits, changed = network.module.apply(
            variables, images, train=True, rngs={"dropout": key}, mutable=["batch_stats"]
        )
        return logits, changed

    variables, reference_variables = draw(pairs)
    keys = jax.random.split(jax.random.key(1), 2)

    def compare(variables, reference_variables, keys):
        return [
            [train(network, weights, key) for key in keys]
            for network, weights in ((theirs, variables), (ours, reference_variables))
        ]

    with jax.default_matmul_precision("highest"):
        found, right = run_once(compare, variables, reference_variables, keys)
    random, expected = (
        not np.array_equal(jax.tree.leaves(first[0])[0], jax.tree.leaves(second[0])[0])
        for first, second in (found, right)
    )
    if random != expected:
        said = f"yours is {_random(random)} in training, the reference {_random(expected)}"
        return group.check("training mode", False, said)
    rates, right_rates = (_dropout_rates(network) for network in (theirs, ours))
    if rates and right_rates and rates != right_rates:
        return group.check("training mode", False, f"dropout rates are {rates}, the reference's {right_rates}")
    # Those behind dropout depend on the key.
    statistics = [
        pair
        for pair in pairs
        if pair.ours[0] == "batch_stats" and np.array_equal(*(_flat(changed)[pair.ours] for _, changed in right))
    ]
    for pair in statistics:
        before = _flat(variables)[pair.theirs]
        moved, expected = (
            _flat(changed[0][1])[path] - before for changed, path in ((found, pair.theirs), (right, pair.ours))
        )
        off = float(np.abs(moved - expected).max() / max(np.abs(expected).max(), 1e-30))
        if not off <= STATISTICS_TOLERANCE:
            ratio = float(np.sum(moved * expected) / max(np.sum(expected**2), 1e-30))
            said = (
                f"running statistic {printable('/'.join(pair.theirs[1:]))} moves {ratio:.3g} times as far in a step as"
                " the reference's: compare momentum, and whether the variance is biased"
            )
            return group.check("training mode", False, said, {"value": off, "high": STATISTICS_TOLERANCE})
    counted = f", and {len(statistics)} running statistics are updated alike" if statistics else ""
    return group.check("training mode", True, f"{_random(random)} in training like the reference{counted}")


def _random(random):
    return "random" if random else "not random"


def _dropout_rates(network):
    """Returns the rates of the layers of class `nn.Dropout`, in the order of the calls."""
    rates = []

    def record(next_function, args, kwargs, context):
        if isinstance(context.module, nn.Dropout) and context.method_name == "__call__":
            rates.append(context.module.rate)
        return next_function(*args, **kwargs)

    def run(variables):
        images = jnp.zeros((BATCH, *network.input_shape))
        return network.module.apply(variables, images, train=True, rngs={"dropout": jax.random.key(0)}, mutable=True)

    with nn.intercept_methods(record):
        jax.eval_shape(run, network.variables)
    return [rate for rate in rates if rate]


def check_initial_values(group: Group, theirs: Network, ours: Network, pairs: list[Pair]) -> Check:
    """Compares the values that the networks' own initializers draw: constants, and distributions by Kolmogorov's test.

    The two-sample tests of all parameters together have false-alarm rate `ALPHA`.

    Args:
      group: of the check.
      theirs, ours: the networks.
      pairs: the variables to compare.
    """
    if not pairs:
        return group.skip("own values", "the recipe draws all initial values")
    shape = ours.input_shape

    def init(network, key):
        return network.module.init(key, jnp.zeros((1, *shape)), train=False)

    # XLA's own generator, as programs of Threefry take four times as long to compile.
    keys = jax.random.split(jax.random.key(0, impl="rbg"), 2)
    found, right = run_once(lambda keys: (init(theirs, keys[0]), init(ours, keys[1])), keys)
    problems, drawn = [], 0
    tested = sum(np.ptp(_flat(right)[pair.ours]) > 0 for pair in pairs)
    for pair in pairs:
        values, expected = _flat(found)[pair.theirs].ravel(), _flat(right)[pair.ours].ravel()
        name = printable("/".join(pair.theirs[1:]))
        if np.ptp(expected) == 0 or values.size == 1:
            if not np.array_equal(values, expected):
                said = f"{values[0]:g}" if np.ptp(values) == 0 else f"of deviation {values.std():.3g}"
                problems.append(f"{name} is {said}, the reference's is {expected[0]:g}")
            continue
        drawn += 1
        pvalue = scipy.stats.ks_2samp(*(_some(each) for each in (values, expected))).pvalue
        if not pvalue >= ALPHA / tested:  # as well if a value is not a number
            problems.append(
                f"{name} has mean {values.mean():.3g} and deviation {values.std():.3g}, the reference's"
                f" {expected.mean():.3g} and {expected.std():.3g} (p = {pvalue:.1e})"
            )
    fine = f"{drawn} drawn and {len(pairs) - drawn} constant parameters start like the reference's"
    detail = "; ".join(problems[:3]) or fine
    return group.check("own values", not problems, f"{detail}; false alarm in 1 of {1 / ALPHA:,.0f} keys")


def _some(values):
    return values[:: max(values.size // MAX_VALUES, 1)]
