"""Mismatches of recipe, data and network are errors before training."""

import dataclasses

import flax.linen as nn
import numpy as np
import pytest
from examples import small

import zoo
from zoo.errors import ZooError
from zoo.recipe import *
from zoo.training.prepare import prepare


@pytest.fixture(scope="module")
def recipe():
    """A small AlexNet recipe, whose layer names and sizes appear in the tests."""
    return small(zoo.load_recipe("alexnet"))


def test_class_count_and_image_size_are_checked_first(recipe, dataset):
    with pytest.raises(ZooError, match="model.num_classes is 7, but tiny has 10 classes"):
        zoo.fit(recipe.override({"model.num_classes": 7}), dataset=dataset)
    with pytest.raises(ZooError, match="AlexNet needs images of at least 67x67 pixels, got 66x66"):
        zoo.fit(recipe.override({"augmentation.train.0.size": 66}), dataset=dataset)
    with pytest.raises(ZooError, match="unknown model 'alexnt'"):
        zoo.fit(recipe.override({"model.name": "alexnt"}), dataset=dataset)


def test_patterns_that_match_no_parameter_are_errors(recipe, dataset):
    for field, value in (
        ("initialization.exceptions", {"conv9/bias": Constant(1.0)}),
        ("regularization.decayed", ("*/kernel", "*/scale")),
    ):
        with pytest.raises(ZooError, match=f"{field}: no parameter of alexnet matches"):
            prepare(recipe.override({field: value}), dataset)


def test_custom_data_and_networks_are_checked(recipe, dataset):
    labels = dataset.train.labels.copy()
    labels[7] = 10
    wrong = dataclasses.replace(dataset.train, labels=labels, name="mine")
    with pytest.raises(ZooError, match=r"mine\[7\] has label 10, outside the range 0 to 9"):
        dataclasses.replace(dataset, train=wrong)
    with pytest.raises(
        ZooError, match=r"PixelLogits returns logits of shape \[67, 67, 9\] per example, expected \[10\]"
    ):
        zoo.fit(recipe, dataset=dataset, model=PixelLogits())


def test_decoding_in_advance_does_not_change_the_images(recipe, image_folder):
    folder = zoo.open_source(f"folder:{image_folder}")
    recipe = recipe.override({"model.options.hidden": 8})
    ahead, later = (prepare(recipe, folder, decode_ahead=choice) for choice in (True, False))
    assert ahead.train_pipeline.resident and ahead.eval_pipeline.resident
    assert not later.train_pipeline.resident and not later.eval_pipeline.resident
    np.testing.assert_array_equal(ahead.statistics.mean, later.statistics.mean)


class PixelLogits(nn.Module):
    @nn.compact
    def __call__(self, images, train=False):
        return nn.Dense(9)(images)


def test_a_weight_average_of_mostly_initial_weights_is_an_error(recipe, dataset):
    """0.95 ** 12 is 0.54, and 0.94 ** 12 is 0.48."""
    slow, quick, ramped = (
        recipe.override({"weight_average": WeightAverage(*values)})
        for values in ((0.95, False), (0.94, False), (0.95,))
    )
    with pytest.raises(
        ZooError, match="weight_average.decay is 0.95: after 12 steps, 54% of the average would still be initial"
    ):
        prepare(slow, dataset)
    prepare(quick, dataset)
    prepare(ramped, dataset)


def test_initial_states_of_all_seeds_take_one_trace_of_the_network(recipe, dataset):
    """The trace of a large network takes seconds."""
    traced = []

    class Traced(nn.Module):
        @nn.compact
        def __call__(self, images, train=False):
            traced.append(images.shape)
            return nn.Dense(10, kernel_init=nn.initializers.normal(0.1))(images.mean((1, 2)))

    experiment = prepare(recipe.override({"initialization.kernel": None}), dataset, model=Traced())
    traced.clear()
    assert experiment.abstract_state.params["Dense_0"]["kernel"].shape == (1, 10)
    one, other = (np.asarray(experiment.initial_state(seed).params["Dense_0"]["kernel"]) for seed in (0, 1))
    assert len(traced) == 1 and not np.array_equal(one, other)
