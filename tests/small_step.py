"""An experiment whose steps compile in seconds, with a transform, dropout, batch normalization and weight decay."""

import flax.linen as nn
import jax
from examples import tabular, tiny_dataset

from verification.check import Group
from zoo import parallel
from zoo.layers.normalization import BatchNorm
from zoo.recipe import *
from zoo.training.prepare import prepare

GROUP = Group("small", "step")
TABLE = tabular("synthetic:random_10", schedule=Cosine(0.01, warmup=0.1), budget__steps=50)


class Network(nn.Module):
    """A convolution, batch normalization, a max pool, dropout and a linear layer."""

    classes: int = 10
    factor: float = 1.0  # of the gradient of the convolution's kernel

    @nn.compact
    def __call__(self, x, train):
        x = scaled_gradient(nn.Conv(8, (3, 3), strides=2, name="conv")(x), self.factor)
        x = nn.relu(BatchNorm(use_running_average=not train, name="bn")(x))
        x = nn.max_pool(x, (2, 2), (2, 2)).reshape(len(x), -1)
        x = nn.Dropout(0.25, deterministic=not train, name="dropout")(x)
        return nn.Dense(self.classes, name="fc")(x)


def scaled_gradient(x, factor):
    return factor * x + (1 - factor) * jax.lax.stop_gradient(x)


def images(**changes):
    """Returns a recipe for small images, with a transform and an optimizer that can go wrong."""
    augmentation = Augmentation((HorizontalFlip(), Normalize()), (Normalize(),))
    options = {"augmentation": augmentation, "normalization": ChannelMeanStd(), "schedule": Cosine(0.05, warmup=0.1)}
    penalties = Regularization(weight_decay=1e-3, decayed=("*/kernel",))
    return tabular("fashion_mnist", model=Model("lenet5"), regularization=penalties, **options).override(changes)


def prepared(recipe=None, model=None, dataset=None):
    return prepare(recipe or images(), dataset or tiny_dataset(), model=model or Network(), mesh=one_device())


def one_device():
    return parallel.make_mesh(jax.devices()[:1])


def failed(checks):
    """Returns the details of failed checks by name."""
    return {check.name: check.detail for check in checks if check.status == "fail"}
