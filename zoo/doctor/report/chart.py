"""The picture of a diagnosis: the losses of short runs, as SVG to put into a page."""

import io
import re
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.errors import short

# Text, axes and grid are drawn in a colour that nothing else has, which then becomes the page's own colour of text.
INK = "#010203"
MOST_POINTS = 400  # of a curve: more do not show, and make the page large
MOST_NAME = 64  # characters of a run's name in the legend
LOG_RATIO = 50  # of the largest to the smallest loss, from which on the axis is logarithmic


def losses_as_svg(courses: Mapping[str, Mapping[str, Any]]) -> str:
    """Draws the losses of short runs by step; returns an `<svg>` element without links, or "" if there are none.

    Args:
      courses: by name, each with `losses`, see `zoo.doctor.trial.Course.to_json`. The first is drawn with a thick line.
    """
    from matplotlib.figure import Figure

    curves = {name: _finite(course.get("losses", ())) for name, course in courses.items()}
    curves = {name: losses for name, losses in curves.items() if np.isfinite(losses).any()}
    if not curves:
        return ""
    figure = Figure(figsize=(6.4, 3.2 + 0.2 * len(curves)), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    axes.patch.set_alpha(0)
    for number, (name, losses) in enumerate(curves.items()):
        width = max(-(-len(losses) // MOST_POINTS), 1)
        steps, color = np.arange(1, len(losses) + 1), f"C{number % 10}"
        axes.plot(steps[::width], losses[::width], color=color, alpha=0.25, linewidth=0.8)
        smooth = _moving_average(losses, max(len(losses) // 15, 1))
        thick = 2.2 if number == 0 else 1.4
        axes.plot(steps[::width], smooth[::width], color=color, linewidth=thick, label=short(name, MOST_NAME))
    every = np.concatenate(list(curves.values()))
    every = every[np.isfinite(every)]
    if every.min() > 0 and every.max() > LOG_RATIO * every.min():
        axes.set_yscale("log")
    axes.set_xlabel("step", color=INK)
    axes.set_ylabel("loss", color=INK)
    axes.tick_params(colors=INK, which="both")
    axes.grid(alpha=0.2, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(INK)
    legend = figure.legend(loc="outside lower center", frameon=False, fontsize=8, labelcolor=INK)
    for text in legend.get_texts():  # names, in which dollar signs are no formulas
        text.set_parse_math(False)
    file = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return _embedded(file.getvalue(), f"Loss by step of {len(curves)} runs; the table below has the numbers")


def _finite(losses):
    """Returns losses as an array, in which those that are not finite, or missing, are gaps."""
    array = np.array([np.nan if loss is None else loss for loss in losses], float)
    return np.where(np.isfinite(array), array, np.nan)


def _moving_average(losses, width):
    """Returns trailing means over `width` losses, or over all so far if there are fewer; gaps are left out."""
    known = np.isfinite(losses)
    sums = np.cumsum(np.concatenate([[0.0], np.where(known, losses, 0)]))
    counts = np.cumsum(np.concatenate([[0], known]))
    last = np.arange(1, len(losses) + 1)
    first = np.maximum(last - width, 0)
    number = counts[last] - counts[first]
    return np.where(known, (sums[last] - sums[first]) / np.maximum(number, 1), np.nan)


def _embedded(svg, title):
    """Returns the element of an SVG file: without prologue, metadata and size, and in the page's colour of text."""
    svg = svg[svg.index("<svg ") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", svg, count=1)
    return svg.replace(INK, "currentColor").replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
