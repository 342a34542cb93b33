"""Progress and learning curves of a run in a notebook, updated in place."""

import sys
import time
from typing import Any

from zoo.page.elements import Markup, pairs, text
from zoo.training.experiment import Experiment
from zoo.training.run.report import curves
from zoo.training.run.report.style import STYLE
from zoo.training.run.verdict import Verdict
from zoo.training.tracking import Tracker

SECONDS = 0.5  # between two updates of the numbers
MOST_SHARE = 0.05  # of the time, that drawing curves may take
MOST_NOTES = 5


def in_notebook() -> bool:
    """Returns whether this process is the kernel of a notebook; does not import IPython."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


class Notebook(Tracker):
    """Tracker that shows a progress bar, the current numbers and the learning curves below the cell of a notebook."""

    def __init__(self) -> None:
        from IPython.display import HTML, display

        self._html = HTML
        self._records: list[dict[str, Any]] = []
        self._notes: list[str] = []
        self._activity, self._done, self._total = "preparing", 0, 0
        self._curves, self._verdict = "", ""
        self._shown = self._drawn = -float("inf")
        self._drawing = 0.0  # seconds that the last drawing took
        self._display = display(HTML(self._content()), display_id=True)

    def begin(self, experiment: Experiment, first_step: int) -> None:
        target = experiment.recipe.target
        self._target = (target.metric, target.value) if target else None
        self._activity, self._done, self._total = "training", first_step, experiment.total_steps
        self._update(force=True)

    def progress(self, what: str, done: int, total: int) -> None:
        if what != "evaluating":
            self._activity, self._done, self._total = what, done, total
            self._update()

    def train(self, record: dict[str, Any]) -> None:
        self._records.append(record)
        self._done = record["step"]
        self._update()

    def evaluation(self, record: dict[str, Any]) -> None:
        self._records.append(record)
        self._update()

    def note(self, text: str) -> None:
        self._notes = [*self._notes, text][-MOST_NOTES:]
        self._update(force=True)

    def end(self, verdict: Verdict) -> None:
        color = "good" if verdict.converged else "bad"
        self._verdict = Markup(f'<p style="color:var(--{color})"><b>{text(verdict.explanation)}</b></p>')
        self._activity = "done"

    def close(self) -> None:
        if self._activity != "done":
            self._activity = "stopped"
        self._update(force=True)

    def _update(self, *, force: bool = False) -> None:
        """Shows the present state, unless it was shown a moment ago."""
        now = time.monotonic()
        if not force and now - self._shown < SECONDS:
            return
        # Drawing takes a fifth of a second, which must not slow a run of a few seconds.
        if force or now - self._drawn > self._drawing / MOST_SHARE:
            self._curves = "".join(curves.draw(self._records, None, self._target)) if self._records else ""
            self._drawing, self._drawn = time.monotonic() - now, time.monotonic()
        self._display.update(self._html(self._content()))
        self._shown = time.monotonic()

    def _content(self) -> str:
        bar = (
            f'<progress max="{max(self._total, 1)}" value="{self._done}" style="width:16rem"></progress>'
            f" {text(self._activity)} {self._done:,}/{self._total:,}"
        )
        rows = {}
        for kind, name in (("train", "training"), ("validation", "validation"), ("eval", "evaluation")):
            found = next((each for each in reversed(self._records) if each["kind"] == kind), None)
            if found:
                rows[name] = f"loss {found['loss']:.4f}, accuracy {found['top1']:.4f} at step {found['step']:,}"
        notes = "".join(f"<p>note: {text(note)}</p>" for note in self._notes)
        return (
            f'<div class="zoo-run">\n<style>{_STYLE}</style>\n<p>{bar}</p>\n{self._verdict}'
            f"{pairs(rows) if rows else ''}{self._curves}{notes}</div>"
        )


_STYLE = f"""
.zoo-run {{ --good: #1a7f37; --bad: #b42318; --line: #8884; --code: #8882; max-width: 62rem; }}
.zoo-run figure {{ margin: .5rem 0; }}
.zoo-run dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }}
.zoo-run dd {{ margin: 0; }}
@scope (.zoo-run) {{ {STYLE} }}
"""
