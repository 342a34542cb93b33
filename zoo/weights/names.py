"""Where in a file the weights of a network are, and what stands in front of their names."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from zoo.errors import ZooError, listed, shown

# What training scripts call the weights beside the rest that they save. Of several that fit, the first is taken.
KNOWN = ("", "state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params", "model_state")
DEEPEST = 3


def find_weights(loaded: Any, wanted: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The mapping of names to tensors in what was saved, and a note about where it was; "" if it is all there is.

    Args:
      loaded: tensors by name, or such a mapping in others, beside an optimizer's state, counts of epochs and the like.
      wanted: the names of a network's tensors.

    Raises:
      ZooError: there are no tensors by name, or several that fit equally well.
    """
    if not isinstance(loaded, Mapping):
        raise ZooError(f"there are no tensors by name, but a {type(loaded).__name__}")
    found = {path: tensors for path, tensors in _mappings(loaded, "") if any(map(_is_tensor, tensors.values()))}
    if not found:
        if any(isinstance(value, Mapping) for value in loaded.values()):
            raise ZooError(f"there are no tensors under {listed([shown(str(name)) for name in loaded])}")
        return loaded, ""
    fitting = {path: fit(tensors, wanted)[1] for path, tensors in found.items()}
    best = [path for path, count in fitting.items() if count == max(fitting.values())]
    if not fitting[best[0]]:  # of another network: then what errors should be about is the most
        best = [max(found, key=lambda path: len(found[path]))]
    known = [path for path in KNOWN if path in best]
    if len(best) > 1 and not known:
        raise ZooError(f"there are several networks, under {listed([shown(path) for path in best])}: pass one of them")
    path = (known or best)[0]
    if not path:
        return loaded, ""
    others = [shown(other) for other in best if other != path]
    return found[path], f"under {shown(path)}" + (f" and not {listed(others)}" if others else "")


def fit(tensors: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[str, int]:
    """What stands in front of the names of tensors, such as "module.", and how many of those wanted are there then."""
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
    return max(counts.items(), key=lambda item: item[1])  # the shortest of several, for it comes first


def without_prefix(tensors: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Tensors without what stands in front of all the wanted ones' names, and a note about that; "" if nothing does."""
    prefix, _ = fit(tensors, wanted)
    if not prefix:
        return tensors, ""
    return {
        str(name).removeprefix(prefix): tensor for name, tensor in tensors.items()
    }, f"{shown(prefix)} in front of their names is taken off"


def _mappings(loaded: Mapping[Any, Any], path: str) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    yield path, loaded
    if path.count("/") < DEEPEST:
        for name, value in loaded.items():
            if isinstance(value, Mapping):
                yield from _mappings(value, f"{path}/{name}".removeprefix("/"))


def _end(name):
    """A tensor's own name and its layer's."""
    return "/".join(re.split("[./]", name)[-2:])


def _is_tensor(value):
    return hasattr(value, "shape") and hasattr(value, "dtype")
