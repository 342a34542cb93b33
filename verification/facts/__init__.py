"""Reference layer tables of networks, from papers and other implementations; written by `derive.py`."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def load_facts(model_name: str) -> dict[str, Any] | None:
    """Returns the facts of a network, or None if there are none.

    The keys are:
      input_shape, num_classes: of the canonical network.
      layers: a list of [name, type, output shape, parameters, MACs] in execution order.
      sources: the name of each source, and its totals `params`, `batch_stats` and `macs`.
      layout: the naming of the layers, "torchvision"; absent if they have the zoo's names.
      with_heads: for networks with auxiliary heads, the `sources` for all of it and the `layers` that the heads add.
      unconfirmed: details that no independent source confirms; absent if there are none.
    """
    path = FOLDER / f"{model_name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
