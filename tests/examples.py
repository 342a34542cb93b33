"""Recipes and data sets that train in seconds."""

import numpy as np

import zoo
from zoo.data.dataset import Dataset
from zoo.data.split import ArraySplit
from zoo.recipe import *


def small(recipe, **changes):
    """Returns a variant of an AlexNet recipe that trains in seconds: smallest images, narrow layers, 12 steps."""
    return recipe.override(
        {
            "augmentation.train.0.size": 67,
            "augmentation.eval.0.size": 67,
            "model.options.hidden": 32,
            "budget.batch_size": 16,
            "budget.steps": 12,
            "budget.evaluate_every": 0.25,
            "budget.interim_examples": 64,
            "target": None,
            **{name.replace("__", "."): value for name, value in changes.items()},
        }
    )


def tiny_dataset():
    """Returns a subset of Fashion-MNIST: 2,000 training and 200 evaluation images."""
    whole = zoo.open_source("fashion_mnist")
    train, test = (
        ArraySplit(split.images[:count], split.labels[:count])
        for split, count in ((whole.train, 2000), (whole.eval, 200))
    )
    return Dataset("tiny", train, test, whole.class_names, channels=1)


def tabular(source="synthetic:random_10", **changes):
    """Returns a recipe for vectors of features that trains in a second."""
    recipe = Recipe(
        model=Model("mlp", options={"hidden": [16]}),
        data=Data(source),
        normalization=FeatureMeanStd(),
        augmentation=Augmentation(train=(Normalize(),), eval=(Normalize(),)),
        initialization=Initialization(),
        optimizer=SGD(),
        schedule=ConstantRate(0.1),
        regularization=Regularization(),
        budget=Budget(batch_size=32, steps=20, evaluate_every=0.5),
    )
    return recipe.override({name.replace("__", "."): value for name, value in changes.items()})


def features_dataset(train, labels, evaluation=None, evaluation_labels=None, classes=2):
    """Makes a data set of feature vectors [N, F]; the evaluation examples default to the training examples."""
    evaluation = train if evaluation is None else evaluation
    evaluation_labels = labels if evaluation_labels is None else evaluation_labels
    splits = (
        ArraySplit(np.asarray(rows, np.float32)[:, None, None, :], np.asarray(numbers, np.int32), name)
        for rows, numbers, name in ((train, labels, "train"), (evaluation, evaluation_labels, "eval"))
    )
    features = np.asarray(train).shape[1]
    names = tuple(f"x{column}" for column in range(features))
    return Dataset("features", *splits, tuple(map(str, range(classes))), channels=features, feature_names=names)
