"""Plot of the learning curves of a run: loss, accuracy and learning rate by step."""

from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import printable
from zoo.page.chart import moving_average
from zoo.picture_files import save_picture


def draw_curves(records: list[dict[str, Any]], path: Path, *, title: str, target: float | None = None) -> None:
    """Plots the learning curves of a run to a PNG file.

    Args:
      records: of the run, see `FitResult.history`.
      path: of the PNG file.
      title: of the plot.
      target: accuracy to mark with a line; None for none.
    """
    from matplotlib.figure import Figure

    train = [record for record in records if record["kind"] == "train"]
    evaluations = {
        label: [record for record in records if record["kind"] == kind]
        for kind, label in (("validation", "validation"), ("eval", "evaluation"))
    }
    figure = Figure(figsize=(10, 3.6), layout="constrained", dpi=120)
    figure.suptitle(printable(title), fontsize=11)
    loss, accuracy, rate = figure.subplots(1, 3, width_ratios=(4, 4, 2.5))
    for axes, name, label in ((loss, "loss", "loss"), (accuracy, "top1", "accuracy")):
        steps, values = _column(train, "step"), _column(train, name)
        axes.plot(steps, values, color="C0", alpha=0.25, linewidth=0.8)
        smooth = moving_average(values, max(len(values) // 25, 1))
        axes.plot(steps, smooth, color="C0", linewidth=1.6, label="training, moving average")
        for color, (split, found) in zip(("C4", "C1"), evaluations.items(), strict=True):
            if found:
                axes.plot(_column(found, "step"), _column(found, name), "o-", color=color, label=split)
        axes.set_ylabel(label)
    if target is not None:
        accuracy.axhline(target, color="C2", linestyle="--", linewidth=1, label=f"target {target:.2f}")
    accuracy.set_ylim(0, 1)
    loss.set_ylim(bottom=0)
    rate.plot(_column(train, "step"), _column(train, "learning_rate"), color="C3")
    rate.set_ylabel("learning rate")
    rate.set_ylim(bottom=0)
    for axes in (loss, accuracy, rate):
        axes.set_xlabel("step")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    accuracy.legend(frameon=False, fontsize=8, loc="lower right")
    save_picture(figure, path)


def _column(records, name):
    return np.array([record[name] for record in records], float)
