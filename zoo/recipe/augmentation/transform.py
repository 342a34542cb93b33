"""The base of all transforms, and what several of them share."""

from typing import ClassVar

from zoo.recipe.part import Part

FILLS = ("nearest", "constant", "reflect", "mirror", "wrap")


class Transform(Part, abstract=True):
    """One operation on one image. Random ones draw from the example's own key.

    Attributes:
      random: whether an image comes out differently each time.
      displaces: whether what was at one place of the image may come out at another one, differently each time.
      before_normalize: whether it is defined for pixel values from 0 to 255, and so has to come before `Normalize()`.
    """

    random: ClassVar[bool] = False
    displaces: ClassVar[bool] = False
    before_normalize: ClassVar[bool] = False

    def require_fill(self, fill: str) -> None:
        """Raises `ZooError` unless the field `fill`, given here, says what is beyond the borders of an image a b c d.

        "nearest": a a|a b c d|d d. "constant": 0 0|a b c d|0 0. "reflect": b a|a b c d|d c. "mirror": c b|a b c d|c b.
        "wrap": c d|a b c d|a b. These are the names of SciPy and Keras; PyTorch calls "reflect" symmetric and "mirror"
        reflect. The 0 is that of the place in the list: black before `Normalize()`, and after it what it makes 0.
        """
        self.require(fill in FILLS, "fill", f"one of {', '.join(FILLS)}")
