"""A reference CNN model zoo whose training recipes are verified.

    recipe = zoo.load_recipe("alexnet")
    result = zoo.fit(recipe)

Public names are imported on first use, so that command-line programs report usage errors without importing JAX.
"""

import importlib
import sys
import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The names in `_HOME`, in the form that type checkers and editors read; a test compares the two.
    from zoo.catalog import list_recipes as list_recipes
    from zoo.catalog import load_recipe as load_recipe
    from zoo.data.dataset import Dataset as Dataset
    from zoo.data.sources import open_source as open_source
    from zoo.data.sources import register_source as register_source
    from zoo.data.split import ArraySplit as ArraySplit
    from zoo.doctor.diagnosing import diagnose as diagnose
    from zoo.errors import TrainingInterrupted as TrainingInterrupted
    from zoo.errors import ZooError as ZooError
    from zoo.inference.export import export as export
    from zoo.inference.loading import load_classifier as load_classifier
    from zoo.inspect.activations import features as features
    from zoo.inspect.summary import summarize as summarize
    from zoo.layers.lowering import convolution_lowering as convolution_lowering
    from zoo.models.registry import create_model as create_model
    from zoo.models.registry import list_models as list_models
    from zoo.training.cross_validation import cross_validate as cross_validate
    from zoo.training.evaluate import evaluate as evaluate
    from zoo.training.fit import fit as fit
    from zoo.training.run.load_run import load_run as load_run
    from zoo.training.tracking import Tracker as Tracker
    from zoo.weights import export_weights as export_weights
    from zoo.weights import import_weights as import_weights

_HOME = {
    "ArraySplit": "zoo.data.split",
    "Dataset": "zoo.data.dataset",
    "Tracker": "zoo.training.tracking",
    "TrainingInterrupted": "zoo.errors",
    "ZooError": "zoo.errors",
    "convolution_lowering": "zoo.layers.lowering",
    "create_model": "zoo.models.registry",
    "cross_validate": "zoo.training.cross_validation",
    "diagnose": "zoo.doctor.diagnosing",
    "evaluate": "zoo.training.evaluate",
    "export": "zoo.inference.export",
    "export_weights": "zoo.weights",
    "features": "zoo.inspect.activations",
    "fit": "zoo.training.fit",
    "import_weights": "zoo.weights",
    "list_models": "zoo.models.registry",
    "list_recipes": "zoo.catalog",
    "load_classifier": "zoo.inference.loading",
    "load_recipe": "zoo.catalog",
    "load_run": "zoo.training.run.load_run",
    "open_source": "zoo.data.sources",
    "register_source": "zoo.data.sources",
    "summarize": "zoo.inspect.summary",
}

__all__ = list(_HOME)


class _Package(types.ModuleType):
    """The type of this module; keeps functions such as `evaluate` when the program `zoo.evaluate` is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


if not TYPE_CHECKING:  # type checkers report names that are not imported above

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module 'zoo' has no attribute {name!r}")
        return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
