"""What other frameworks call the layers of a network."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Layout:
    """How the names in another framework's file of weights follow from the zoo's.

    Attributes:
      rules: (pattern, replacement) pairs for `re.sub`, applied one after the other to a layer's path in the zoo, such as
        "layer1_0/conv1". What is left of "/" then becomes ".".
      flattened: the channels of the image that a linear layer gets flattened, by the layer's path: PyTorch flattens
        [C, H, W], the zoo [H, W, C].
    """

    rules: tuple[tuple[str, str], ...] = ()
    flattened: Mapping[str, int] = field(default_factory=dict)

    def name(self, path: str) -> str:
        """The other framework's name of the layer at a path."""
        for pattern, replacement in self.rules:
            path = re.sub(pattern, replacement, path)
        return path.replace("/", ".")
