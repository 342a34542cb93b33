"""Tests of the page of all checks."""

import json
import math

import pytest
from page_checks import HOSTILE, check_page, parsed, shown
from programs import run_python

from verification.check import Check, Group
from verification.report.chart import band_picture
from verification.report.page import page

FIGURES = {"value": 0.5, "low": 0.4, "high": 0.8, "n": 8, "alpha": 0.001}


def checks():
    group = Group(f"mine{HOSTILE}", "convergence")
    return [
        group.check("band of loss", True, "loss is 0.5", FIGURES),
        group.check("band of top1", False, HOSTILE, {"value": 9.0, "low": 0.4, "high": 0.8, "n": 8}),
        group.check("step", True, "without figures"),
        group.undecided("bands", "4 reference runs, needs 5"),
        group.skip("target", "the data is not prepared"),
        Group("other", "convergence").skip("target", "the data is not prepared"),
        Group("third", "step").check("loss", True, "the same"),
    ]


def test_the_page_shows_every_check_and_what_was_not_run():
    text = page(checks(), {"python": "3.11"}, arguments={"tier": "quick"}, seconds=83.0, alpha=0.0002)
    check_page(text)
    seen = shown(text)
    for expected in (
        "A check failed",
        "7 checks in 83 s: 3 pass, 1 fail, 1 undecided, 2 skip",
        "value 0.5, low 0.4, high 0.8, n 8, alpha 0.001",
        "without figures",
        "4 reference runs, needs 5",
        "the data is not prepared",
        "other: convergence, target",
        "with probability 0.01.",
        "with probability 0.0002.",
        "quick",
        "3.11",
    ):
        assert expected in seen, expected
    folded = list(parsed(text).iter("details"))
    assert [each.get("open") for each in folded] == ["open", None, None]  # of subjects, in order
    badges = ["".join(each.find("summary/span").itertext()) for each in folded]
    assert badges == ["fail", "not run", "pass"]


@pytest.mark.parametrize(
    ("status", "title"), [("pass", "All checks passed"), ("undecided", "Undecided"), ("fail", "A check failed")]
)
def test_the_verdict_is_that_of_a_comparison_if_there_is_one(status, title):
    comparison = [Check("lenet5", "baseline", "losses", status, "in the baseline")]
    seen = shown(page(checks(), {}, arguments={}, comparison=comparison))
    assert f"verification {title} " in seen and "Comparison" in seen and "in the baseline" in seen


def place(picture, tag, name):
    (found,) = [each for each in parsed(picture).iter(tag)]
    return float(found.get(name))


def test_the_picture_of_a_band():
    picture = band_picture(FIGURES, "pass")
    start, width = place(picture, "rect", "x"), place(picture, "rect", "width")
    assert place(picture, "circle", "cx") == pytest.approx(start + 0.25 * width, abs=0.2)
    assert "good" in parsed(picture).get("class") and "bad" in parsed(band_picture(FIGURES, "fail")).get("class")
    below = band_picture({**FIGURES, "value": 0.35}, "fail")
    assert place(below, "circle", "cx") < start
    far = parsed(band_picture({**FIGURES, "value": 30.0}, "fail"))
    assert far.find("path") is not None and far.find("circle") is None
    one_sided = band_picture({"value": 1e-6, "high": 2e-5}, "pass")
    assert place(one_sided, "rect", "x") < place(one_sided, "circle", "cx") < place(one_sided, "rect", "width")


@pytest.mark.parametrize(
    "figures", [{}, {"value": 1.0}, {"value": math.nan, "high": 1.0}, {"value": 1.0, "low": 2.0, "high": 2.0}]
)
def test_no_picture_without_a_band(figures):
    assert band_picture(figures, "pass") == ""


def test_the_program_writes_the_page(tmp_path):
    file, other = tmp_path / "report.html", tmp_path / "report.json"
    arguments = ["--recipe=lenet5", "--only=architecture", f"--html={file}", f"--json={other}"]
    done = run_python("-m", "verification", *arguments)
    assert done.returncode == 0, done.stderr
    text = file.read_text(encoding="utf-8")
    check_page(text)
    names = [f"{each['group']}, {each['name']}" for each in json.loads(other.read_text())["checks"]]
    assert names and all(name in shown(text) for name in names) and "All checks passed" in text
    same = run_python("-m", "verification", f"--html={file}", f"--json={file}")
    assert same.returncode == 2 and "--json and --html must be different files" in same.stderr
