"""Arguments of the library that are of another type or out of range: one line each, as the command line would say it."""

import pathlib

import pytest
from examples import tiny_dataset
from tiny import RECIPE

import zoo
from zoo.errors import ZooError


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"recipe": "lenet5"}, "recipe is 'lenet5', and takes zoo.load_recipe(NAME)"),
        (
            {"dataset": "folder:flowers"},
            "dataset is 'folder:flowers', and takes zoo.Dataset(...) or zoo.open_source(SOURCE)",
        ),
        ({"dataset": ([1], [2])}, "dataset is ([1], [2]), and takes"),
        ({"model": "lenet5"}, "model is 'lenet5', and takes zoo.create_model(NAME)"),
        ({"model": dict}, "model is <class 'dict'>, and takes"),
        ({"workdir": 3}, "workdir is 3, and takes the path of a folder (data is dataset=...)"),
        ({"seed": 1.5}, "the seed is 1.5, it must be a whole number"),
        ({"seed": "1"}, "the seed is '1', it must be a whole number"),
        ({"seed": True}, "the seed is True, it must be a whole number"),
        ({"seed": 2**32}, "the seed is 4294967296, it must be from 0 to 2^32 - 1"),
        ({"workers": -1}, "workers is -1, it must be 0 or more"),
        ({"steps_per_execution": "2"}, "steps_per_execution is '2', it must be a whole number"),
        ({"steps_per_execution": -1}, "steps_per_execution is -1, it must be 0 or more"),
        ({"devices": []}, "devices is empty"),
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
    with pytest.raises(ZooError, match="override takes changes by dotted path"):
        RECIPE.override(changes)
