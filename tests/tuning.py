"""Fixtures and recipes for fine-tuning."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from flax import traverse_util

import zoo
from zoo.data.dataset import Dataset
from zoo.data.split import ArraySplit
from zoo.recipe import *
from zoo.training.prepare import prepare

TRANSFORMS = (Resize(16), Normalize())
RECIPE = Recipe(  # a ResNet of 8 layers with batch normalization
    model=Model("resnet20", options={"blocks": 1, "width": 4}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(),
    augmentation=Augmentation(train=TRANSFORMS, eval=TRANSFORMS),
    initialization=Initialization(),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.05),
    regularization=Regularization(weight_decay=1e-3),
    budget=Budget(batch_size=16, steps=8, evaluate_every=0.5, interim_examples=32),
)
FROZEN = ("conv1/*", "bn1/*", "layer1_*")


def with_classes(dataset, classes):
    """Returns the examples of the given classes, with labels from 0."""

    def select(split):
        kept = np.isin(split.labels, classes)
        labels = np.searchsorted(classes, split.labels[kept]).astype(np.int32)
        return ArraySplit(split.images[kept], labels)

    names = [dataset.class_names[label] for label in classes]
    return Dataset("subset", select(dataset.train), select(dataset.eval), names, channels=1)


@pytest.fixture(scope="module")
def three(dataset):
    """A data set of three classes."""
    return with_classes(dataset, [1, 5, 8])


@pytest.fixture(scope="module")
def source(dataset, tmp_path_factory):
    """The run folder of a network trained on ten classes."""
    folder = tmp_path_factory.mktemp("source") / "run"
    zoo.fit(RECIPE, folder, dataset=dataset)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """(variables of a network for ten classes, a weight file of them in the PyTorch layout)."""
    path = tmp_path_factory.mktemp("weights") / "net.safetensors"
    model = zoo.create_model("bn_cnn", 10)
    variables = model.init(jax.random.key(7), jnp.zeros((1, 16, 16, 1)), train=False)
    safetensors.numpy.save_file(zoo.export_weights(model, variables, layout="torch"), path)
    return variables, path


def of_file(path, **fields):
    """Returns a recipe that fine-tunes `bn_cnn` from a weight file."""
    return RECIPE.override({"model": Model("bn_cnn"), "transfer": Transfer(str(path), **{"layout": "torch", **fields})})


def tuned(**fields):
    return RECIPE.override({"transfer": Transfer(**fields)})


def flat(tree):
    return {path: np.asarray(value) for path, value in traverse_util.flatten_dict(tree, sep="/").items()}


def start_of(recipe, dataset, seed=0):
    return flat(prepare(recipe, dataset).initial_state(seed).variables)


def is_frozen(path):
    return path.split("/")[1] in ("conv1", "bn1", "layer1_0")
