"""Changes of a recipe that experiments make: which fields they replace, and what no field can."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from zoo.data.dataset import Dataset
from zoo.recipe import (
    Adam,
    Augmentation,
    ChannelMeanStd,
    Constant,
    ConstantRate,
    FeatureMeanStd,
    HeNormal,
    Initialization,
    Recipe,
    Regularization,
    SoftmaxCrossEntropy,
    TenCrop,
)

# Fields that decide what data and network are: with any other, both are as before.
PREPARED = {"model", "data", "normalization", "augmentation", "imbalance", "transfer", "precision"}


@dataclass(frozen=True)
class Subject:
    """What a recipe is trained with, if not its own.

    Attributes:
      dataset: the data.
      model: a custom network; None for the recipe's.
      loss: a custom loss (outputs [n, K], labels [n]) -> scalar or [n]; None for the recipe's.
      dropout: whether dropout is active in training.
      logits: whether the logarithm of the network's outputs takes their place, which turns probabilities into logits.
      factor: on the learning rate.
    """

    dataset: Dataset
    model: nn.Module | None = None
    loss: Callable | None = None
    dropout: bool = True
    logits: bool = False
    factor: float = 1.0


def change(name: str, value: Any, recipe: Recipe, subject: Subject) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the fields of a recipe and the attributes of a subject that a change replaces.

    Raises:
      KeyError: there is no such change of a recipe.
    """
    features = subject.dataset.feature_names is not None
    match name:
        case "fields":
            return dict(value), {}
        case "rate":
            return {}, {"factor": subject.factor * value}
        case "optimizer":
            return {"optimizer": Adam(), "schedule": ConstantRate(peak=0.001), "clipping": None}, {"factor": 1.0}
        case "schedule":
            return {"schedule": ConstantRate(peak=recipe.schedule.peak)}, {}
        case "loss":
            return {"loss": SoftmaxCrossEntropy()}, {"loss": None, "logits": True}
        case "standardize":
            return {"normalization": FeatureMeanStd() if features else ChannelMeanStd()}, {}
        case "regularization":
            return {"regularization": Regularization(), "augmentation.mixing": None}, {"dropout": False}
        case "augmentation":
            evaluated = tuple(each for each in recipe.augmentation.eval if not isinstance(each, TenCrop))
            return {"augmentation": Augmentation(train=evaluated, eval=recipe.augmentation.eval)}, {}
        case "initialization":
            return {"initialization": Initialization(kernel=HeNormal(), bias=Constant(0.0))}, {}
        case "batch_size":
            return {"budget.batch_size": value, "budget.accumulation": 1}, {}
    raise KeyError(name)


@contextlib.contextmanager
def intercepted(subject: Subject) -> Iterator[None]:
    """Makes networks that are traced inside the context without dropout, or with other outputs, as a subject says."""
    with contextlib.ExitStack() as stack:
        if not subject.dropout:
            stack.enter_context(nn.intercept_methods(_without_dropout))
        if subject.logits:
            stack.enter_context(nn.intercept_methods(_with_logits))
        yield


def _without_dropout(next_function, args, kwargs, context):
    if isinstance(context.module, nn.Dropout) and context.method_name == "__call__":
        return args[0] if args else kwargs["inputs"]
    return next_function(*args, **kwargs)


def _with_logits(next_function, args, kwargs, context):
    output = next_function(*args, **kwargs)
    if context.module.path or context.method_name != "__call__" or not isinstance(output, jax.Array):
        return output
    return jnp.log(jnp.maximum(output, jnp.finfo(output.dtype).tiny))
