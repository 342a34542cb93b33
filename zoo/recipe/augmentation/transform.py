"""The base class of all transforms, and their border fill modes."""

from typing import ClassVar

from zoo.recipe.part import Part

FILLS = ("nearest", "constant", "reflect", "mirror", "wrap")


class Transform(Part, abstract=True):
    """A transform of one image. Random transforms use the example's own key.

    Attributes:
      random: whether the result differs each time.
      displaces: whether pixels are moved to random positions.
      before_normalize: whether it is defined for pixel values from 0 to 255, and must precede `Normalize()`.
    """

    random: ClassVar[bool] = False
    displaces: ClassVar[bool] = False
    before_normalize: ClassVar[bool] = False

    def require_fill(self, fill: str) -> None:
        """Raises `ZooError` unless `fill` is a mode for pixels outside of the image.

        For a row of pixels a b c d, the modes are
        "nearest": a a|a b c d|d d, "constant": 0 0|a b c d|0 0, "reflect": b a|a b c d|d c, "mirror": c b|a b c d|c b
        and "wrap": c d|a b c d|a b. The names are those of SciPy and Keras; PyTorch calls "reflect" symmetric and
        "mirror" reflect. The 0 is black before `Normalize()`, and the value that normalizes to 0 after it.
        """
        self.require(fill in FILLS, "fill", f"one of {', '.join(FILLS)}")
