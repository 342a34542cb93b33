"""Measures reference numbers of PyTorch networks; requires PyTorch and the library of the network.

    python -m verification.references.numbers --model=resnet152 --gain=1.0

Networks come from torchvision or timm or, if neither has them, from `zoo/references/torch_networks`; they are evaluated
in float64, with the weights of third_party/references/README.md. Those of torch_networks are by the authors of the zoo:
they verify that the layers (grouped convolutions, padding, pools, normalization) agree with PyTorch's, while facts
verify the architecture.
"""

import json
from pathlib import Path
from typing import Any

from absl import flags

from verification.architecture.numbers import OWN_REFERENCES, REFERENCES, layout_of
from verification.references.torch_numbers import measure
from zoo import cli
from zoo.errors import ZooError
from zoo.models.registry import find_entry
from zoo.references.torch_libraries import build

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string("model", [], "Name of a network of the zoo.", flag_values=FLAGS)
flags.DEFINE_float(
    "gain",
    1.0,
    "Variance of the weights times fan-in, chosen so that logits neither vanish nor explode.",
    flag_values=FLAGS,
)


def make_reference(model_name: str, gain: float) -> dict[str, Any]:
    """Returns the reference numbers of a network, in the form of third_party/references/numeric.

    Raises:
      ZooError: as in `build`.
    """
    network, origin = build(model_name)
    return {**origin, **measure(network, find_entry(model_name).input_shape, gain)}


def write(model_name: str, reference: dict[str, Any]) -> Path:
    """Writes reference numbers to third_party, or to the facts if they are of torch_networks; returns the path."""
    folder = OWN_REFERENCES if layout_of(reference) == "torch" else REFERENCES
    path = folder / f"{model_name}.json"
    path.write_text(json.dumps(reference) + "\n", encoding="utf-8")
    return path


def main(args: flags.FlagValues) -> int:
    """Writes the reference file of each network."""
    if not args.model:
        raise ZooError("missing --model=NAME")
    for name in args.model:
        print(write(name, make_reference(name, args.gain)))
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
