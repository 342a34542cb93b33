"""A recipe with ingredients of its own: a source, a transform, an optimizer, a schedule and a loss.

    python -m zoo.train --recipe=docs/examples/custom_ingredients.py

Each ingredient is a part, which is a frozen dataclass that checks its fields, and a function that is registered for it.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

import zoo
from zoo.data.augment.canvas import Canvas, transformed
from zoo.data.normalization import Statistics
from zoo.recipe import *
from zoo.recipe.augmentation import Transform
from zoo.recipe.loss import Loss
from zoo.recipe.optimizer import Optimizer
from zoo.recipe.schedule import Schedule
from zoo.training.step.loss import example_losses
from zoo.training.step.optimizer import update_rule
from zoo.training.step.schedule import shape


def open_stripes(name: str) -> zoo.Dataset:
    """Opens `stripes:SIZE`, noisy images of SIZE x SIZE pixels with horizontal or vertical stripes."""
    random, size = np.random.default_rng(0), int(name)

    def split(examples: int) -> zoo.ArraySplit:
        labels = np.arange(examples, dtype=np.int32) % 2
        stripes = 100.0 * (np.indices((size, size)) // 2 % 2)[labels]
        noise = random.normal(80, 20, stripes.shape)
        return zoo.ArraySplit(np.clip(stripes + noise, 0, 255).astype(np.uint8)[..., None], labels, f"stripes:{size}")

    return zoo.Dataset(f"stripes:{size}", split(512), split(128), ("horizontal", "vertical"), channels=1)


zoo.register_source("stripes", open_stripes)


@dataclass(frozen=True)
class Solarize(Transform):
    """Inverts the pixels that are not below a threshold, from 0 to 255, with a probability of one half."""

    random: ClassVar[bool] = True
    before_normalize: ClassVar[bool] = True

    threshold: float = 128.0

    def validate(self) -> None:
        self.require(0 <= self.threshold <= 255, "threshold", "from 0 to 255")


@transformed.register
def _solarize(transform: Solarize, canvas: Canvas, key: jax.Array, statistics: Statistics) -> Canvas:
    pixels = canvas.pixels
    inverted = jnp.where(pixels < transform.threshold, pixels, 255 - pixels)
    return canvas._replace(pixels=jnp.where(jax.random.bernoulli(key), inverted, pixels))


@dataclass(frozen=True)
class SignSGD(Optimizer):
    """Moves every parameter by the learning rate against its gradient's sign (Bernstein et al. 2018, algorithm 1)."""


@update_rule.register
def _sign_sgd(
    optimizer: SignSGD, decay: optax.GradientTransformation, scale: optax.GradientTransformation
) -> optax.GradientTransformation:
    return optax.chain(decay, optax.scale_by_sign(), scale)


@dataclass(frozen=True)
class InverseSquareRoot(Schedule):
    """peak / sqrt(1 + step / delay), where the delay is a number of steps."""

    delay: float = 10.0

    def validate(self) -> None:
        super().validate()
        self.require(self.delay > 0, "delay", "positive")


@shape.register
def _inverse_square_root(
    schedule: InverseSquareRoot, progress: jax.Array, step: jax.Array, total_steps: int
) -> jax.Array:
    return 1 / jnp.sqrt(1 + step / schedule.delay)


@dataclass(frozen=True)
class Poly1(Loss):
    """Cross-entropy plus epsilon times one minus the probability of the class (Leng et al. 2022, equation 6)."""

    epsilon: float = 1.0

    def validate(self) -> None:
        self.require(math.isfinite(self.epsilon), "epsilon", "finite")


@example_losses.register
def _poly1(loss: Poly1, logits: jax.Array, targets: jax.Array) -> jax.Array:
    probability = (jax.nn.softmax(logits) * targets).sum(-1)
    return optax.softmax_cross_entropy(logits, targets) + loss.epsilon * (1 - probability)


RECIPE = Recipe(
    model=Model("lenet5"),
    data=Data("stripes:28"),
    normalization=ChannelMeanStd(sample=512),
    augmentation=Augmentation(train=(Resize(32), Solarize(), Normalize()), eval=(Resize(32), Normalize())),
    initialization=Initialization(),
    optimizer=SignSGD(),
    schedule=InverseSquareRoot(peak=0.001),
    loss=Poly1(),
    regularization=Regularization(),
    budget=Budget(batch_size=32, steps=60, evaluate_every=0.5),
    target=Target(0.9),
)
