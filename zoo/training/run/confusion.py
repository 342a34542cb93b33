"""Plot of a confusion matrix."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.errors import printable
from zoo.picture_files import save_picture

MAX_LABELED_CLASSES = 20  # beyond, names and counts would be illegible


def draw_confusion(
    counts: Sequence[Sequence[int]] | np.ndarray, class_names: Sequence[str], path: Path, *, title: str
) -> None:
    """Plots a confusion matrix to a PNG file; rows are normalized, so that the diagonal is the recall.

    Args:
      counts: [K, K], number of examples by class (rows) and predicted class (columns).
      class_names: [K]; class names and counts are shown for up to `MAX_LABELED_CLASSES` classes.
      path: of the PNG file.
      title: of the plot.
    """
    from matplotlib.figure import Figure

    counts = np.asarray(counts)
    fractions = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    labeled = len(counts) <= MAX_LABELED_CLASSES
    side = 3.0 + 0.45 * len(counts) if labeled else 9.0
    figure = Figure(figsize=(side + 0.8, side), layout="constrained", dpi=120)
    figure.suptitle(printable(title), fontsize=11)
    axes = figure.subplots()
    shown = axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(shown, ax=axes, shrink=0.7, label="fraction of the class")
    axes.set_xlabel("predicted class")
    axes.set_ylabel("class")
    if labeled:
        labels = [name if len(name) <= 24 else f"{name[:23]}…" for name in map(printable, class_names)]
        axes.set_xticks(range(len(counts)), labels, rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
        axes.set_yticks(range(len(counts)), labels, fontsize=8)
        for row, column in np.argwhere(counts):
            color = "white" if fractions[row, column] > 0.6 else "black"
            axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=color, fontsize=7)
    save_picture(figure, path)
