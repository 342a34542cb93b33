"""A reference CNN model zoo whose training recipes are verified.

    recipe = zoo.load_recipe("alexnet")
    result = zoo.fit(recipe)

The public names are loaded when they are first used: command-line programs answer usage errors without waiting for JAX.
"""

import importlib
import sys
import types

_HOME = {
    "ArraySplit": "zoo.data.dataset",
    "Dataset": "zoo.data.dataset",
    "TrainingInterrupted": "zoo.errors",
    "ZooError": "zoo.errors",
    "convolution_lowering": "zoo.layers.lowering",
    "create_model": "zoo.models.registry",
    "cross_validate": "zoo.training.cross_validation",
    "evaluate": "zoo.training.evaluation",
    "export_weights": "zoo.weights",
    "features": "zoo.features",
    "fit": "zoo.training.fit",
    "import_weights": "zoo.weights",
    "list_models": "zoo.models.registry",
    "list_recipes": "zoo.recipe",
    "load_recipe": "zoo.recipe",
    "load_run": "zoo.training.restoring",
    "open_source": "zoo.data.sources",
    "summarize": "zoo.summary",
}

__all__ = [
    "ArraySplit",
    "Dataset",
    "TrainingInterrupted",
    "ZooError",
    "convolution_lowering",
    "create_model",
    "cross_validate",
    "evaluate",
    "export_weights",
    "features",
    "fit",
    "import_weights",
    "list_models",
    "list_recipes",
    "load_recipe",
    "load_run",
    "open_source",
    "summarize",
]


class _Package(types.ModuleType):
    """The programs `zoo.evaluate` and `zoo.summarize` must not hide the functions of these names once imported."""

    def __setattr__(self, name, value):
        if not (name in _HOME and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__():
    return __all__
