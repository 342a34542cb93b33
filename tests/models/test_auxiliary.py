"""Tests of auxiliary classifiers: their losses are weighted by the recipe, and a missing weight or head is an error."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zoo
from zoo.data.pipeline import training_batches
from zoo.errors import ZooError
from zoo.parallel import shard_batch
from zoo.recipe import *
from zoo.training.prepare import prepare


class Net(nn.Module):
    """A linear network with an optional auxiliary classifier."""

    aux_heads: bool = False

    @nn.compact
    def __call__(self, images, train=False):
        x = images[:, ::8, ::8].reshape(len(images), -1)
        logits, other = nn.Dense(10)(x), nn.Dense(10, name="other")(x)
        return (logits, [other]) if train and self.aux_heads else logits


@pytest.fixture(scope="module")
def plain(recipe):
    """A recipe of 12 steps of 16 images, with an evaluation on all images after every third step."""
    return recipe.override(
        {"initialization": Initialization(), "budget.interim_examples": None, "schedule": ConstantRate(0.05)}
    )


def fit(recipe, dataset, model=None):
    return zoo.fit(recipe, dataset=dataset, model=model or Net())


def test_auxiliary_classifiers_are_trained(plain, dataset):
    bare = plain.override({"regularization.weight_decay": 0.0})
    recipe = bare.override({"auxiliary_weight": 0.3, "budget.accumulation": 2})
    with_head, without = fit(recipe, dataset, model=Net(aux_heads=True)), fit(bare, dataset)
    start = prepare(recipe, dataset, model=Net(aux_heads=True)).initial_state(0).params["other"]["kernel"]
    assert float(jnp.abs(with_head.variables["params"]["other"]["kernel"] - start).max()) > 1e-3
    np.testing.assert_array_equal(without.variables["params"]["other"]["kernel"], start)
    assert with_head.history[0]["loss"] > without.history[0]["loss"] * 1.1


def test_auxiliary_weight_and_heads_go_together(plain, dataset):
    with pytest.raises(ZooError, match="auxiliary_weight is 0.3 and the network's aux_heads are False"):
        prepare(plain.override({"auxiliary_weight": 0.3, "initialization": Initialization()}), dataset)
    with pytest.raises(ZooError, match="auxiliary_weight is None and the network's aux_heads are True"):
        fit(plain, dataset, model=Net(aux_heads=True))
    with pytest.raises(ZooError, match="the network returns no auxiliary logits"):
        fit(plain.override({"auxiliary_weight": 0.3}), dataset)


@pytest.mark.slow
@pytest.mark.parametrize("name, weight", [("googlenet", 0.3), ("inception_v3", 0.4)])
def test_auxiliary_logits_of_the_zoos_networks_reach_the_step(plain, dataset, name, weight):
    """Only traces the step: a network without auxiliary logits would be an error."""
    recipe = plain.override(
        {
            "model": Model(name, options={"aux_heads": True}),
            "auxiliary_weight": weight,
            "augmentation.train.0.size": 299,
            "augmentation.eval.0.size": 299,
        }
    )
    experiment = prepare(recipe, dataset)
    state = experiment.abstract_state
    batch = next(training_batches(experiment.train_pipeline, 16, seed=0))
    _, metrics = jax.eval_shape(
        experiment.train_step,
        state,
        experiment.constants(experiment.train_pipeline),
        shard_batch(batch, experiment.mesh),
    )
    assert metrics["loss"].shape == ()
