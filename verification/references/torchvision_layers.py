"""Measures layer tables of torchvision's networks for third_party/references/torchvision; requires torchvision.

python -m verification.references.torchvision_layers --model=resnet152
"""

import json
import math
from typing import Any

from absl import flags

from verification.facts.implementations import REFERENCES
from verification.references.torch_numbers import is_channels_first
from zoo import cli
from zoo.errors import ZooError
from zoo.models.registry import find_entry
from zoo.references.torch_libraries import build

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string("model", [], "Name of a network of the zoo that torchvision has.", flag_values=FLAGS)


def measure_layers(model_name: str) -> dict[str, Any]:
    """Returns the layer table of a network: each module without children, in execution order.

    Raises:
      ZooError: as in `build`.
    """
    network, origin = build(model_name)
    import torch

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
            if row["type"] in ("Conv2d", "Linear"):  # each output pixel uses every weight once
                row["macs"] = weight.numel() * math.prod(row["out"][1:-1])
            for attribute in ("kernel_size", "stride", "padding", "groups", "eps", "momentum", "ceil_mode"):
                if hasattr(module, attribute):
                    row[attribute] = getattr(module, attribute)
            layers.append(row)

        return record

    for name, module in network.named_modules():
        if not list(module.children()):
            module.register_forward_hook(hook(name))
    size, _, channels = find_entry(model_name).input_shape
    with torch.inference_mode():
        network(torch.zeros(1, channels, size, size))
    buffers = [buffer.numel() for name, buffer in network.named_buffers() if not name.endswith("num_batches_tracked")]
    return {
        **origin,
        "input_nhwc": [1, size, size, channels],
        "params_trainable": sum(parameter.numel() for parameter in network.parameters()),
        "buffers_excl_num_batches_tracked": sum(buffers),
        "macs_eval": sum(row["macs"] for row in layers),
        "layers": layers,
        "state_dict": [[name, list(tensor.shape)] for name, tensor in network.state_dict().items()],
    }


def main(args: flags.FlagValues) -> int:
    """Writes the layer table of each network."""
    if not args.model:
        raise ZooError("missing --model=NAME")
    for name in args.model:
        path = REFERENCES / "torchvision" / f"{name}.json"
        path.write_text(json.dumps(measure_layers(name)) + "\n", encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
