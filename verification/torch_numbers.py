"""What a network in PyTorch gives for weights that anyone can make again; the form of third_party/references/numeric."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from verification.numbers import regenerated_input, regenerated_tensor


def measure(network: Any, size: int, gain: float, stages: Mapping[str, Any]) -> dict[str, Any]:
    """Logits in float64 and fingerprints of stages, as third_party/references/README.md says.

    Args:
      network: a `torch.nn.Module`; it is left in float64 and with other weights.
      size: of the images, in pixels.
      gain: variance of the weights, times the fan-in.
      stages: the modules to take fingerprints of, by name.
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

    for name, module in stages.items():
        module.register_forward_hook(record(name))
    images = torch.from_numpy(regenerated_input(size)).double().permute(0, 3, 1, 2)
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


def is_channels_first(module: Any, output: Any) -> bool:
    """Whether a module's output is [N, C, H, W]; inside of its blocks, torchvision's ConvNeXt has [N, H, W, C]."""
    return output.ndim == 4 and type(module).__name__ not in ("LayerNorm", "Linear", "GELU")


def _rounded(value, digits=7):
    return float(f"{value:.{digits}g}")
