"""The picture of a recipe's reference runs: their losses and accuracies, and the band of further runs, as SVG."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from verification.statistics import Band
from zoo.page.chart import INK, as_svg, moving_average, style_axes
from zoo.recipe import Target

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRAINING, EVALUATION = "#3c8dd9", "#ef8a2c"  # to be seen on white and on black
MOST_POINTS = 150  # of a curve: more do not show, and make the page large


def curves_of_runs(runs: Sequence[dict[str, Any]], band: Band | None, target: Target | None) -> str:
    """Draws the reference runs of a recipe; returns an `<svg>` element.

    Args:
      runs: lines of the ledger, at least one: whole runs, or first steps without evaluations.
      band: of the final accuracy of one more run; None if there is none.
      target: of the recipe; None if it has none.
    """
    from matplotlib.figure import Figure

    evaluated = any(run["evaluations"] for run in runs)
    figure = Figure(figsize=(8.4 if evaluated else 4.4, 3.0), layout="constrained")
    panels: list[Axes] = list(np.ravel(figure.subplots(1, 2 if evaluated else 1)))
    for axes, measure in zip(panels, ("loss", "top1"), strict=False):
        axes.set_xlabel("step")
        axes.set_ylabel("loss" if measure == "loss" else "top-1 accuracy")
        style_axes(axes)
        for number, run in enumerate(runs):
            label = {"label": "training, mean"} if number == 0 else {}
            _training(axes, run[f"train_{measure}"], label)
            if evaluated:
                steps = [each["step"] for each in run["evaluations"]]
                values = [each[measure] for each in run["evaluations"]]
                label = {"label": "evaluation"} if number == 0 else {}
                axes.plot(steps, values, "o-", color=EVALUATION, markersize=3, linewidth=0.6, alpha=0.7, **label)
    if evaluated:
        last = len(runs[0]["train_loss"])
        if band:
            axes.plot([last, last], [band.low, band.high], color=INK, linewidth=5, alpha=0.4, label="band of a run")
        if target and target.metric == "top1":
            axes.axhline(target.value, color=INK, linestyle="--", linewidth=1, label="target")
    panels[-1].legend(frameon=False, fontsize=8, labelcolor=INK)
    return as_svg(figure, f"Loss{' and accuracy' if evaluated else ''} by step of {len(runs)} reference runs")


def _training(axes: "Axes", values: Sequence[float], label: dict[str, str]) -> None:
    smooth = moving_average(np.array(values, float), max(len(values) // 20, 1))
    width = max(-(-len(values) // MOST_POINTS), 1)
    axes.plot(np.arange(1, len(values) + 1)[::width], smooth[::width], color=TRAINING, linewidth=1, alpha=0.8, **label)
