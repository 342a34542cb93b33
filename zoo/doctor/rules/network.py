"""Rules about the network before training: its signal, its weights, its layers, and independence of examples."""

import math
from collections.abc import Iterator, Mapping

from zoo.doctor.evidence import Rule, Suspicion, Values

SURE = 8.0  # score of an exact test
ROUNDING = 1e-4  # of outputs, in standard deviations
AFFINE = 1e-4  # relative deviation from an affine function by rounding
COLLAPSED = 0.3  # fraction of the layers behind the first feature map of one pixel
SMALL = 0.2  # of usual inputs and weights


def crosstalk(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """An output that changes with the other examples of its batch, in evaluation."""
    outputs = evidence.get("outputs")
    if not outputs or outputs["crosstalk"] <= ROUNDING or outputs["random"] > ROUNDING:
        return  # random outputs differ in any case
    yield Suspicion(
        "batch_crosstalk",
        "crosstalk",
        SURE,
        f"the outputs of an example change by {outputs['crosstalk']:.2g} standard deviations if the other examples of"
        " its batch are replaced",
        evidence={"change": outputs["crosstalk"]},
        healthy="no change in evaluation",
        exact=True,
        fatal=True,
    )


def random_outputs(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Outputs of the same images that differ between two calls of the evaluation."""
    outputs = evidence.get("outputs")
    if not outputs or outputs["random"] <= ROUNDING:
        return
    yield Suspicion(
        "augmentation_on_evaluation",
        "random outputs",
        SURE,
        f"two evaluations of the same images differ by {outputs['random']:.2g} standard deviations of the outputs:"
        " dropout or augmentation is active",
        evidence={"difference": outputs["random"]},
        healthy="no difference",
        remedy="evaluate without augmentation, and with dropout off (model.eval(), training=False, train=False)",
        exact=True,
        fatal=True,
    )


def affine(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """A network of several layers whose outputs are an affine function of the image has no activations."""
    found, weights = evidence.get("linearity"), evidence.get("initial weights")
    if not found or found["curvature"] is None or found["curvature"] > AFFINE:
        return
    if not weights or len(weights["kernels"]) < 2:  # a linear classifier is meant to be linear
        return
    if weights["typical_low"] < SMALL or evidence.get("inputs", {}).get("train_std", 1.0) < SMALL:
        return  # a tanh is linear, too, where its inputs are small
    yield Suspicion(
        "hidden_activation",
        "affine",
        SURE,
        f"the network of {len(weights['kernels'])} layers with weights is an affine function of its input, to"
        f" {found['curvature']:.0e}: there is no activation between its layers",
        evidence={"curvature": found["curvature"]},
        healthy="a curvature above 0.01",
        exact=True,
        fatal=True,
    )


def symmetric(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Hidden units that all start with the same weights; a last layer or a branch may start at zero."""
    weights, batch = evidence.get("initial weights"), evidence.get("one batch")
    if not weights or not weights["equal"]:
        return
    kernels = [kernel["name"] for kernel in weights["kernels"]]
    hidden = [name for name in weights["equal"] if name != kernels[-1]]
    constant = [kernel["name"] for kernel in weights["kernels"] if kernel["equal"] and not kernel["zero"]]
    zero = [name for name in hidden if name not in constant]
    still = set(batch["still"]) if batch else set()
    # Zero weights of the last layer of a residual branch, or of the head, are usual, and move after the first steps.
    found = [name for name in hidden if name in constant] + [name for name in zero if name in still]
    if not found:
        return
    yield Suspicion(
        "initialization_symmetric",
        "symmetric",
        SURE,
        f"all units of {found[0]} start with the same weights"
        + (f", and those of {len(found) - 1} other layers" if len(found) > 1 else ""),
        ", ".join(found[:4]),
        {"layers": found},
        "units that differ",
        exact=True,
        fatal=True,
        change={"initialization": "he"},
    )


def scale(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Kernels far larger or smaller than their fan-in allows, or a first loss far above that of uniform outputs."""
    weights, signal, outputs = (evidence.get(name) for name in ("initial weights", "activations", "outputs"))
    if not weights or not outputs:
        return
    high, low = weights["typical_high"], weights["typical_low"]
    ratio = signal["largest_to_first"] if signal else 1.0
    shrink = signal["smallest_to_first"] if signal else 1.0
    loss = outputs["first_loss"] - math.log(max(outputs["classes"], 2))
    large = (
        math.log10(max(high, 1e-9)) * 4 + (math.log10(max(ratio, 1e-9)) if signal else 0) + min(max(loss, 0), 50) / 10
    )
    small = -math.log10(max(low, 1e-9)) * 4 - (math.log10(max(shrink, 1e-9)) / 2 if signal else 0)
    if large >= small:
        score, text = large - 4, f"initial weights are {high:.2g} times as large as by He et al. 2015"
        uniform = math.log(max(outputs["classes"], 2))
        number = f"the first loss is {outputs['first_loss']:.3g}, that of uniform predictions {uniform:.3g}"
    else:
        score, text = small - 4, f"initial weights are {low:.2g} times as large as by He et al. 2015"
        number = f"activations fall to {shrink:.1e} of their size in the first layer" if signal else "they are small"
    yield Suspicion(
        "initialization_scale",
        "scale of weights",
        score,
        f"{text}, and {number}",
        weights["kernels"][0]["name"] if weights["kernels"] else None,
        {"high": high, "low": low, "first_loss": outputs["first_loss"], "largest": ratio, "smallest": shrink},
        "0.4 to 1.5 times",
        change={"initialization": "he"},
    )


def collapse(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Feature maps of one pixel long before the end of the convolutions."""
    signal = evidence.get("activations")
    if not signal:
        return
    maps = [layer for layer in signal["layers"] if len(layer["shape"]) == 3]
    sizes = [_size(layer["shape"]) for layer in maps]
    single = [place for place, size in enumerate(sizes) if size == 1]
    if not single or len(maps) < 3:
        return
    after = len(maps) - single[0] - 1
    yield Suspicion(
        "feature_map_collapse",
        "collapse",
        10 * (after / len(maps) - COLLAPSED),
        f"feature maps are a single pixel from {maps[single[0]]['name']} on, {after} layers before the last one",
        maps[single[0]]["name"],
        {"layers after": after, "layers": len(maps)},
        "one pixel only after the last convolution, or global pooling",
    )


def _size(shape):
    first, middle, last = shape
    return (
        first * middle if first == middle else middle * last if middle == last else min(first * middle, middle * last)
    )


def saturated(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Layers whose units are at the bounds of a sigmoid or tanh for most images, or pass no signal."""
    signal = evidence.get("activations")
    if not signal or not signal["layers"]:
        return
    worst = max(signal["layers"], key=lambda layer: layer["saturated"])
    yield Suspicion(
        "hidden_activation",
        "saturated",
        10 * (worst["saturated"] - 0.6),
        f"{worst['saturated']:.0%} of the outputs of {worst['name']} are at the bounds of its activation",
        worst["name"],
        {"saturated": worst["saturated"]},
        "below 20 % before training",
    )


def vanishing(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """A deep network without normalization whose signal differs ever less between examples."""
    signal = evidence.get("activations")
    if not signal or signal["count"] < 8:
        return
    names = " ".join(layer["name"].lower() for layer in signal["layers"])
    if any(word in names for word in ("bn", "norm", "batch")):
        return
    layers = [layer for layer in signal["layers"] if layer["spread"] > 0]
    relative = [layer["differs"] / layer["spread"] for layer in layers]
    fall = math.log10(max(relative[0], 1e-12) / max(relative[-1], 1e-12)) if relative else 0.0
    fall = max(fall, -math.log10(max(signal["last_to_first"], 1e-12)))
    # Small weights and collapsed feature maps have the same effect, and rules of their own.
    single = sum(len(layer["shape"]) == 3 and _size(layer["shape"]) == 1 for layer in layers)
    small = evidence.get("initial weights", {}).get("typical_low", 1.0) < SMALL
    explained = small or single > COLLAPSED * len(layers)
    yield Suspicion(
        "normalization_missing",
        "vanishing signal",
        min(2 * (fall - 2), SURE) - (10 if explained else 0),
        f"the signal falls by a factor of 10^{fall:.1f} over {signal['count']} layers, none of which normalizes it",
        layers[-1]["name"] if layers else None,
        {"orders of magnitude": fall, "layers": signal["count"]},
        "less than a factor of 10",
    )


RULES: tuple[Rule, ...] = (
    crosstalk,
    random_outputs,
    affine,
    symmetric,
    scale,
    collapse,
    saturated,
    vanishing,
)
