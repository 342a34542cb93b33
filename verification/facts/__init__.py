"""What is known of each network from its paper or from other implementations; see `derive.py` for where it comes from."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def load_facts(model_name: str) -> dict[str, Any] | None:
    """The facts of a network, or None if there are none.

    Keys: `input_shape`, `num_classes`; `layers`, a list of [name, type, output shape, parameters, MACs] in execution
    order; `sources`, each with its name and the totals `params`, `batch_stats` and `macs` that it gives; `layout`, whose
    names the layers have, "torchvision" or, where there is none, the zoo's; and `with_heads`, for a network with auxiliary
    heads, the `sources` for all of it and the `layers` that the heads add; and `unconfirmed`, what no independent source
    confirms.
    """
    path = FOLDER / f"{model_name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
