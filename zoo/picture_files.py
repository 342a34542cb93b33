"""Pictures with names in them that others have chosen."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_picture(figure: "Figure", path: Path) -> None:
    """Writes a figure into a PNG file, with every text in it as it stands: to matplotlib, dollar signs enclose formulas.

    Letters that the font does not have become boxes, without the warning that matplotlib has for each.
    """
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(path, format="png")
