"""Update rules of optimizers and gradient clipping in float64, from the papers cited in their docstrings."""

import fnmatch
import functools
from collections.abc import Callable

import numpy as np

from verification.check import NoClosedForm
from zoo.recipe import LAMB, SGD, Adadelta, Adagrad, Adam, AdamW, ClipByNorm, ClipByValue, Lion, Recipe, RMSprop
from zoo.recipe.optimizer import Clipping, Optimizer


def clip(clipping: Clipping | None, gradient: np.ndarray) -> np.ndarray:
    """Returns the clipped gradient of a single parameter."""
    match clipping:
        case None:
            return gradient
        case ClipByNorm(norm):
            return gradient * min(1.0, norm / np.sqrt((gradient**2).sum()))
        case ClipByValue(value):
            return np.minimum(np.maximum(gradient, -value), value)
    raise NoClosedForm(f"no closed form of {type(clipping).__name__}: add it to verification/optimizer.py")


def decays(recipe: Recipe, path: str) -> bool:
    """Returns whether a recipe penalizes the parameter at a path, such as "conv1/kernel"."""
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in recipe.regularization.decayed)


@functools.singledispatch
def update_rule(optimizer: Optimizer, decay: float) -> Callable[[np.ndarray, np.ndarray, float, int], np.ndarray]:
    """Returns a stateful function (gradient, weight, learning rate, steps done) -> change of the weight, in float64."""
    raise NoClosedForm(f"no update rule of {type(optimizer).__name__}: add it to verification/optimizer.py")


@update_rule.register
def _sgd(optimizer: SGD, decay):
    velocity = 0.0

    def update(gradient, weight, rate, done):
        nonlocal velocity
        gradient = gradient + decay * weight
        if optimizer.rate_in_momentum:
            velocity = optimizer.momentum * velocity - rate * gradient
            return velocity
        velocity = optimizer.momentum * velocity + gradient
        return -rate * (gradient + optimizer.momentum * velocity if optimizer.nesterov else velocity)

    return update


def _adam_direction(optimizer):
    first, second = 0.0, 0.0

    def direction(gradient, done):
        nonlocal first, second
        steps = done + 1
        first = optimizer.beta1 * first + (1 - optimizer.beta1) * gradient
        second = optimizer.beta2 * second + (1 - optimizer.beta2) * gradient**2
        root = np.sqrt(second / (1 - optimizer.beta2**steps))
        return first / (1 - optimizer.beta1**steps) / (root + optimizer.epsilon)

    return direction


@update_rule.register
def _adam(optimizer: Adam, decay):
    direction = _adam_direction(optimizer)
    return lambda gradient, weight, rate, done: -rate * direction(gradient + decay * weight, done)


@update_rule.register
def _adamw(optimizer: AdamW, decay):
    direction = _adam_direction(optimizer)
    return lambda gradient, weight, rate, done: -rate * (direction(gradient, done) + decay * weight)


@update_rule.register
def _lamb(optimizer: LAMB, decay):
    direction = _adam_direction(optimizer)

    def update(gradient, weight, rate, done):
        change = direction(gradient, done) + decay * weight
        norms = np.sqrt((weight**2).sum()), np.sqrt((change**2).sum())
        return -rate * (norms[0] / norms[1] if all(norms) else 1.0) * change

    return update


@update_rule.register
def _lion(optimizer: Lion, decay):
    average = 0.0

    def update(gradient, weight, rate, done):
        nonlocal average
        sign = np.sign(optimizer.beta1 * average + (1 - optimizer.beta1) * gradient)
        average = optimizer.beta2 * average + (1 - optimizer.beta2) * gradient
        return -rate * (sign + decay * weight)

    return update


@update_rule.register
def _rmsprop(optimizer: RMSprop, decay):
    average, velocity = optimizer.initial_average, 0.0

    def update(gradient, weight, rate, done):
        nonlocal average, velocity
        gradient = gradient + decay * weight
        average = optimizer.decay * average + (1 - optimizer.decay) * gradient**2
        if optimizer.epsilon_in_root:
            quotient = gradient / np.sqrt(average + optimizer.epsilon)
        else:
            quotient = gradient / (np.sqrt(average) + optimizer.epsilon)
        if optimizer.rate_in_momentum:
            velocity = optimizer.momentum * velocity + rate * quotient
            return -velocity
        velocity = optimizer.momentum * velocity + quotient
        return -rate * velocity

    return update


@update_rule.register
def _adadelta(optimizer: Adadelta, decay):
    mean_square_gradient, mean_square_update = 0.0, 0.0

    def update(gradient, weight, rate, done):
        nonlocal mean_square_gradient, mean_square_update
        gradient = gradient + decay * weight
        mean_square_gradient = optimizer.decay * mean_square_gradient + (1 - optimizer.decay) * gradient**2
        change = (
            np.sqrt(mean_square_update + optimizer.epsilon)
            / np.sqrt(mean_square_gradient + optimizer.epsilon)
            * gradient
        )
        mean_square_update = optimizer.decay * mean_square_update + (1 - optimizer.decay) * change**2
        return -rate * change

    return update


@update_rule.register
def _adagrad(optimizer: Adagrad, decay):
    total = optimizer.initial_sum

    def update(gradient, weight, rate, done):
        nonlocal total
        gradient = gradient + decay * weight
        total = total + gradient**2
        return -rate * gradient / np.sqrt(total + optimizer.epsilon)

    return update
