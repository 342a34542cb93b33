"""Pairs of layers, of a user's network and of the reference network: their first difference, and what corresponds."""

import math
from collections.abc import Mapping

from zoo.inspect.layers import SETTINGS, Layer, Network, between, describe, plain, times

# Earlier or other names of the zoo's parameters and running statistics.
SYNONYMS = {
    "w": "kernel", "weight": "kernel", "weights": "kernel", "b": "bias", "beta": "bias", "gamma": "scale",
    "moving_mean": "mean", "running_mean": "mean", "moving_var": "var", "moving_variance": "var", "running_var": "var",
}  # fmt: skip


def first_difference(theirs: Network, ours: Network) -> str | None:
    """Returns a sentence about the first layer with parameters that differs from the reference's; None if none does.

    Args:
      theirs: the user's network.
      ours: the reference network, for images of the same size.
    """
    pairs = list(zip(theirs.weighted, ours.weighted, strict=False))
    for place, (yours, reference) in enumerate(pairs):
        if said := _difference(theirs, ours, place, yours, reference):
            return f"layer {place + 1}, {_names(yours, reference)}: {said}"
    ends = {len(theirs.weighted), len(ours.weighted)}
    if len(ends) > 1:
        rest = (theirs if len(theirs.weighted) > len(pairs) else ours).weighted[len(pairs)]
        whose = "yours has" if len(theirs.weighted) > len(pairs) else "the reference has"
        return f"layer {len(pairs) + 1}: only {whose} {rest.name} ({describe(rest)})"
    if theirs.logits != ours.logits:
        return f"yours gives {theirs.logits} logits, the reference {ours.logits}"
    return None


def _names(yours, reference):
    return yours.name if yours.name == reference.name else f"{yours.name} (the reference's {reference.name})"


def _difference(theirs, ours, place, yours, reference):
    """Returns what differs in a pair of layers whose predecessors agree, or None."""
    yours, reference = comparable(yours, reference)
    if yours.input_shape != reference.input_shape:
        size, right = times(yours.input_shape), times(reference.input_shape)
        inside = [f"{layer.name} ({describe(layer)})" for layer in between(ours, place)]
        there = f"; the reference has {', '.join(inside)} before it" if inside else ""
        return f"its input is {size}, the reference's {right}{there}"
    if yours.shapes != reference.shapes or sorted(yours.stats.values()) != sorted(reference.stats.values()):
        return _difference_of_parameters(yours, reference)
    if yours.output_shape != reference.output_shape:
        pixels, right = yours.output_shape, reference.output_shape
        if len(pixels) == len(right) == 3 and pixels[-1] == right[-1]:
            pixels, right = pixels[:2], right[:2]
        different = difference_of_settings(yours, reference)
        why = different or f"padding {plain(yours.settings['padding'])}" if "padding" in yours.settings else different
        return f"{why + ': ' if why else ''}gives {times(pixels)}, the reference {times(right)}"
    return None


def comparable(yours: Layer, reference: Layer) -> tuple[Layer, Layer]:
    """Returns two layers as dense ones, if one is dense and the other a convolution over the whole of its input.

    Both compute the same if the dense layer's input is flattened in the order height, width, channels.
    """
    if len(yours.input_shape) == len(reference.input_shape):
        return yours, reference
    return _as_dense(yours), _as_dense(reference)


def _as_dense(layer):
    kernels = [name for name, shape in layer.params.items() if shape[:-1] == layer.input_shape]
    if len(layer.input_shape) != 3 or len(kernels) != 1 or layer.output_shape[:-1] != (1, 1):
        return layer
    size, shape = math.prod(layer.input_shape), layer.params[kernels[0]]
    params = {**layer.params, kernels[0]: (size, shape[-1])}
    return layer._replace(input_shape=(size,), output_shape=layer.output_shape[-1:], params=params)


def _difference_of_parameters(yours, reference):
    described, right = describe(yours), describe(reference)
    if described == right:  # equal in what is described, such as all but the groups
        described, right = (
            f"{text} with parameters {', '.join(map(times, layer.shapes))}"
            for text, layer in ((described, yours), (right, reference))
        )
    settings = difference_of_settings(yours, reference)
    lost = [name for name in reference.params if name not in yours.params]
    bias = f"no {lost[0]}: " if len(yours.params) < len(reference.params) and lost else ""
    return f"{bias}{described}, the reference {right}{f' ({settings})' if settings else ''}"


def difference_of_settings(yours: Layer, reference: Layer) -> str:
    """Returns the settings that both layers state and that differ, such as "padding SAME, the reference VALID"."""
    different = []
    for name in yours.settings.keys() & reference.settings.keys():
        value, right = (_canonical(layer, name) for layer in (yours, reference))
        if value != right:
            different.append(f"{name} {plain(yours.settings[name])}, the reference {plain(reference.settings[name])}")
    return "; ".join(sorted(different, key=lambda text: list(SETTINGS).index(_setting(text))))


def _setting(text):
    return next(name for name in SETTINGS if text.startswith(f"{name} "))


def _canonical(layer, name):
    """Returns a setting in one form: pairs for sizes, ((top, bottom), (left, right)) for padding in pixels."""
    value = layer.settings.get(name)
    value = tuple(value) if isinstance(value, list) else value
    if name in ("strides", "kernel size", "dilation"):
        value = 1 if value is None and name != "kernel size" else value  # Flax's default
        return (value, value) if isinstance(value, int) else value
    if name == "padding":
        sizes = layer.settings.get("kernel size")
        if value == "SAME" and sizes is not None and _canonical(layer, "strides") == (1, 1):
            pair = (sizes, sizes) if isinstance(sizes, int) else tuple(sizes)
            if all(size % 2 for size in pair):  # as many pixels on both sides
                return tuple((size // 2, size // 2) for size in pair)
        if isinstance(value, int):
            return ((value, value), (value, value))
        if isinstance(value, tuple):
            return tuple((each, each) if isinstance(each, int) else tuple(each) for each in value)
    return value


def match_leaves(theirs: Mapping[str, tuple[int, ...]], ours: Mapping[str, tuple[int, ...]]) -> dict[str, str] | None:
    """Returns the reference's name for each of a layer's parameters; None if they cannot be told apart.

    Names decide, with `SYNONYMS`; else the shape, if only one parameter has it.
    """
    if sorted(theirs.values()) != sorted(ours.values()):
        return None
    found = {}
    for name, shape in theirs.items():
        known = SYNONYMS.get(name.casefold(), name)
        same = [other for other, its_shape in ours.items() if its_shape == shape]
        if known in same:
            found[name] = known
        elif len(same) == 1:
            found[name] = same[0]
        else:
            return None
    return found if len(set(found.values())) == len(found) else None
