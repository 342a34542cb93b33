"""Plot of a study: the learning curves of its variants."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.errors import printable
from zoo.picture_files import save_picture
from zoo.recipe.metric import METRIC_NAMES
from zoo.studies.runs import Run


def draw_study(
    runs: Sequence[Run], path: Path, *, title: str, metric: str = "top1", target: float | None = None
) -> None:
    """Plots training loss and an evaluation metric by step to a PNG file.

    Each variant has a line for the mean over its seeds, and a band from the lowest to the highest seed; or a line for
    each seed if they ended at different steps. Crosses mark where runs diverged.

    Args:
      runs: of the study.
      path: of the PNG file.
      title: of the plot.
      metric: the evaluation metric.
      target: value of the metric to mark with a line; None for none.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained", dpi=120)
    figure.suptitle(printable(title), fontsize=11)
    loss, evaluated = figure.subplots(1, 2)
    variants = list(dict.fromkeys(run.variant for run in runs))
    if len(variants) <= 10:
        colors = colormaps["tab10"](np.arange(10))
    else:
        colors = colormaps["viridis"](np.linspace(0, 1, len(variants)))
    for variant, color in zip(variants, colors, strict=False):
        of_variant = [run for run in runs if run.variant == variant]
        _draw(loss, [run.train for run in of_variant], "loss", color, variant)
        _draw(evaluated, [run.evaluation for run in of_variant], metric, color, variant, marker="o", markersize=3)
    top = _loss_limit([run.train["loss"] for run in runs])
    loss.set_ylim(0, top)
    for run in runs:
        if run.diverged and run.train["step"]:
            color = colors[variants.index(run.variant)]
            end = np.nan_to_num(run.train["loss"][-1], nan=top)
            loss.plot(run.train["step"][-1], min(end, top), "x", color=color, clip_on=False, zorder=3)
    loss.set_ylabel("training loss")
    evaluated.set_ylim(0, top if metric == "loss" else 1)
    evaluated.set_ylabel("evaluation loss" if metric == "loss" else METRIC_NAMES[metric])
    if target is not None:
        evaluated.axhline(target, color="gray", linestyle="--", linewidth=1, label=f"target {target:.2f}")
    for axes in (loss, evaluated):
        axes.set_xlabel("step")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = evaluated.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, fontsize=8)
    save_picture(figure, path)


def _loss_limit(losses):
    """Returns the upper limit of the loss axis.

    So that diverging variants do not flatten the others, it considers only losses that fall, and that start at most ten
    times as high as the lowest start.
    """
    finite = [values for values in losses if values and np.isfinite(values[0])]
    starts = [values[0] for values in finite if values[-1] < values[0]] or [values[0] for values in finite] or [1.0]
    return 1.05 * max(start for start in starts if start <= 10 * min(starts))


def _draw(axes, curves, name, color, label, **style):
    """Plots mean and range of curves over the same steps; or each curve if steps differ, where a mean would jump.

    Infinite values of diverging runs are left out.
    """
    curves = [(curve["step"], np.where(np.isfinite(curve[name]), curve[name], np.nan)) for curve in curves]
    curves = [(steps, values) for steps, values in curves if np.isfinite(values).any()]
    if len({tuple(steps) for steps, _ in curves}) > 1:
        for number, (steps, values) in enumerate(curves):
            axes.plot(steps, values, color=color, linewidth=1, label=None if number else label, **style)
        return
    steps = curves[0][0] if curves else []
    values = np.array([values for _, values in curves])
    axes.plot(steps, np.nanmean(values, 0) if curves else [], color=color, linewidth=1.6, label=label, **style)
    if len(curves) > 1:
        axes.fill_between(steps, np.nanmin(values, 0), np.nanmax(values, 0), color=color, alpha=0.2, linewidth=0)
