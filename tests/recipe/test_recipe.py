"""Tests of recipes: validation, overrides, JSON, fingerprints and loading."""

import dataclasses
import json

import pytest

import zoo
from zoo.errors import ZooError
from zoo.recipe import *
from zoo.recipe.assignments import parse_changes


@pytest.fixture(scope="module")
def recipe():
    return zoo.load_recipe("alexnet")


@pytest.mark.parametrize("name", zoo.list_recipes())
def test_shipped_recipes_state_the_provenance_of_every_field(name):
    recipe = zoo.load_recipe(name)
    stated = [path for path, value in recipe.flat().items() if value is not None and not path.endswith("kind")]
    assert [path for path in stated if not recipe.source_of(path)] == []


def test_provenance_comes_from_the_longest_path_or_the_default(recipe):
    bare = dataclasses.replace(recipe, provenance={"budget": "a paper"})
    fields = ("budget.accumulation", "precision.gpu", "optimizer.rate_in_momentum")
    assert all(bare.source_of(path).startswith("ours: ") for path in fields)
    assert bare.source_of("budget.steps") == "a paper" and bare.source_of("optimizer.momentum") is None
    assert Budget(32, steps=1).default_source("accumulation")
    assert Budget(32, steps=1, accumulation=2).default_source("accumulation") is None
    changed = bare.override({"budget.accumulation": 1, "precision": Precision()})
    assert changed.source_of("budget.accumulation") == changed.source_of("precision.gpu") == "overridden"
    own = dataclasses.replace(recipe, provenance={"budget.accumulation": "a paper", "precision": "its code"})
    assert own.source_of("budget.accumulation") == "a paper" and own.source_of("precision.gpu") == "its code"
    with pytest.raises(ZooError, match="did you mean"):
        recipe.source_of("schedul.peak")


@pytest.mark.parametrize("name", zoo.list_recipes())
def test_shipped_recipes_survive_json(name):
    recipe = zoo.load_recipe(name)
    again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert again == recipe and again.fingerprint == recipe.fingerprint


@pytest.mark.parametrize("name", zoo.list_recipes())
def test_every_part_of_a_shipped_recipe_can_be_replaced_as_a_whole(name):
    recipe = zoo.load_recipe(name)
    for field in dataclasses.fields(recipe):
        if field.name != "provenance":
            part = getattr(recipe, field.name)
            changed = recipe.override({field.name: part})
            assert recipe.difference(changed) == [] and changed.fingerprint == recipe.fingerprint
            assert changed.source_of(field.name) == "overridden"


def change(recipe, *assignments):
    return recipe.override(parse_changes(recipe, assignments))


def test_overrides_are_typed_and_recorded(recipe):
    changed = change(
        recipe,
        "schedule.peak=1",
        "model.options.hidden=64",
        "augmentation.train.0.size=67",
        "initialization.kernel=Normal(0.5)",
        "initialization.exceptions={'fc8/kernel': Normal(0.01), 'fc8/bias': Constant(value=1.0)}",
        "data.source=folder:a=b",
        "target=None",
        "optimizer.nesterov=true",
    )
    assert changed.schedule.peak == 1.0 and isinstance(changed.schedule.peak, float)
    assert changed.model.options["hidden"] == 64 and changed.augmentation.train[0] == Resize(67)
    assert changed.initialization.kernel == Normal(0.5) and changed.data.source == "folder:a=b"
    assert changed.initialization.exceptions == {"fc8/kernel": Normal(0.01), "fc8/bias": Constant(1.0)}
    assert changed.target is None and changed.optimizer.nesterov is True
    assert changed.source_of("schedule.peak") == "overridden"
    assert recipe.schedule.peak != 1 and recipe.fingerprint != changed.fingerprint


def test_changes_to_one_part_are_validated_together(recipe):
    changed = change(recipe, "budget.steps=None", "budget.epochs=2")
    assert (changed.budget.steps, changed.budget.epochs) == (None, 2.0)


@pytest.mark.parametrize(
    ("assignment", "message"),
    {
        "schedule.peek=1": "unknown recipe field 'schedule.peek': did you mean 'schedule.peak'",
        "schedul.peak=1": "did you mean 'schedule",
        "schedule.peak=high": "schedule.peak must be a number, not 'high'",
        "schedule.peak=-1": "Cosine.peak must be positive, not -1.0",
        "schedule.peak=true": "schedule.peak must be a number, not True",
        "schedule.warmup=1": "Cosine.warmup must be in",
        "schedule=HeNormal": "schedule must be one of ConstantRate, Cosine, Polynomial, MultiStep, Step, Exponential,"
        " OneCycle, ReduceOnPlateau",
        "schedule=Cosin(peak=1)": "unknown part of a recipe 'Cosin': did you mean 'Cosine'",
        "initialization.kernel=Normal(0.5, 0.1)": "too many values, or a field given twice; its fields are stddev",
        "initialization.kernel=Normal(0.5, stddev=0.1)": "Normal: too many values, or a field given twice",
        "schedule=Cosine(paek=1)": "unknown field of Cosine 'paek': did you mean 'peak'",
        "schedule=Cosine": "Cosine requires peak",
        "schedule": "expected --set=PATH=VALUE",
        "budget.steps=1.5": "budget.steps must be an integer or None, not 1.5",
        "budget.steps=0": "Budget.steps must be positive",
        "budget.epochs=2": "Budget needs either steps or epochs",
        "budget.accumulation=7": "a divisor of batch_size",
        "augmentation.train.9.size=3": "'9' is not in",
        "augmentation.eval=[Resize(size=67),HorizontalFlip,Normalize]": "eval must be without random transforms",
        "augmentation.train=[Resize(size=67)]": "exactly one Normalize",
        "regularization.label_smoothing=1": "label_smoothing must be in",
        "target.value=70": "Target.value must be in (0, 1], not 70.0",
        "precision.gpu=float16": "Precision.gpu must be float32 or bfloat16, not 'float16'",
        "optimizer.momentum=1": "momentum must be in",
    }.items(),
)
def test_invalid_overrides_are_reported_in_one_line(recipe, assignment, message):
    with pytest.raises(ZooError) as error:
        change(recipe, assignment)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_incompatible_values_are_rejected(recipe):
    with pytest.raises(ZooError, match="PixelMean requires aligned images"):
        recipe.override({"normalization": PixelMean(), "augmentation.train": (RandomCrop(67), Normalize())})
    with pytest.raises(ZooError, match="unknown recipe field 'schedule.peek'"):
        recipe.override({"provenance": {"schedule.peek": "a paper"}})
    with pytest.raises(ZooError, match="off with rate_in_momentum"):
        SGD(nesterov=True, rate_in_momentum=True)
    with pytest.raises(ZooError, match="in rising order"):
        MultiStep(0.1, boundaries=(0.5, 0.2))
    with pytest.raises(ZooError, match="after the warm-up"):
        MultiStep(0.1, warmup=0.3, boundaries=(0.2,))


def test_differences_and_fingerprints(recipe):
    other = change(recipe, "schedule.peak=0.5")
    assert recipe.difference(other) == [f"schedule.peak: {recipe.schedule.peak}, 0.5"]
    commented = recipe.override({"provenance": {"model": "another word for it"}})
    assert commented.fingerprint == recipe.fingerprint and not recipe.difference(commented)


def test_finding_recipes(tmp_path, monkeypatch, recipe):
    assert "alexnet" in zoo.list_recipes() and zoo.list_recipes("alexnet_imagenet*") == [
        "alexnet_imagenet",
        "alexnet_imagenette",
    ]
    assert zoo.load_recipe("recipes.alexnet") == recipe
    mine = tmp_path / "mine.py"
    mine.write_text("from recipes.alexnet import RECIPE as BASE\nRECIPE = BASE.override({'schedule.peak': 0.5})\n")
    assert zoo.load_recipe(str(mine)).schedule.peak == 0.5
    for name, message in {
        "alexnt": "did you mean 'alexnet'",
        "no/such.py": "there is no recipe file",
        "no.such": "there is no recipe module",
        "zoo.cli": "expected a recipe file with a constant RECIPE",
    }.items():
        with pytest.raises(ZooError, match=message):
            zoo.load_recipe(name)
    for text, message in {
        "from zoo.recipe import *\nRECIPE = Recip()\n": "mine.py, line 2: NameError: name 'Recip' is not defined",
        "RECIPE = (\n": "mine.py, line 1: SyntaxError: '\\(' was never closed",
        "import json\njson.loads('')\n": "mine.py, line 2: JSONDecodeError: Expecting value",
    }.items():
        mine.write_text(text)
        with pytest.raises(ZooError, match=message):
            zoo.load_recipe(str(mine))
        monkeypatch.chdir(tmp_path)  # where the user's file can be given by its name
        with pytest.raises(ZooError, match=message):
            zoo.load_recipe(mine.name)


def test_functions_that_moved_to_the_catalog_name_their_new_module():
    with pytest.raises(ImportError, match="load_recipe has moved: from zoo.catalog import load_recipe"):
        from zoo.recipe import load_recipe  # noqa: F401
    with pytest.raises(AttributeError, match="no attribute 'load_recip'"):
        zoo.recipe.load_recip  # noqa: B018
