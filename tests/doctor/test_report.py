"""Tests of the reports of a diagnosis: the page, the terminal, and the files."""

import io
import json
import re
import shlex

import numpy as np
import pytest
from page_checks import HOSTILE, check_page, parsed
from programs import ROOT
from rich.console import Console

from verification import results
from zoo.doctor.causes import CAUSES
from zoo.doctor.changes import named, names_of_runs
from zoo.doctor.diagnosis import Diagnosis, Finding
from zoo.doctor.diagnosis import Test as Done
from zoo.doctor.program import check_program
from zoo.doctor.report.page import page
from zoo.doctor.report.table import table_of_causes
from zoo.doctor.report.terminal import print_diagnosis, print_findings
from zoo.doctor.report.words import VERDICTS, remedy_of
from zoo.json_files import strict
from zoo.page.values import value_text
from zoo.recipe.assignments import parse_changes


def course(start, end, steps=60, finite=True):
    losses = np.geomspace(start, end, steps) + 0.02 * np.cos(np.arange(steps))
    return {
        "losses": [round(float(loss), 5) for loss in losses],
        "train_accuracy": 0.31,
        "eval_accuracy": 0.29,
        "majority": 0.1,
        "finite": finite,
        "seconds": 3.1,
    }


def diagnosis(verdict="fault", where="schedule.peak", subject="runs/mine"):
    """A diagnosis with one finding of each kind."""
    found = (
        Finding(
            "learning_rate_high",
            0.97,
            True,
            "the loss rises from 2.31 to 14.2 within 20 steps at a rate of 0.5",
            where,
            {"rate": 0.5, "largest rate": 0.0831, "losses": [2.31, 4.5, 9.1], "finite": False},
            "a rate below 0.08",
            "lower the learning rate: --set=schedule.peak=0.05 --set='clipping=ClipByNorm(norm=1.0)'",
            decided_by="loss by rate; with rate=0.1",
        ),
        *(
            Finding(name, 0.3, False, f"{where} has 12 of them", where)
            for name in ("label_noise", "class_imbalance", "leakage", "batch_size", "schedule")
        ),
        Finding("inputs_unscaled", 1.0, True, "the standard deviation of the inputs is 73.1", harmless=True),
    )
    tests = (
        Done("inputs", "done", "", 0.4),
        Done(where, "not run", "the program has no gradients"),
        Done("signal", "not run", "the program has no gradients"),
        Done("with rate=0.1", "done", "accuracy 0.712 after 60 steps", 3.2),
    )
    courses = {"as it is": course(2.3, 14.0), "with rate=0.1": course(2.3, 0.6), where: course(2.3, 900, finite=False)}
    return Diagnosis(subject, verdict, found if verdict == "fault" else (), tests, courses, 42.0)


def terminal(width, *, color=False, **options):
    """Returns what is printed for a diagnosis."""
    console = Console(file=io.StringIO(), width=width, force_terminal=color, highlight=False)
    print_diagnosis(console, diagnosis(**options), "runs/mine/doctor/report.html")
    return console.file.getvalue()


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_page_is_well_formed_and_says_what_was_found(verdict):
    text = page(diagnosis(verdict))
    root = parsed(text)
    shown = " ".join("".join(root.itertext()).split())
    assert VERDICTS[verdict][1:] in shown and "runs/mine" in shown
    assert ("Learning rate too high" in shown) == (verdict == "fault")
    for expected in ("42 s", "the program has no gradients", "accuracy 0.712 after 60 steps", "numpy", "jax"):
        assert expected in shown, expected
    assert root.find(".//{http://www.w3.org/2000/svg}svg") is not None


def test_the_page_has_the_evidence_and_a_remedy_to_copy():
    root = parsed(page(diagnosis()))
    code, *_ = [each.text for each in root.iter("code")]
    assert code == "--set=schedule.peak=0.05 --set='clipping=ClipByNorm(norm=1.0)'"
    shown = "".join(root.itertext())
    for expected in ("0.0831", "a rate below 0.08", "confirmed", "30%, not confirmed", "harmless", "confidence 97 %"):
        assert expected in shown, expected
    widths = [each.get("style") for each in root.iter("span") if each.get("style")]
    assert widths[0] == "width:97%"


def test_the_page_needs_nothing_else():
    text = page(diagnosis(where=HOSTILE, subject=HOSTILE))
    check_page(text)
    assert not list(parsed(text).iter("a"))


def test_the_page_escapes_hostile_names():
    text = page(diagnosis(where=HOSTILE, subject=HOSTILE))
    root = parsed(text)
    assert not list(root.iter("script")) and "\x1b" not in text and "\u202e" not in text
    cells = [each.text for each in root.iter("td")]
    assert any(cell and cell.startswith("</td><script>alert(1)</script>") for cell in cells)
    assert [each.text for each in root.iter("h1")] == ["A fault was found"]


def test_a_page_without_findings_courses_and_tests():
    text = page(Diagnosis("mine", "none", (), ()))
    parsed(text)
    assert "<svg" not in text and "No fault was found" in text


def test_losses_that_are_not_finite_are_drawn_as_gaps():
    broken = {**course(2.3, 1e6), "finite": False}
    broken["losses"] = [*broken["losses"], float("inf"), float("nan")]
    text = page(Diagnosis("mine", "undecided", (), (), {"as it is": broken, "b": {"losses": []}}))
    parsed(text)
    assert "not finite" in text and "<svg" in text
    nothing = {"as it is": {"losses": [float("nan")]}}
    assert "<svg" not in page(Diagnosis("mine", "undecided", (), (), nothing))


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_terminal_says_what_was_found(width):
    text = terminal(width)
    flat = " ".join(text.split())
    for expected in (
        "runs/mine: a fault was found",
        "Learning rate too high [learning_rate_high], confirmed",
        "The loss rises from 2.31 to 14.2 within 20 steps at a rate of 0.5.",
        "healthy a rate below 0.08",
        "where schedule.peak",
        "remedy lower the learning rate",
        "Also possible 30% Wrong labels: ",
        "and wrong batch size, wrong schedule of the learning rate",
        "Present, but harmless - Inputs not scaled: ",
        "Not tested schedule.peak, signal: the program has no gradients",
    ):
        assert expected in flat, expected
    lines = text.splitlines()
    assert any(line.strip() == "--set=schedule.peak=0.05 --set='clipping=ClipByNorm(norm=1.0)'" for line in lines)
    assert lines[-1] == "report: runs/mine/doctor/report.html"
    assert len(lines) <= 50 and max(map(len, lines)) <= max(min(width, 100), 74)


def test_colours_add_nothing_to_the_text():
    colored = terminal(80, color=True)
    assert "\x1b[" in colored and re.sub(r"\x1b\[[0-9;]*m", "", colored) == terminal(80)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_in_the_terminal(verdict):
    assert f"runs/mine: {VERDICTS[verdict]}" in " ".join(terminal(80, verdict=verdict).split())


def test_the_terminal_escapes_hostile_names():
    text = terminal(80, where=HOSTILE, subject=HOSTILE)
    assert "\x1b" not in text and "\u202e" not in text and "[bold]" in text


def test_findings_of_a_run_in_the_terminal():
    console = Console(file=io.StringIO(), width=80)
    command = f"python -m zoo.doctor {shlex.quote('runs/my run')}"
    print_findings(console, diagnosis().findings[:1], command)
    lines = console.file.getvalue().splitlines()
    assert lines[-1] == "to find the cause: python -m zoo.doctor 'runs/my run'"
    assert any("Learning rate too high" in line for line in lines)


def test_remedies_end_with_lines_to_copy(recipe):
    def remedy(text):
        return remedy_of(Finding("batch_size", 0.5, False, "", remedy=text))

    assert remedy("lower it: --set=schedule.peak=0.1.") == ("lower it", ("--set=schedule.peak=0.1",))
    assert remedy("`a = 1` and --set=x.y=1") == ("", ("--set=x.y=1", "a = 1"))
    started = "--set=x.y=1, or the same by hand"
    assert remedy(started) == (started, ("--set=x.y=1",))
    assert remedy("use --set=schedule=... with a length") == ("use --set=schedule=... with a length", ())
    assert remedy("replace `a` by something else") == ("replace `a` by something else", ())
    assert remedy("") == (CAUSES["batch_size"].remedy, ())
    of_all = [remedy_of(Finding(name, 0.5, False, "")) for name in CAUSES]
    changes = [shlex.split(line)[0].removeprefix("--set=") for _, lines in of_all for line in lines]
    assert changes and all(parse_changes(recipe, [change]) for change in changes)


def test_changes_are_named_as_overrides():
    fields = {"schedule.peak": 0.05, "optimizer": "SGD(momentum=0.9)"}
    assert named({"fields": fields}) == "the reference's schedule.peak=0.05, optimizer=SGD(momentum=0.9)"
    assert named({"fields": fields, "steps": 3}).endswith("optimizer=SGD(momentum=0.9), steps=3")
    assert named({"rate": 0.1, "standardize": True}) == "rate=0.1, standardize=True"


def test_runs_with_many_changes_have_short_names():
    whole = "standardize=True, loss=cross_entropy, optimizer=adam, regularization=False, augmentation=False"
    fewer = "standardize=True, optimizer=adam, regularization=False, augmentation=False"
    reference = named({"fields": dict.fromkeys("abcd", 1)})
    names = ["as it is", reference, whole, f"{whole}, initialization=he", fewer, "rate=0.1"]
    assert list(names_of_runs(names).values()) == [
        "as it is",
        reference,
        "everything replaced",
        "everything replaced, initialization=he",
        "everything replaced but loss",
        "rate=0.1",
    ]
    assert list(names_of_runs(names)) == names


def test_values_as_text():
    values = [np.float32(0.5), 12345, True, None, [1, 2.0], {"a": 1}, list(range(9)), np.arange(2), "x\n"]
    assert [value_text(value) for value in values] == [
        *("0.5", "12,345", "yes", "-", "1, 2", "a 1", "0, 1, 2, 3, 4, 5 and 3 more", "0, 1", "x\\n")
    ]
    assert strict({"a": [float("nan"), np.float32(1)], 2: (None, 1j)}) == {"a": ["nan", 1.0], "2": [None, "1j"]}


def test_a_diagnosis_is_saved(tmp_path):
    diagnosis().save(tmp_path / "new" / "folder")
    saved = json.loads((tmp_path / "new" / "folder" / "diagnosis.json").read_text())
    assert saved["findings"][0]["cause"] == "learning_rate_high" and saved["verdict"] == "fault"
    assert (tmp_path / "new" / "folder" / "report.html").read_text().startswith("<!DOCTYPE html>")


GUIDE = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")


def test_the_table_of_causes_in_the_guide_is_up_to_date():
    assert results.with_tables(GUIDE, {"causes": table_of_causes}, "doctor.md") == GUIDE


def test_the_guides_program_can_be_diagnosed():
    (block,) = re.findall(r"```python\n(import copy.*?)```", GUIDE, re.DOTALL)
    (variant,) = re.findall(r"```python\n(    def variant.*?)```", GUIDE, re.DOTALL)
    names = {}
    exec(f"{block}\n{variant}", names)
    program = check_program(names["SoftmaxRegression"]())
    state, first = program.init(0), None
    for _ in range(5):
        for images, labels in program.train_batches():
            state, loss = program.step(state, images, labels)
            first = first or loss
    images, labels = next(program.eval_batches())
    assert loss < 0.5 * first and (program.predict(state, images).argmax(1) == labels).mean() > 0.8
    assert program.variant(rate=10.0).rate == 1.0 and program.rate == 0.1
    with pytest.raises(KeyError, match="schedule"):
        program.variant(schedule="constant")
