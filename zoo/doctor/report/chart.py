"""The picture of a diagnosis: the losses of short runs, as SVG to put into a page."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.errors import short
from zoo.page.chart import INK, as_svg, moving_average, style_axes, thinned

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
    axes = figure.subplots()
    for number, (name, losses) in enumerate(curves.items()):
        drawn = thinned(len(losses))
        steps, color = np.arange(1, len(losses) + 1), f"C{number % 10}"
        axes.plot(steps[drawn], losses[drawn], color=color, alpha=0.25, linewidth=0.8)
        smooth = moving_average(losses, max(len(losses) // 15, 1))
        thick = 2.2 if number == 0 else 1.4
        axes.plot(steps[drawn], smooth[drawn], color=color, linewidth=thick, label=short(name, MOST_NAME))
    every = np.concatenate(list(curves.values()))
    every = every[np.isfinite(every)]
    if every.min() > 0 and every.max() > LOG_RATIO * every.min():
        axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    style_axes(axes)
    figure.legend(loc="outside lower center", frameon=False, fontsize=8, labelcolor=INK)
    return as_svg(figure, f"Loss by step of {len(curves)} runs; the table below has the numbers")


def _finite(losses):
    """Returns losses as an array, in which those that are not finite, or missing, are gaps."""
    array = np.array([np.nan if loss is None else loss for loss in losses], float)
    return np.where(np.isfinite(array), array, np.nan)
