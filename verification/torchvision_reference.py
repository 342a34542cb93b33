"""Measures torchvision's networks: layer tables and numbers, for third_party/references/; needs PyTorch and torchvision.

    python -m verification.torchvision_reference --model=resnet152 --gain=1.0

torchvision's wheels for CUDA can be used beside a PyTorch for the CPU: the two operators that they lack are declared here.
"""

import functools
import json
import math
import platform
from typing import Any

import numpy as np
from absl import flags

from verification.facts.implementations import NAMES, REFERENCES
from verification.torch_numbers import is_channels_first, measure
from zoo import cli
from zoo.errors import ZooError, unknown
from zoo.models.registry import find_entry

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string("model", [], "Name of a network of the zoo that torchvision has.", flag_values=FLAGS)
flags.DEFINE_float(
    "gain",
    1.5,
    "Variance of the weights, times the fan-in; such that logits neither die nor explode.",
    flag_values=FLAGS,
)


@functools.cache
def _torchvision():
    try:
        import torch

        # Kept alive by this cache: what a library declares is gone with it.
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
                         "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"):  # fmt: skip
            library.define(operator)
        import torchvision
    except ImportError:
        raise ZooError("this needs PyTorch and torchvision: python -m pip install torch torchvision") from None
    return torch, torchvision, library


def build(model_name: str) -> tuple[Any, str, dict[str, Any]]:
    """torchvision's network for one of the zoo's names, its own name there, and its arguments.

    Raises:
      ZooError: torchvision is not there, or has no such network.
    """
    _, torchvision, _ = _torchvision()
    known_as = NAMES.get(model_name, model_name)
    if known_as not in torchvision.models.list_models(module=torchvision.models):
        raise unknown("network of torchvision", known_as, torchvision.models.list_models(module=torchvision.models))
    arguments = {"aux_logits": False, "init_weights": True} if known_as in ("googlenet", "inception_v3") else {}
    return getattr(torchvision.models, known_as)(**arguments).eval(), known_as, arguments


def measure_layers(model_name: str) -> dict[str, Any]:
    """The layer table: each module without children, in execution order."""
    torch, _, _ = _torchvision()
    network, known_as, arguments = build(model_name)
    layers = []

    def hook(name):
        def record(module, inputs, output):
            shape = list(output.shape)
            weight = getattr(module, "weight", None)
            row = {
                "name": name,
                "type": type(module).__name__,
                "out": [shape[0], *shape[2:], shape[1]] if is_channels_first(module, output) else shape,
                "params": sum(parameter.numel() for parameter in module.parameters()),
                "macs": 0,
            }
            if row["type"] in ("Conv2d", "Linear"):  # each pixel takes every weight once
                row["macs"] = weight.numel() * math.prod(row["out"][1:-1])
            for attribute in ("kernel_size", "stride", "padding", "groups", "eps", "momentum", "ceil_mode"):
                if hasattr(module, attribute):
                    row[attribute] = getattr(module, attribute)
            layers.append(row)

        return record

    for name, module in network.named_modules():
        if not list(module.children()):
            module.register_forward_hook(hook(name))
    size = find_entry(model_name).input_shape[0]
    with torch.inference_mode():
        network(torch.zeros(1, 3, size, size))
    buffers = [buffer.numel() for name, buffer in network.named_buffers() if not name.endswith("num_batches_tracked")]
    return {
        "model": known_as,
        "builder": f"torchvision.models.{known_as}",
        "kwargs": arguments,
        "input_nhwc": [1, size, size, 3],
        "versions": _versions(),
        "params_trainable": sum(parameter.numel() for parameter in network.parameters()),
        "buffers_excl_num_batches_tracked": sum(buffers),
        "macs_eval": sum(row["macs"] for row in layers),
        "layers": layers,
        "state_dict": [[name, list(tensor.shape)] for name, tensor in network.state_dict().items()],
    }


def measure_numbers(model_name: str, gain: float) -> dict[str, Any]:
    """Logits in float64 and fingerprints of the stages, for weights made as third_party/references/README.md says."""
    network, known_as, arguments = build(model_name)
    size = find_entry(model_name).input_shape[0]
    stages = {name: module for name, module in network.named_children() if not list(module.children())}
    for name, module in network.named_children():
        stages |= {f"{name}.{inner}": block for inner, block in module.named_children()}
    return {
        "model": known_as,
        "builder": f"torchvision.models.{known_as}",
        "kwargs": arguments,
        "versions": _versions(),
        "input": f"proc_input({size})",
        **measure(network, size, gain, stages),
    }


def _versions():
    torch, torchvision, _ = _torchvision()
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }


def main(args: flags.FlagValues) -> int:
    """Writes both files of each network."""
    if not args.model:
        raise ZooError("which network? --model=NAME")
    for name in args.model:
        for folder, content in (
            ("torchvision", measure_layers(name)),
            ("numeric", measure_numbers(name, args.gain)),
        ):
            path = REFERENCES / folder / f"{name}.json"
            path.write_text(json.dumps(content) + "\n")
            print(path)
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
