"""The network of a recipe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.errors import ZooError
from zoo.recipe.part import Part


@dataclass(frozen=True)
class Model(Part):
    """The network.

    Attributes:
      name: from `zoo.list_models()`.
      num_classes: None for as many as the data has.
      options: further arguments of `zoo.create_model`, such as {"dropout": 0.5}.
    """

    name: str
    num_classes: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def validate(self) -> None:
        self.require(self.num_classes is None or self.num_classes > 0, "num_classes", "positive or None")
        elsewhere = {
            "num_classes": "model.num_classes",
            "dtype": "precision",
            "name": "model.name",
            "parent": "none of it",
        }
        for name, said in elsewhere.items():
            if name in self.options:
                raise ZooError(f"Model.options: {name} is no option of a network; what a recipe says of it is {said}")
