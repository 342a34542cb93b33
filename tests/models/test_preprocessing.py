"""Tests that preprocessing of published weights is that of their frameworks, on photographs."""

import importlib
import os

import jax
import numpy as np
import pytest
from photographs import photographs
from pictures import torchvision
from PIL import Image

from zoo.data import augment
from zoo.data.normalization import Statistics
from zoo.data.pipeline import evaluation_batches
from zoo.inference.classifier import Classifier
from zoo.models.class_names import imagenet_class_names
from zoo.models.registry import entries
from zoo.references.torch_libraries import TIMM, TORCHVISION, load


def networks(layout):
    return [name for name, entry in entries().items() if layout in entry.layouts]


def prepared(preprocessing, examples):
    """Returns images as the zoo prepares them for a network with such weights, float32 [N, H, W, C]."""
    mean, std = (np.array(value, np.float32) for value in (preprocessing.mean, preprocessing.std))
    statistics = Statistics(mean, std, np.zeros((3, 3), np.float32))
    classifier = Classifier(None, {}, preprocessing.transforms, statistics, ("a", "b"))
    split = classifier.open(examples)
    (batch,) = evaluation_batches(classifier.pipeline(split, pytest.fail), len(split))
    _, device = classifier.host_and_device_transforms
    return np.stack([augment.apply(device, image, jax.random.key(0), statistics) for image in batch.image])


def test_every_layout_of_a_framework_states_its_preprocessing():
    for name, entry in entries().items():
        for layout, known in entry.layouts.items():
            if layout == "torch":  # definitions without published weights
                assert known.preprocessing is None
            else:
                assert known.preprocessing is not None, (name, layout)
                assert known.preprocessing.crop == entry.input_shape[0], (name, layout)


@pytest.fixture(scope="module")
def wide_and_high(tmp_path_factory):
    """Photographs of several proportions, whose resized sides and borders are odd numbers for some crops."""
    folder = tmp_path_factory.mktemp("photographs")
    paths = []
    for number, size in enumerate([(640, 427), (427, 641), (500, 333), (301, 300)]):
        path = folder / f"{number}.png"
        with Image.open(photographs()[number % 2]) as image:
            image.resize(size).save(path)
        paths.append(path)
    return paths


@pytest.mark.parametrize("name", networks("torchvision"))
def test_torchvision(name, wide_and_high):
    models = torchvision_models()
    weights = models.get_model_weights(TORCHVISION.get(name, name)).DEFAULT
    assert tuple(weights.meta["categories"]) == imagenet_class_names()
    compare(entries()[name].layouts["torchvision"].preprocessing, weights.transforms(), wide_and_high)


@pytest.mark.parametrize("name", networks("timm"))
def test_timm(name, wide_and_high):
    torchvision_models()
    models, data = (pytest.importorskip(f"timm.{module}", reason="needs timm") for module in ("models", "data"))
    config = models.get_pretrained_cfg(TIMM[name]).to_dict()
    settings = {key: config[key] for key in ("crop_pct", "crop_mode", "interpolation", "mean", "std")}
    transform = data.create_transform(config["input_size"][1:], **settings)
    compare(entries()[name].layouts["timm"].preprocessing, transform, wide_and_high)


def torchvision_models():
    torchvision("functional")  # skips without it
    return load("torchvision.models")


def compare(preprocessing, transform, paths):
    wanted = [transform(Image.open(path).convert("RGB")).permute(1, 2, 0).numpy() for path in paths]
    np.testing.assert_allclose(prepared(preprocessing, paths), np.stack(wanted), atol=1e-5)


KERAS_MODULES = {
    **{name: "densenet" for name in networks("keras") if name.startswith("densenet")},
    **{name: "convnext" for name in networks("keras") if name.startswith("convnext")},
    "inception_resnet_v2": "inception_resnet_v2",
    "mobilenet_v1": "mobilenet",
    "vgg16": "vgg16",
    "vgg19": "vgg19",
    "xception": "xception",
}


@pytest.mark.parametrize("name", networks("keras"))
def test_keras_value_range(name):
    """Compares normalized values, and the order of channels, of images that need no resizing."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    pytest.importorskip("keras", reason="needs keras")
    module = importlib.import_module(f"keras.applications.{KERAS_MODULES[name]}")
    preprocessing = entries()[name].layouts["keras"].preprocessing
    image = np.random.default_rng(0).integers(0, 256, (preprocessing.resize, preprocessing.resize, 3), np.uint8)
    start = round((preprocessing.resize - preprocessing.crop) / 2)
    crop = image[start : start + preprocessing.crop, start : start + preprocessing.crop]
    wanted = module.preprocess_input(crop.astype(np.float32))
    if name.startswith("convnext"):  # preprocessing is a layer of the network
        mean, std = ([255 * value for value in values] for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        wanted = (wanted - mean) / std
    np.testing.assert_allclose(prepared(preprocessing, image)[0], wanted, atol=1e-4)
