"""Tests of the types that a type checker finds in a user's file, and of the names imported for type checkers only."""

import ast
import collections
import inspect
import os
import re
import subprocess
import sys

import pytest
from programs import ROOT

import zoo
from zoo.training.cross_validation import FitOptions

RIGHT = """
from collections.abc import Sequence
from typing import Any, assert_type

import flax.linen as nn
import numpy as np

import zoo
import zoo.evaluate
import zoo.summarize
from zoo import create_model
from zoo.data.normalization import Statistics
from zoo.recipe import *
from zoo.inspect.summary import Row, Summary
from zoo.training.cross_validation import CrossValidation
from zoo.training.fit import FitResult
from zoo.training.run.load_run import TrainedRun
from zoo import Tracker

assert_type(zoo.list_models("resnet*"), list[str])
assert_type(zoo.list_recipes("*imagenette"), list[str])
model = zoo.create_model("alexnet", num_classes=10, dropout=0.1)
assert_type(model, nn.Module)
assert_type(create_model("lenet5"), nn.Module)

recipe = zoo.load_recipe("alexnet")
assert_type(recipe, Recipe)
assert_type(recipe.override({"schedule.peak": 0.02}), Recipe)
assert_type(recipe.budget.batch_size, int)
assert_type(recipe.target, Target | None)
assert_type(recipe.fingerprint, str)
assert_type(SGD(0.9).momentum, float)

result = zoo.fit(recipe, workdir=None, seed=1)
assert_type(result, FitResult)
assert_type(result.verdict.converged, bool)
assert_type(result.verdict.reached_step, int | None)
assert_type(result.history, list[dict[str, Any]])
assert_type(result.statistics, Statistics)
assert_type(zoo.evaluate(recipe, result.variables), dict[str, Any])
assert_type(zoo.cross_validate(recipe, 5, workers=2), CrossValidation)
assert_type(zoo.load_run("runs/mine"), TrainedRun)

summary = zoo.summarize("alexnet", (227, 227, 3))
assert_type(summary, Summary)
assert_type(summary.rows[0], Row)
assert_type(summary.rows[0].params, int)

weights = zoo.import_weights("resnet18", "resnet18.safetensors")
assert_type(weights, dict[str, Any])
assert_type(zoo.export_weights(model, weights), dict[str, np.ndarray])

data = zoo.open_source("folder:flowers")
assert_type(data, zoo.Dataset)
assert_type(data.class_names, Sequence[str])
split = zoo.ArraySplit(np.zeros((8, 28, 28, 1), np.uint8), np.zeros(8, np.int32))
own = zoo.Dataset("mine", split, split, ("cat", "dog"), channels=1)
zoo.fit(recipe, dataset=own, model=nn.Dense(2))


class Printing(Tracker):
    def train(self, record: dict[str, Any]) -> None:
        print(record)


zoo.fit(recipe, trackers=[Printing()])
try:
    zoo.load_recipe("alexnot")
except zoo.ZooError as error:
    print(error)
"""

# Lines with an error, and mypy's code for it.
WRONG = {
    "zoo.fit(recipe, sead=1)": "call-arg",
    "zoo.fit('alexnet')": "arg-type",
    "zoo.cross_validate(recipe, 5, worker=2)": "call-arg",
    "zoo.resnet": "attr-defined",
    "result.verdict.convergd": "attr-defined",
    "number: int = zoo.summarize('alexnet').rows": "assignment",
    "SGD(momentun=0.9)": "call-arg",
    "Budget(batch_size='32')": "arg-type",
    "zoo.import_weights(3, 'weights.pth')": "arg-type",
}


@pytest.fixture(scope="module")
def found(request, tmp_path_factory):
    """mypy's errors by line of a user's file; under "" those in correct lines."""
    pytest.importorskip("mypy", reason="needs mypy")
    folder = tmp_path_factory.mktemp("types")
    (folder / "user.py").write_text(RIGHT + "".join(f"{line}\n" for line in WRONG))
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=", "user.py"]
    # Without the cache, reading the types of JAX and Flax takes 15 s.
    command.append(f"--cache-dir={request.config.cache.mkdir('mypy')}")
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    lines, errors = (folder / "user.py").read_text().splitlines(), collections.defaultdict(list)
    for line, message in re.findall(r"^user\.py:(\d+): error: (.*)$", done.stdout, re.MULTILINE):
        text = lines[int(line) - 1]
        errors[text if text in WRONG else ""].append(message if text in WRONG else f"{text}: {message}")
    return errors


@pytest.mark.slow
def test_a_users_file_has_the_expected_types(found):
    assert found[""] == []


@pytest.mark.slow
@pytest.mark.parametrize("line", WRONG)
def test_an_error_in_a_users_file_is_found(found, line):
    (message,) = found[line]
    assert message.endswith(f"[{WRONG[line]}]")


def test_packages_have_a_py_typed_marker():
    assert all((ROOT / package / "py.typed").exists() for package in ("zoo", "recipes"))


def test_imports_for_type_checkers_match_the_public_names():
    (block,) = (
        node.body
        for node in ast.parse(inspect.getsource(zoo)).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    # Without "as", an imported name is not public to type checkers.
    assert {name.asname: (node.module, name.name) for node in block for name in node.names} == {
        name: (home, name) for name, home in zoo._HOME.items()
    }


def test_cross_validation_takes_the_options_of_fit():
    own = {"recipe", "workdir", "seed", "dataset", "trackers"}
    of_one_run = {"experiment"}
    assert set(FitOptions.__annotations__) == inspect.signature(zoo.fit).parameters.keys() - own - of_one_run
