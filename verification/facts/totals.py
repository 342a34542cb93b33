"""Totals of networks from further sources: parameters, running statistics, multiply-adds.

Known differences of a source, with their reasons, are subtracted from its counts before the comparison with the zoo's.
"""

import functools
import json
from collections.abc import Mapping
from typing import Any

from verification.facts.implementations import DIFFERENT_NETWORKS, REFERENCES
from zoo.benchmark.keras_side import KERAS
from zoo.references.torch_libraries import TIMM, TORCHVISION

# Names in paper_counts.json, which counts another author's PyTorch definitions, by the zoo's names.
PAPER_COUNTS = {
    "alexnet": "alexnet_2012_grouped",
    "zfnet": "zfnet_2013",
    "lenet5": "lenet5_32",
    "nin_cifar": "nin_cifar10",
    "all_cnn_c": "all_cnn_c",
    **{f"resnet{depth}": f"resnet{depth}_cifar_A" for depth in (20, 32, 44, 56, 110)},
    "wrn_16_4": "wrn_16_4",
    "wrn_28_10": "wrn_28_10",
    "densenet_bc_100_12": "densenet_bc_100_12",
}

COUNTED_WITH_HEADS = ("googlenet", "inception_v3")  # torchvision's summary includes their auxiliary heads

# Differences of Keras's counts from the zoo's: (parameters, running statistics, reason).
KERAS_DIFFERS = {
    "inception_v3": (-17_216, 0, "no scales in batch normalization"),
    "inception_resnet_v2": (-30_272, 0, "no scales in batch normalization"),
    "resnet50": (26_560, 0, "biases in convolutions before batch normalization"),
    "resnet101": (52_672, 0, "biases in convolutions before batch normalization"),
    "resnet152": (75_712, 0, "biases in convolutions before batch normalization"),
    "resnetv2_50": (19_008, 0, "biases in conv1, in the last convolution of each block and in the projections"),
    **{f"efficientnet_b{n}": (0, 7, "constants of its input normalization") for n in range(3)},
}


@functools.cache
def _read(name: str) -> Mapping[str, Any]:
    content = json.loads((REFERENCES / name).read_text(encoding="utf-8"))
    return content.get("models", content)


def further_sources(model_name: str) -> list[dict[str, Any]]:
    """Returns the totals of further sources, in the form of `sources` in `verification.facts.load_facts`.

    `macs` is None for sources without multiply-adds; `differs` describes a known difference.
    """
    sources = []
    if model_name in PAPER_COUNTS:
        counted = _read("paper_counts.json")[PAPER_COUNTS[model_name]]
        name = "another author's definition from the paper, counted in PyTorch (third_party/references)"
        sources.append(_source(name, counted, counted["macs"]))
    known_as = TORCHVISION.get(model_name, model_name)
    if (
        known_as in _read("torchvision_summary.json")
        and model_name not in DIFFERENT_NETWORKS
        and known_as not in COUNTED_WITH_HEADS
    ):
        found = _read("torchvision_summary.json")[known_as]
        # Its MACs are for the image size of the published weights, which may differ from the canonical size.
        sources.append(_source(f"torchvision 0.28.0, {known_as}", found, None))
    if model_name in KERAS:
        found = _read("keras_summary.json")[KERAS[model_name]]
        params, batch_stats, reason = KERAS_DIFFERS.get(model_name, (0, 0, ""))
        source = {
            "name": f"Keras 3.15.1, {KERAS[model_name]}",
            "params": found["params_trainable"] - params,
            "batch_stats": found["params_non_trainable"] - batch_stats,
            "macs": None,
        }
        if reason:
            source["differs"] = f"it has {params + batch_stats:+,}: {reason}"
        sources.append(source)
    if model_name in TIMM:
        sources.append(_source(f"timm 1.0.31, {TIMM[model_name]}", _read("timm_summary.json")[TIMM[model_name]], None))
    return sources


def _source(name, counts, macs):
    return {
        "name": name,
        "params": counts["params_trainable"],
        "batch_stats": counts["buffers_excl_num_batches_tracked"],
        "macs": macs,
    }
