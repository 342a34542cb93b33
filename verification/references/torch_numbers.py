"""Logits and activations of PyTorch networks for reproducible weights, as in third_party/references/numeric."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from verification.architecture.numbers import regenerated_input, regenerated_tensor

CONTAINERS = ("Sequential", "AnyStage", "ClassifierHead", "ResNetStage")  # modules whose children are compared instead


def measure(network: Any, input_shape: tuple[int, int, int], gain: float) -> dict[str, Any]:
    """Returns float64 logits and fingerprints of stages, in the form of third_party/references/README.md.

    Args:
      network: a `torch.nn.Module`; converted to float64 and assigned new weights in place.
      input_shape: (height, width, channels) of a square image.
      gain: variance of the weights times fan-in.
    """
    import torch

    network = network.double().eval()
    names = [[name, list(tensor.shape)] for name, tensor in network.state_dict().items()]
    for name, tensor in network.state_dict().items():
        tensor.copy_(torch.from_numpy(regenerated_tensor(name, tuple(tensor.shape), gain)))
    fingerprints = []

    def record(name):
        def hook(module, inputs, output):
            output = (output.permute(0, 2, 3, 1) if is_channels_first(module, output) else output).numpy()
            fingerprints.append(
                {
                    "name": name,
                    "type": type(module).__name__,
                    "out": list(output.shape),
                    "mean": _rounded(output.mean()),
                    "std": _rounded(output.std(ddof=1)),
                    "first8_img0": [_rounded(value) for value in output[0].ravel()[:8]],
                }
            )

        return hook

    for name, module in stages(network):
        module.register_forward_hook(record(name))
    images = torch.from_numpy(regenerated_input(input_shape)).double().permute(0, 3, 1, 2)
    with torch.inference_mode():
        logits = network(images).numpy()
    return {
        "gain": gain,
        "state_dict": names,
        "logit_std": float(logits.std()),
        "rel_diff_between_images": float(np.abs(logits[0] - logits[1]).mean() / logits.std()),
        "outputs_f64": {"logits": [[_rounded(value, 9) for value in row] for row in logits]},
        "stage_fingerprints": fingerprints,
    }


def stages(network: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the outermost modules that are not containers, with their names, in order."""
    for name, module in network.named_children():
        if type(module).__name__ in CONTAINERS:
            yield from stages(module, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", module


def is_channels_first(module: Any, output: Any) -> bool:
    """Returns whether a module's output is [N, C, H, W]; blocks of torchvision's ConvNeXt use [N, H, W, C] inside."""
    return output.ndim == 4 and type(module).__name__ not in ("LayerNorm", "Linear", "GELU")


def _rounded(value, digits=7):
    return float(f"{value:.{digits}g}")
