"""Measured deviations of networks from other implementations, for their pages; the checks themselves are repeated.

python -m verification.publish.deviations                       # all networks, some ten minutes
python -m verification.publish.deviations --model=resnet18      # one
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from zoo import cli

FILE = Path(__file__).parent / "deviations.jsonl"

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string("model", [], "Name of a network; repeatable. Default: all.", flag_values=FLAGS)
cli.define_jax_flags(FLAGS)


def read_deviations() -> Mapping[str, Mapping[str, Any]]:
    """Returns the deviations of each network, by name.

    The keys of each are:
      logits, activations, keras: the largest deviation, in standard deviations of the reference's values, of the
        logits, of all layers compared, and of the logits from keras.applications'; the last is absent if Keras lacks
        the network.
      layers: the number of layers compared.
      platform, processor, jax: where it was measured.
    """
    lines = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    return {line.pop("network"): line for line in lines}


def measure(model_name: str) -> dict[str, Any]:
    """Returns the deviations of a network, in the form of `read_deviations`.

    Raises:
      ZooError: a check failed, so that there is nothing to publish.
    """
    from verification.architecture.keras_numbers import check_keras_numbers
    from verification.architecture.numbers import check_numbers
    from zoo.errors import ZooError
    from zoo.training.run.environment import environment

    found: dict[str, Any] = {}
    for check in (*check_numbers(model_name), *check_keras_numbers(model_name)):
        if check.status != "pass" or check.figures is None:
            raise ZooError(f"{model_name}: {check.name}: {check.detail}")
        found[check.name.replace("keras logits", "keras")] = float(f"{check.figures['value']:.2g}")
        if check.name == "activations":
            found["layers"] = int(check.figures["n"])
    here = environment()
    return found | {"platform": here["platform"], "processor": here["processor"], "jax": here["versions"]["jax"]}


def main(args: flags.FlagValues) -> int:
    """Measures networks and writes the file, with the others' lines as they were."""
    from zoo.models.registry import find_entry, list_models

    names = args.model or list_models()
    for name in names:
        find_entry(name)
    cli.set_up_jax(args)
    known = dict(read_deviations()) if FILE.exists() else {}
    for name in names:
        known[name] = measure(name)
        lines = [json.dumps({"network": each, **known[each]}) for each in sorted(known)]
        FILE.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"{name}: logits {known[name]['logits']:.1e}", flush=True)
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
