"""A small picture of a number and the band that it has to be in."""

import math
from collections.abc import Mapping

from zoo.page.elements import Markup

WIDTH, HEIGHT = 160, 16  # pixels


def band_picture(figures: Mapping[str, float], status: str) -> Markup:
    """Returns an SVG element with the band and the value; "" if the figures have no bounds, or are not finite.

    A value that is more than the width of the band away is drawn as a triangle at the end.

    Args:
      figures: of a check, see `verification.check.Check`; without `low`, the band starts at 0, or below the value.
      status: of the check, for the colour.
    """
    if "value" not in figures or "high" not in figures:
        return Markup("")
    value, high = figures["value"], figures["high"]
    low = figures.get("low", min(0.0, value))
    if not all(map(math.isfinite, (value, low, high))) or high <= low:
        return Markup("")
    start, end = low - (high - low), high + (high - low)
    if figures.get("low") is None:  # nothing is below
        start = low

    def place(number):
        return 6 + (WIDTH - 12) * (min(max(number, start), end) - start) / (end - start)

    middle, at = HEIGHT / 2, place(value)
    if value < start or value > end:
        tip = 6 if value > end else -6
        mark = f'<path d="M{at:.1f} 2 l{tip} {middle - 2} l{-tip} {middle - 2} z"/>'
    else:
        mark = f'<circle cx="{at:.1f}" cy="{middle}" r="4"/>'
    state = "good" if status == "pass" else "bad"
    return Markup(
        f'<svg class="band {state}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{value:.4g} in a band from {low:.4g} to {high:.4g}"><line x1="0" x2="{WIDTH}" y1="{middle}"'
        f' y2="{middle}"/><rect x="{place(low):.1f}" width="{place(high) - place(low):.1f}" y="3"'
        f' height="{HEIGHT - 6}"/>{mark}</svg>'
    )
