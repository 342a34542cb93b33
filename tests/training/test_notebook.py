"""Tests of the display of a run in a notebook, which is executed."""

import re

import pytest
from page_checks import HOSTILE, check_page, parsed, shown
from programs import ROOT, run_python

import zoo
from zoo.training import notebook
from zoo.training.run.verdict import Verdict

SETUP = """import sys
sys.path[:0] = ["tests"]
import zoo, tiny, examples
"""


def executed(code):
    """Executes a cell, and returns its outputs."""
    nbformat = pytest.importorskip("nbformat", reason="needs nbclient and ipykernel")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel")
    pytest.importorskip("ipykernel", reason="needs nbclient and ipykernel")
    cells = [nbformat.v4.new_code_cell(text) for text in (SETUP, code)]
    resources = {"metadata": {"path": str(ROOT)}}
    nbclient.NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=300, resources=resources).execute()
    return cells[1].outputs


def test_a_notebook_shows_progress_and_curves_in_place():
    outputs = executed("result = zoo.fit(tiny.RECIPE, dataset=examples.tiny_dataset())\nresult.verdict.explanation")
    display, result = outputs  # one display, which was updated
    html = display["data"]["text/html"]
    check_page(html)
    said = shown(html)
    assert "done 12/12" in said and result["data"]["text/plain"].strip("'\"") in said
    assert "at step 12" in said and len(parsed(html).findall(".//{http://www.w3.org/2000/svg}svg")) == 3


def test_trackers_of_ones_own_replace_the_display():
    assert executed("_ = zoo.fit(tiny.RECIPE, dataset=examples.tiny_dataset(), trackers=[])") == []


def test_nothing_is_shown_elsewhere(recipe, dataset, capsys):
    assert not notebook.in_notebook()
    zoo.fit(recipe, dataset=dataset)
    assert capsys.readouterr().out == ""


def test_ipython_is_not_imported():
    script = "import sys, zoo.training.fit as f; print('IPython' in sys.modules, f.in_notebook())"
    assert run_python("-c", script).stdout.split() == ["False", "False"]


def test_a_terminal_of_ipython_is_no_notebook():
    pytest.importorskip("IPython", reason="needs IPython")
    script = "import IPython, zoo.training.notebook as n; print(n.in_notebook())"
    assert run_python("-c", script).stdout.split() == ["False"]


@pytest.fixture
def displayed(monkeypatch):
    """The texts that a display shows."""
    pytest.importorskip("IPython", reason="needs IPython")
    import IPython.display

    class Handle:
        def update(self, content):
            texts.append(content.data)

    texts = []
    monkeypatch.setattr(IPython.display, "display", lambda content, display_id: texts.append(content.data) or Handle())
    return texts


def test_updates_are_not_made_for_every_step(displayed, monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr(notebook.time, "monotonic", lambda: next(clock) / 100)
    shown_by = notebook.Notebook()
    shown_by._target = None
    for step in range(1, 1001):
        shown_by.train({"kind": "train", "step": step, "loss": 1.0, "top1": 0.5, "learning_rate": 0.1})
    assert 5 < len(displayed) < 60
    assert len({re.sub(r"\d", "", text.partition("<figure>")[2]) for text in displayed}) > 1


def test_names_are_escaped_and_an_interrupted_run_is_not_done(displayed):
    shown_by = notebook.Notebook()
    shown_by.note(HOSTILE)
    shown_by.close()
    check_page(displayed[-1])
    assert "stopped" in shown(displayed[-1]) and "alert(1)" in shown(displayed[-1])
    shown_by.end(Verdict(False, "top1", None, None, None, 3, 12, HOSTILE))
    shown_by.close()
    check_page(displayed[-1])
