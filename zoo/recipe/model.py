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
      name: a name from `zoo.list_models()`.
      num_classes: number of logits; None for the number of classes in the data.
      options: further arguments of `zoo.create_model`, such as {"dropout": 0.5}.
    """

    name: str
    num_classes: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def validate(self) -> None:
        self.require(self.num_classes is None or self.num_classes > 0, "num_classes", "positive or None")
        fields = {"num_classes": "model.num_classes", "dtype": "precision", "name": "model.name", "parent": None}
        for name, field_name in fields.items():
            if name in self.options:
                remedy = f"; set {field_name} instead" if field_name else ""
                raise ZooError(f"Model.options: {name} is not an option of a network{remedy}")
