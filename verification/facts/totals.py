"""What further sources say of a network as a whole: parameters, moving statistics, multiply-adds.

Where a source has another count for a reason that is known, the reason and the difference stand with it, so that it can be
held against the zoo's network all the same.
"""

import functools
import json
from collections.abc import Mapping
from typing import Any

from verification.facts.implementations import NOT_THE_ZOOS, REFERENCES
from zoo.benchmark.keras_side import KERAS
from zoo.references.torch_libraries import TIMM, TORCHVISION

# Definitions that another author wrote from the papers in PyTorch, by the zoo's names.
COUNTED = {
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

HEADS = ("googlenet", "inception_v3")  # torchvision's summary counts their auxiliary heads

# How Keras's counts differ from those of the zoo, (parameters, moving statistics), and why.
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
    """The totals that further sources give, in the form of `sources` in `verification.facts.load_facts`.

    A source that has no multiply-adds has `macs` None; one with another count has `differs`.
    """
    sources = []
    if model_name in COUNTED:
        counted = _read("paper_counts.json")[COUNTED[model_name]]
        name = "another author's definition from the paper, counted in PyTorch (third_party/references)"
        sources.append(_source(name, counted, counted["macs"]))
    known_as = TORCHVISION.get(model_name, model_name)
    if known_as in _read("torchvision_summary.json") and model_name not in NOT_THE_ZOOS and known_as not in HEADS:
        found = _read("torchvision_summary.json")[known_as]
        # Its multiply-adds are for the image size of the published weights, which is not always the canonical one.
        sources.append(_source(f"torchvision 0.28.0, {known_as}", found, None))
    if model_name in KERAS:
        found = _read("keras_summary.json")[KERAS[model_name]]
        params, moving, reason = KERAS_DIFFERS.get(model_name, (0, 0, ""))
        source = {
            "name": f"Keras 3.15.1, {KERAS[model_name]}",
            "params": found["params_trainable"] - params,
            "batch_stats": found["params_non_trainable"] - moving,
            "macs": None,
        }
        if reason:
            source["differs"] = f"it has {params + moving:+,}: {reason}"
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
