"""Makes a network's reference numbers in PyTorch, for networks that torchvision has not; needs PyTorch.

    python -m verification.numeric_reference --model=alexnet

The network is the one of `zoo/benchmark/torch_networks.py`, in float64, with weights as third_party/references/README.md
says. It is by the authors of the zoo: what it shows is that convolutions with groups, padding, pools and normalization
compute what PyTorch's layers compute; that the paper is read rightly, the facts have to show.
"""

import json
import platform
from typing import Any

import numpy as np
from absl import flags

from verification.numbers import OWN_REFERENCES
from verification.torch_numbers import measure
from zoo import cli
from zoo.errors import ZooError, unknown
from zoo.models.registry import find_entry

FLAGS = flags.FlagValues()
flags.DEFINE_string("model", None, "Name of a network.", flag_values=FLAGS)


def make_reference(model_name: str) -> dict[str, Any]:
    """The reference numbers of a network, in the form of those in third_party/references/numeric.

    Raises:
      ZooError: there is no such network in PyTorch here, or no PyTorch.
    """
    try:
        import torch
    except ImportError:
        raise ZooError("making reference numbers needs PyTorch: python -m pip install 'zoo[bench]'") from None
    from zoo.benchmark.torch_networks import NETWORKS

    if model_name not in NETWORKS:
        raise unknown("network in PyTorch", model_name, NETWORKS)
    network = NETWORKS[model_name]()
    return {
        "model": model_name,
        "builder": f"zoo.benchmark.torch_networks.{model_name}",
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__},
        **measure(network, find_entry(model_name).input_shape[0], 1.0, dict(network.named_children())),
    }


def main(args: flags.FlagValues) -> int:
    """Writes the file into verification/facts/numeric."""
    if not args.model:
        raise ZooError("which network? --model=NAME")
    path = OWN_REFERENCES / f"{args.model}.json"
    path.write_text(json.dumps(make_reference(args.model)) + "\n")
    print(path)
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
