"""The learning curves of a run as pictures for a page, over the range of the reference runs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from zoo.page.chart import as_svg, moving_average, style_axes, thinned
from zoo.page.elements import Markup, text
from zoo.page.values import value_text
from zoo.reference_runs import Reference

LOG_RATIO = 50  # of the largest to the smallest loss, from which on the axis is logarithmic
PARTS = 25  # of a run, each as wide as the moving average
BAND_POINTS = 120
# Colours of matplotlib's C0, C1, C4, C2 and C3, for the legend, which is text of the page.
COLORS = {"train": "#1f77b4", "eval": "#ff7f0e", "validation": "#9467bd", "target": "#2ca02c", "rate": "#d62728"}
NAMES = {"train": "training, moving average", "validation": "validation", "eval": "evaluation"}


class Band(NamedTuple):
    """The range of a curve over the reference runs: arrays [P] of steps, lowest and highest values."""

    steps: np.ndarray
    low: np.ndarray
    high: np.ndarray


def draw(
    history: Sequence[Mapping[str, Any]], reference: Reference | None, target: tuple[str, float] | None
) -> list[str]:
    """Returns a figure with the pictures and their legend; nothing for a run without records.

    Args:
      history: the records of the run.
      reference: the runs whose range is drawn behind the curves; None for none.
      target: the metric and the value to reach; None for none.
    """
    kinds = {kind: [each for each in history if each["kind"] == kind] for kind in NAMES}
    if not any(kinds.values()):
        return []
    goal = target[1] if target and target[0] == "top1" else None
    pictures = [
        _curve("loss", "loss", kinds, reference, None),
        _curve("top1", "accuracy", kinds, reference, goal),
        *([_rate(kinds["train"])] if kinds["train"] else []),
    ]
    legend = "".join(
        f'<span class="key"><i style="background:{COLORS[kind]}"></i>{text(name)}</span>'
        for kind, name in NAMES.items()
        if kinds[kind]
    )
    if goal is not None:
        legend += (
            f'<span class="key"><i style="background:{COLORS["target"]}"></i>target {text(value_text(goal))}</span>'
        )
    if reference:
        legend += (
            f'<span class="key"><i class="band"></i>range of {len(reference.runs)} reference runs of'
            f" {text(reference.recipe)}</span>"
        )
    return [
        Markup(f'<figure>\n<div class="charts">\n{"".join(pictures)}</div>\n<p class="small legend">{legend}</p>\n'),
        Markup("</figure>\n"),
    ]


def _axes(label):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.9, 2.7), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel("step")
    axes.set_ylabel(label)
    return figure, axes


def _curve(name, label, kinds, reference, goal):
    """Draws a loss or an accuracy in training and in evaluations."""
    figure, axes = _axes(label)
    own = []
    for kind, band in bands(reference, name):
        axes.fill_between(band.steps, band.low, band.high, color=COLORS[kind], alpha=0.3, linewidth=0)
        own.append(band.low)
    for kind, records in kinds.items():
        if not records:
            continue
        steps = np.array([record["step"] for record in records])
        values = np.array([record[name] for record in records], float)
        own.append(values[np.isfinite(values)])
        if kind == "train":
            drawn = thinned(len(steps))
            axes.plot(steps[drawn], values[drawn], color=COLORS[kind], alpha=0.25, linewidth=0.8)
            values, steps = moving_average(values, max(len(values) // PARTS, 1))[drawn], steps[drawn]
        axes.plot(steps, values, "-" if kind == "train" else "o-", color=COLORS[kind], linewidth=1.6, markersize=3.5)
    every = np.concatenate(own)
    if name == "top1":
        axes.set_ylim(0, 1)
    elif len(every) and every.min() > 0 and every.max() > LOG_RATIO * every.min():
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    if goal is not None:
        axes.axhline(goal, color=COLORS["target"], linestyle="--", linewidth=1.2)
    style_axes(axes)
    return as_svg(figure, f"{label} by step")


def _rate(records):
    figure, axes = _axes("learning rate")
    drawn = thinned(len(records))
    steps, rates = ([record[name] for record in records[drawn]] for name in ("step", "learning_rate"))
    axes.plot(steps, rates, color=COLORS["rate"])
    axes.set_ylim(bottom=0)
    style_axes(axes)
    return as_svg(figure, "learning rate by step")


def bands(reference: Reference | None, name: str) -> Iterator[tuple[str, Band]]:
    """Yields the range of the reference runs for the training and the evaluation curve of "loss" or "top1".

    Training values are averaged as those of the run. Whole runs are needed for the second one, evaluated at the same
    steps.
    """
    if reference is None:
        return
    values = np.array([run[f"train_{name}"] for run in reference.runs], float)
    count = values.shape[1]
    smooth = np.array([moving_average(each, max(count // PARTS, 1)) for each in values])
    places = np.unique(np.linspace(0, count - 1, min(count, BAND_POINTS)).astype(int))
    yield "train", Band(places + 1, smooth[:, places].min(0), smooth[:, places].max(0))
    evaluated = [{each["step"]: each[name] for each in run["evaluations"]} for run in reference.runs]
    steps = sorted(set.intersection(*map(set, evaluated)))
    if len(steps) > 1:
        curves = np.array([[each[step] for step in steps] for each in evaluated])
        yield "eval", Band(np.array(steps), curves.min(0), curves.max(0))
