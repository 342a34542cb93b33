"""The class names of ImageNet, on whose classes published weights were trained."""

import functools

from zoo.paths import THIRD_PARTY


@functools.cache
def imagenet_class_names() -> tuple[str, ...]:
    """Returns the names of ImageNet's 1,000 classes in the order of the logits, see third_party/imagenet_classes."""
    return tuple((THIRD_PARTY / "imagenet_classes" / "names.txt").read_text(encoding="utf-8").splitlines())
