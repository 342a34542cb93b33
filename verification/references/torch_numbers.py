"""What a network in PyTorch gives for weights that anyone can make again; the form of third_party/references/numeric."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from verification.architecture.numbers import regenerated_input, regenerated_tensor

CONTAINERS = ("Sequential", "AnyStage", "ClassifierHead", "ResNetStage")  # modules that stand for no layer of the zoo's


def measure(network: Any, input_shape: tuple[int, int, int], gain: float) -> dict[str, Any]:
    """Logits in float64 and fingerprints of stages, as third_party/references/README.md says.

    Args:
      network: a `torch.nn.Module`; it is left in float64 and with other weights.
      input_shape: (height, width, channels), of a square image.
      gain: variance of the weights, times the fan-in.
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
    """The largest modules that are no mere containers, by name, in order."""
    for name, module in network.named_children():
        if type(module).__name__ in CONTAINERS:
            yield from stages(module, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", module


def is_channels_first(module: Any, output: Any) -> bool:
    """Whether a module's output is [N, C, H, W]; inside of its blocks, torchvision's ConvNeXt has [N, H, W, C]."""
    return output.ndim == 4 and type(module).__name__ not in ("LayerNorm", "Linear", "GELU")


def _rounded(value, digits=7):
    return float(f"{value:.{digits}g}")
