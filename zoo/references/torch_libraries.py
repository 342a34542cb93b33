"""The zoo's networks as others have them in PyTorch: torchvision's, timm's, and those of zoo/references/torch_networks.

torchvision's wheels for CUDA can be used beside a PyTorch for the CPU: two operators that they lack are declared here.
"""

import functools
import importlib
import platform
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from zoo.errors import ZooError, unknown
from zoo.models.registry import find_entry

# The libraries' names of networks, where they are not the zoo's.
TORCHVISION = {"alexnet_owt": "alexnet", "googlenet_bn": "googlenet"}
TIMM = {
    "inception_v4": "inception_v4",
    "inception_resnet_v2": "inception_resnet_v2",
    "xception": "legacy_xception",
    "resnetv2_50": "resnetv2_50",
    "mobilenet_v1": "mobilenetv1_100",
    "efficientnet_lite0": "tf_efficientnet_lite0",
    **{
        name: name
        for name in ("vgg16", "vgg19_bn", "resnet18", "resnet50", "densenet121", "inception_v3", "convnext_tiny")
    },
    **{name: name for name in ("wide_resnet50_2", "resnext50_32x4d", "efficientnet_b0")},
    "mobilenet_v2": "mobilenetv2_100",
    "mobilenet_v3_large": "mobilenetv3_large_100",
    "mnasnet1_0": "mnasnet_100",
    "regnet_y_400mf": "regnety_004",
}

# What the functions are called with that make the zoo's networks, where it is not their default.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "googlenet_bn": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
    # Padding and epsilon as in Keras, and the paper's ReLU; by default timm has PyTorch's, and ReLU6.
    "mobilenet_v1": {"pad_type": "same", "bn_eps": 1e-3, "act_layer": "relu"},
}


class Implementation(NamedTuple):
    """A network in PyTorch.

    Attributes:
      network: a `torch.nn.Module`, in evaluation mode.
      origin: what it is and how it was made, as reference files begin: `model`, `builder`, `kwargs`, `versions`.
    """

    network: Any
    origin: dict[str, Any]


class Library(NamedTuple):
    """Where networks in PyTorch are from.

    Attributes:
      module: that has the functions which make them.
      functions: loads them, by name.
      names: its names of networks, where they are not the zoo's.
      packages: whose versions have a part in the numbers.
    """

    module: str
    functions: Callable[[], Mapping[str, Callable]]
    names: Mapping[str, str]
    packages: tuple[str, ...]


def build(model_name: str) -> Implementation:
    """The network in PyTorch for one of the zoo's names.

    Raises:
      ZooError: no library has it, or the library is not installed.
    """
    layouts = find_entry(model_name).layouts
    layout = next((layout for layout in LIBRARIES if layout in layouts), None)
    if layout is None:
        raise ZooError(f"{model_name} has the layout of none of {', '.join(LIBRARIES)}, and so no network in PyTorch")
    library = LIBRARIES[layout]
    functions, known_as = library.functions(), library.names.get(model_name, model_name)
    if known_as not in functions:
        raise unknown(f"network of {library.module}", known_as, functions)
    arguments = ARGUMENTS.get(model_name, {})
    versions = {package: importlib.import_module(package).__version__ for package in library.packages}
    origin = {
        "model": known_as,
        "builder": f"{library.module}.{known_as}",
        "kwargs": arguments,
        "versions": {"python": platform.python_version(), **versions},
    }
    return Implementation(functions[known_as](**arguments).eval(), origin)


def _torchvision():
    models = load("torchvision.models")
    return {name: models.get_model_builder(name) for name in models.list_models(module=models)}


def _timm():
    load("torchvision")  # which timm imports
    models = load("timm.models")
    return {name: models.model_entrypoint(name) for name in models.list_models()}


def _own():
    return load("zoo.references.torch_networks").NETWORKS


LIBRARIES = {
    "torchvision": Library("torchvision.models", _torchvision, TORCHVISION, ("numpy", "torch", "torchvision")),
    "timm": Library("timm.models", _timm, TIMM, ("numpy", "torch", "timm")),
    "torch": Library("zoo.references.torch_networks", _own, {}, ("numpy", "torch")),
}


def load(module: str) -> Any:
    """A module of PyTorch's, torchvision's or timm's, or a `ZooError` that says how to install it."""
    try:
        _declare_operators()
        return importlib.import_module(module)
    except ImportError as error:
        raise ZooError(f"this needs {error.name}: python -m pip install torch torchvision timm") from None


@functools.cache
def _declare_operators():
    """What torchvision's wheels for CUDA lack. The cache keeps it alive: what a library declares goes with it."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library
