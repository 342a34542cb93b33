"""Charts as SVG to put into a page."""

import io
import re
import warnings
from typing import TYPE_CHECKING

import numpy as np

from zoo.page.elements import Markup, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Text, axes and grid are drawn in a colour that nothing else has, which then becomes the page's own colour of text.
INK = "#010203"
MOST_POINTS = 400  # of a curve: more do not show, and make the page large


def style_axes(axes: "Axes") -> None:
    """Draws axes, their labels and grid in the page's colours."""
    axes.patch.set_alpha(0)
    axes.tick_params(colors=INK, which="both")
    axes.grid(alpha=0.2, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(INK)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(INK)


def as_svg(figure: "Figure", title: str) -> Markup:
    """Returns a figure as an `<svg>` element without links, size and background, in the page's colour of text.

    Args:
      figure: its legends have names of anything, in which dollar signs are no formulas.
      title: what it shows, for readers who cannot see it.
    """
    import matplotlib
    from matplotlib.legend import Legend

    figure.patch.set_alpha(0)
    for legend in figure.findobj(Legend):
        for label in legend.get_texts():
            label.set_parse_math(False)
    file = io.StringIO()
    # With a constant salt, the same figure gives the same text.
    with warnings.catch_warnings(), matplotlib.rc_context({"svg.hashsalt": "zoo"}):
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = file.getvalue()
    svg = svg[svg.index("<svg ") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", svg, count=1)
    return Markup(svg.replace(INK, "currentColor").replace("<svg ", f'<svg role="img" aria-label="{text(title)}" ', 1))


def moving_average(values: np.ndarray, width: int) -> np.ndarray:
    """Returns trailing means over `width` values, or over all so far if there are fewer; gaps (NaN) are left out."""
    known = np.isfinite(values)
    sums = np.cumsum(np.concatenate([[0.0], np.where(known, values, 0)]))
    counts = np.cumsum(np.concatenate([[0], known]))
    last = np.arange(1, len(values) + 1)
    first = np.maximum(last - width, 0)
    number = counts[last] - counts[first]
    return np.where(known, (sums[last] - sums[first]) / np.maximum(number, 1), np.nan)


def thinned(count: int) -> slice:
    """Returns which of `count` points of a curve are drawn: all, or evenly spaced ones."""
    return slice(None, None, max(-(-count // MOST_POINTS), 1))
