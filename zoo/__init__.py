"""A reference CNN model zoo whose training recipes are verified.

    recipe = zoo.load_recipe("alexnet")
    result = zoo.fit(recipe)

The public names are loaded when they are first used: command-line programs answer usage errors without waiting for JAX.
"""

import importlib

_HOME = {
    "TrainingInterrupted": "zoo.errors",
    "ZooError": "zoo.errors",
    "create_model": "zoo.models.registry",
    "evaluate": "zoo.training.evaluation",
    "fit": "zoo.training.loop",
    "import_weights": "zoo.weights",
    "list_models": "zoo.models.registry",
    "list_recipes": "zoo.recipe",
    "load_recipe": "zoo.recipe",
    "load_run": "zoo.training.restoring",
    "open_source": "zoo.data.sources",
    "summarize": "zoo.summary",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__():
    return __all__
