"""PyTorch implementations of the zoo's networks, from torchvision, timm and zoo/references/torch_networks.

torchvision's CUDA wheels also work with a CPU-only PyTorch: the two operators that they then lack are declared here.
"""

import functools
import importlib
import platform
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from zoo.errors import ZooError, unknown
from zoo.extras import install_command
from zoo.models.registry import find_entry

# Names of networks in the libraries, where they differ from the zoo's.
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

# Arguments of the builder functions that make them build the zoo's networks, where the defaults do not.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "googlenet_bn": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
    # Padding and epsilon as in Keras, and the paper's ReLU; timm's defaults are PyTorch's, and ReLU6.
    "mobilenet_v1": {"pad_type": "same", "bn_eps": 1e-3, "act_layer": "relu"},
}


class Implementation(NamedTuple):
    """A PyTorch implementation of a network.

    Attributes:
      network: a `torch.nn.Module`, in evaluation mode.
      origin: how it was built, as stored in reference files: `model`, `builder`, `kwargs`, `versions`.
    """

    network: Any
    origin: dict[str, Any]


class Library(NamedTuple):
    """A library of PyTorch networks.

    Attributes:
      module: the module with the builder functions.
      functions: returns the builder functions by name.
      names: the library's names of networks, where they differ from the zoo's.
      packages: packages whose versions affect the outputs.
    """

    module: str
    functions: Callable[[], Mapping[str, Callable]]
    names: Mapping[str, str]
    packages: tuple[str, ...]


def build(model_name: str) -> Implementation:
    """Builds the PyTorch implementation of one of the zoo's networks.

    Raises:
      ZooError: no library has the network, or the library is not installed.
    """
    layouts = find_entry(model_name).layouts
    layout = next((layout for layout in LIBRARIES if layout in layouts), None)
    if layout is None:
        raise ZooError(f"{model_name} has no PyTorch implementation: none of the layouts {', '.join(LIBRARIES)}")
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
    load("torchvision")  # imported by timm
    models = load("timm.models")
    return {name: models.model_entrypoint(name) for name in models.list_models()}


def _torch_networks():
    return load("zoo.references.torch_networks").NETWORKS


LIBRARIES = {
    "torchvision": Library("torchvision.models", _torchvision, TORCHVISION, ("numpy", "torch", "torchvision")),
    "timm": Library("timm.models", _timm, TIMM, ("numpy", "torch", "timm")),
    "torch": Library("zoo.references.torch_networks", _torch_networks, {}, ("numpy", "torch")),
}


def load(module: str) -> Any:
    """Imports a module of PyTorch, torchvision or timm; raises `ZooError` if it is not installed."""
    try:
        _declare_operators()
        return importlib.import_module(module)
    except ImportError as error:
        raise ZooError(
            f"{error.name} is not installed: {install_command('bench', 'torch', 'torchvision', 'timm')}"
        ) from None


@functools.cache
def _declare_operators():
    """Declares the operators that torchvision's CUDA wheels lack with a CPU-only PyTorch.

    With any other PyTorch torchvision declares them itself, and aborts the process if they exist. Cached, because they
    live as long as the library.
    """
    import torch

    if torch.version.cuda is not None:
        return None
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library
