"""Makes networks' reference numbers in PyTorch; needs PyTorch, and the library that has the network.

    python -m verification.references.numbers --model=resnet152 --gain=1.0

A network is torchvision's or timm's, or, where neither has it, the one of `zoo/references/torch_networks`, in float64,
with weights as third_party/references/README.md says. Those of torch_networks are by the authors of the zoo: what they
show is that convolutions with groups, padding, pools and normalization compute what PyTorch's layers compute; that the
paper is read rightly, the facts have to show.
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
    "Variance of the weights, times the fan-in; such that logits neither die nor explode.",
    flag_values=FLAGS,
)


def make_reference(model_name: str, gain: float) -> dict[str, Any]:
    """The reference numbers of a network, in the form of those in third_party/references/numeric.

    Raises:
      ZooError: as in `build`.
    """
    network, origin = build(model_name)
    return {**origin, **measure(network, find_entry(model_name).input_shape, gain)}


def write(model_name: str, reference: dict[str, Any]) -> Path:
    """Writes the numbers to where they belong: what is measured on others' networks is in third_party."""
    folder = OWN_REFERENCES if layout_of(reference) == "torch" else REFERENCES
    path = folder / f"{model_name}.json"
    path.write_text(json.dumps(reference) + "\n", encoding="utf-8")
    return path


def main(args: flags.FlagValues) -> int:
    """Writes the file of each network."""
    if not args.model:
        raise ZooError("which network? --model=NAME")
    for name in args.model:
        print(write(name, make_reference(name, args.gain)))
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
