"""The dtype of a network's computation on each platform."""

from dataclasses import dataclass

from zoo.recipe.part import Part


@dataclass(frozen=True)
class Precision(Part):
    """The dtype of the network's computation on each platform. Parameters, statistics and the loss are float32."""

    cpu: str = "float32"
    gpu: str = "bfloat16"
    tpu: str = "bfloat16"

    def validate(self) -> None:
        for name in ("cpu", "gpu", "tpu"):
            self.require(getattr(self, name) in ("float32", "bfloat16"), name, "float32 or bfloat16")
