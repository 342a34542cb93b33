"""The picture of what a network takes each class for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.errors import printable
from zoo.picture_files import save_picture

FEW = 20  # classes, up to which names and counts can be read


def draw_confusion(
    counts: Sequence[Sequence[int]] | np.ndarray, class_names: Sequence[str], path: Path, *, title: str
) -> None:
    """Draws a confusion matrix into a PNG file; the shade is the share of the class, the diagonal its recall.

    Args:
      counts: [K, K], examples by class (rows) and by answer (columns).
      class_names: [K]; written beside the matrix, as the counts are into it, up to 20 classes.
      path: of the picture.
      title: above it.
    """
    from matplotlib.figure import Figure

    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    few = len(counts) <= FEW
    side = 3.0 + 0.45 * len(counts) if few else 9.0
    figure = Figure(figsize=(side + 0.8, side), layout="constrained", dpi=120)
    figure.suptitle(printable(title), fontsize=11)
    axes = figure.subplots()
    shown = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(shown, ax=axes, shrink=0.7, label="share of the class")
    axes.set_xlabel("answer")
    axes.set_ylabel("class")
    if few:
        labels = [name if len(name) <= 24 else f"{name[:23]}…" for name in map(printable, class_names)]
        axes.set_xticks(range(len(counts)), labels, rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
        axes.set_yticks(range(len(counts)), labels, fontsize=8)
        for row, column in np.argwhere(counts):
            color = "white" if shares[row, column] > 0.6 else "black"
            axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=color, fontsize=7)
    save_picture(figure, path)
