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
from verification.numbers import regenerated_input, regenerated_tensor
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
                "out": [shape[0], *shape[2:], shape[1]] if len(shape) == 4 and not _channels_last(module) else shape,
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
    torch, _, _ = _torchvision()
    network, known_as, arguments = build(model_name)
    network = network.double()
    names = [[name, list(tensor.shape)] for name, tensor in network.state_dict().items()]
    tensors = {name: torch.from_numpy(regenerated_tensor(name, tuple(shape), gain)).double() for name, shape in names}
    for name, tensor in network.state_dict().items():
        tensor.copy_(tensors[name])
    size = find_entry(model_name).input_shape[0]
    images = torch.from_numpy(regenerated_input(size)).double().permute(0, 3, 1, 2)
    stages = []

    def hook(name):
        def record(module, inputs, output):
            if output.ndim == 4 and not _channels_last(module):
                output = output.permute(0, 2, 3, 1)
            output = output.numpy()
            stages.append(
                {
                    "name": name,
                    "type": type(module).__name__,
                    "out": list(output.shape),
                    "mean": _rounded(output.mean()),
                    "std": _rounded(output.std(ddof=1)),
                    "first8_img0": [_rounded(value) for value in output[0].ravel()[:8]],
                }
            )

        return record

    for name, module in network.named_children():
        for inner, block in module.named_children():
            block.register_forward_hook(hook(f"{name}.{inner}"))
        if not list(module.children()):
            module.register_forward_hook(hook(name))
    with torch.inference_mode():
        logits = network(images).numpy()
    return {
        "model": known_as,
        "builder": f"torchvision.models.{known_as}",
        "kwargs": arguments,
        "versions": _versions(),
        "gain": gain,
        "input": f"proc_input({size})",
        "state_dict": names,
        "logit_std": float(logits.std()),
        "rel_diff_between_images": float(np.abs(logits[0] - logits[1]).mean() / logits.std()),
        "outputs_f64": {"logits": [[_rounded(value, 9) for value in row] for row in logits]},
        "stage_fingerprints": stages,
    }


def _channels_last(module):
    """torchvision's ConvNeXt works with channels last inside of its blocks; Permute is what goes back and forth."""
    return type(module).__name__ in ("LayerNorm", "Linear", "GELU") and not hasattr(module, "num_features")


def _versions():
    torch, torchvision, _ = _torchvision()
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }


def _rounded(value, digits=7):
    return float(f"{value:.{digits}g}")


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
