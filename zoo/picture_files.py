"""Saving matplotlib figures that contain names chosen by users."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_picture(figure: "Figure", path: Path) -> None:
    """Writes a figure to a PNG file, with all text verbatim: matplotlib would parse text between dollar signs as math.

    Characters missing from the font are drawn as boxes, without matplotlib's warning for each.
    """
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(path, format="png")
