"""Arguments of the wrong type or out of range raise a `ZooError` with a one-line message."""

import pathlib

import pytest
from examples import tiny_dataset
from tiny import RECIPE

import zoo
from zoo.errors import ZooError


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"recipe": "lenet5"}, "recipe must be a recipe, such as zoo.load_recipe(NAME); got 'lenet5'"),
        (
            {"dataset": "folder:flowers"},
            "dataset must be a data set: zoo.Dataset(...) or zoo.open_source(SOURCE); got 'folder:flowers'",
        ),
        ({"dataset": ([1], [2])}, "zoo.open_source(SOURCE); got ([1], [2])"),
        ({"model": "lenet5"}, "model must be a Flax module, such as zoo.create_model(NAME); got 'lenet5'"),
        ({"model": dict}, "zoo.create_model(NAME); got <class 'dict'>"),
        ({"workdir": 3}, "workdir must be the path of a folder (pass data as dataset=...); got 3"),
        ({"seed": 1.5}, "seed must be an integer, not 1.5"),
        ({"seed": "1"}, "seed must be an integer, not '1'"),
        ({"seed": True}, "seed must be an integer, not True"),
        ({"seed": 2**32}, "seed must be from 0 to 2^32 - 1, not 4294967296"),
        ({"workers": -1}, "workers must be 0 or more, not -1"),
        ({"steps_per_execution": "2"}, "steps_per_execution must be an integer, not '2'"),
        ({"steps_per_execution": -1}, "steps_per_execution must be 0 or more, not -1"),
        ({"devices": []}, "devices is empty; omit it to use all devices"),
    ],
)
def test_arguments_of_fit(arguments, words):
    with pytest.raises(ZooError) as error:
        zoo.fit(**{"recipe": RECIPE, "dataset": tiny_dataset(), **arguments})
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("spec", [None, 3, pathlib.Path("flowers"), ["folder:flowers"]])
def test_a_data_set_is_named_by_a_text(spec):
    with pytest.raises(ZooError, match="the name of a data set must be a string, such as 'folder:flowers', not"):
        zoo.open_source(spec)


@pytest.mark.parametrize("classes", ["10", 2.5, True])
def test_a_number_of_classes_is_a_number(classes):
    with pytest.raises(ZooError, match="lenet5: num_classes must be an integer, not "):
        zoo.create_model("lenet5", classes)


@pytest.mark.parametrize("changes", [[("budget.steps", 3)], "budget.steps=3", {3: 4}])
def test_changes_are_by_dotted_path(changes):
    with pytest.raises(ZooError, match="override expects a mapping by dotted path"):
        RECIPE.override(changes)
