"""Locates a network's weights in a saved checkpoint, and removes prefixes of their names."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from zoo.errors import ZooError, listed, shown

# Keys under which training scripts save the weights. If several match, the first one is used.
WEIGHT_KEYS = (
    "", "state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params", "model_state",
)  # fmt: skip
MAX_DEPTH = 3  # of nested mappings


def find_weights(loaded: Any, wanted: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Finds the mapping of names to tensors in a saved object.

    Args:
      loaded: tensors by name, or nested mappings with such a mapping among an optimizer's state, epoch counts etc.
      wanted: the names of a network's tensors.

    Returns:
      The mapping, and a note about where it was found; "" if it is `loaded` itself.

    Raises:
      ZooError: there are no tensors by name, or several mappings match equally well.
    """
    if not isinstance(loaded, Mapping):
        raise ZooError(f"expected tensors by name, got {type(loaded).__name__}")
    found = {path: tensors for path, tensors in _mappings(loaded, "") if any(map(_is_tensor, tensors.values()))}
    if not found:
        if any(isinstance(value, Mapping) for value in loaded.values()):
            raise ZooError(f"no tensors under {listed([shown(str(name)) for name in loaded])}")
        return loaded, ""
    fitting = {path: fit(tensors, wanted)[1] for path, tensors in found.items()}
    best = [path for path, count in fitting.items() if count == max(fitting.values())]
    if not fitting[best[0]]:  # another network: errors should refer to the largest mapping
        best = [max(found, key=lambda path: len(found[path]))]
    preferred = [path for path in WEIGHT_KEYS if path in best]
    if len(best) > 1 and not preferred:
        raise ZooError(f"several networks, under {listed([shown(path) for path in best])}: pass one of them")
    path = (preferred or best)[0]
    if not path:
        return loaded, ""
    others = [shown(other) for other in best if other != path]
    return found[path], f"under {shown(path)}" + (f" and not {listed(others)}" if others else "")


def fit(tensors: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[str, int]:
    """Returns the common prefix of the names of tensors, such as "module.", and how many wanted ones are then found."""
    ends: dict[str, list[str]] = {}
    for key in map(str, tensors):
        ends.setdefault(_end(key), []).append(key)
    prefixes = {""}
    for name in wanted:
        if found := {
            key.removesuffix(name) for key in ends.get(_end(name), ()) if key.endswith((f".{name}", f"/{name}"))
        }:
            prefixes |= found
            break
    counts = {prefix: sum(f"{prefix}{name}" in tensors for name in wanted) for prefix in sorted(prefixes)}
    return max(counts.items(), key=lambda item: item[1])  # of equally good prefixes the shortest, which comes first


def without_prefix(tensors: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Removes the common prefix of the wanted names; returns the tensors and a note, which is "" without a prefix."""
    prefix, _ = fit(tensors, wanted)
    if not prefix:
        return tensors, ""
    return {
        str(name).removeprefix(prefix): tensor for name, tensor in tensors.items()
    }, f"prefix {shown(prefix)} of all names removed"


def _mappings(loaded: Mapping[Any, Any], path: str) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    yield path, loaded
    if path.count("/") < MAX_DEPTH:
        for name, value in loaded.items():
            if isinstance(value, Mapping):
                yield from _mappings(value, f"{path}/{name}".removeprefix("/"))


def _end(name):
    """Returns the names of a tensor and its layer."""
    return "/".join(re.split("[./]", name)[-2:])


def _is_tensor(value):
    return hasattr(value, "shape") and hasattr(value, "dtype")
