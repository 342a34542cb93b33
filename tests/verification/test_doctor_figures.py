"""The figures of the doctor, and the simpler answers that it is compared with."""

import itertools
import re

import numpy as np
import pytest
from PIL import Image
from programs import ROOT

from verification.doctor import baselines, colour, page, swaps, trials
from verification.doctor.bases import mlp
from verification.doctor.diagnosed import program_of
from verification.doctor.faults import faults
from zoo.doctor.causes import CAUSES
from zoo.errors import ZooError


def result(*found, causes=("learning_rate_high",), verdict="fault", harmless=False):
    findings = [{"cause": each, "confirmed": True, "harmless": harmless, "decided_by": ""} for each in found]
    return {"case": "rate in lenet5", "causes": list(causes), "verdict": verdict, "findings": findings, "courses": {}}


def test_right():
    assert page.right(result("learning_rate_high"))
    assert not page.right(result("schedule", "learning_rate_high"))
    assert page.right(result("schedule", "learning_rate_high"), places=3)
    assert not page.right(result(verdict="none"))
    assert page.right(result(causes=(), verdict="none"))
    assert not page.right(result("schedule", causes=()))
    assert not page.right(result(causes=(), verdict="undecided"))


def test_cases_have_known_causes_and_unique_names():
    cases = trials.all_cases()
    assert len({case.name for case in cases}) == len(cases) > 200
    assert {cause for case in cases for cause in case.causes} <= set(CAUSES)
    assert [case.learned for case in cases] == sorted((case.learned for case in cases), reverse=True)
    assert all("\n" not in case.name for case in cases)


def test_every_reason_in_the_texts_has_an_answer():
    """There are 39; an answer is a cause that has a case or a test of its own, or a sentence."""
    document = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    table = document.partition("### What the five texts name")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 39
    shown = {case.causes[0] for case in trials.all_cases("folder:any") if case.causes} | set(page.WITHOUT_CASE)
    for reason, texts, answer in rows:
        named = re.findall("`([a-z_]+)`", answer)
        assert named or answer.startswith(" none: "), reason
        assert set(named) <= shown & set(CAUSES), reason
        if not answer.startswith((" none", " a symptom")):
            known = {number for cause in named for number in CAUSES[cause].documents}
            assert known & set(map(int, texts.split(","))), (reason, known)


def test_cases_on_colour_images_are_only_scored():
    """They are there only where a source of such images is given, which is opened when a case is made."""
    known = {case.name for case in trials.all_cases()}
    added = [case for case in trials.all_cases("folder:nowhere") if case.name not in known]
    assert len(added) > 20 and not any(case.learned for case in added)
    assert {"channel_order"} in [set(case.causes) for case in added]
    with pytest.raises(ZooError, match="nowhere"):
        added[0].make()


def test_channels_of_evaluation_in_another_order(tmp_path):
    random = np.random.default_rng(0)
    for split, name, number in itertools.product(("train", "test"), ("one", "other"), range(8)):
        folder = tmp_path / split / name
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (32, 32, 3), np.uint8)).save(folder / f"{number}.png")
    source = f"folder:{tmp_path}"
    case = next(case for case in colour.cases(source) if case.causes == ("channel_order",))
    (healthy, _), (faulty, _) = program_of(colour.base(source)), program_of(case.make())
    images, _, _ = healthy.examples("eval", 8)
    assert len(images) == 8
    for train in (True, False):
        seen = [program.inputs(images, train=train, seed=0) for program in (healthy, faulty)]
        assert np.array_equal(*seen) == train
    swapped = healthy.inputs(images[..., ::-1], train=False, seed=0)
    np.testing.assert_array_equal(faulty.inputs(images, train=False, seed=0), swapped)
    Image.new("RGB", (20, 32)).save(tmp_path / "train" / "one" / "0.png")
    colour._part.cache_clear()
    with pytest.raises(ZooError, match="images of several sizes"):
        colour.base(source)


def test_digest_of_the_code_is_recorded():
    digest = trials.code_digest()
    assert digest == trials.code_digest()
    assert len(digest) == 12


HEALTHY = {
    "inputs": {"train_min": -1.0, "train_max": 1.0, "train_mean": [0.0], "train_std": [1.0]},
    "outputs": {"sums_to_one": True, "classes": 10, "first_loss": 2.31},
    "one batch": {
        "finite": True,
        "losses": [2.3, 2.0, 1.7, 1.4, 1.1, 0.8, 0.6, 0.4],
        "relative_move": 1e-3,
        "still": [],
    },
    "activations": {"dead": 0.1, "saturated": 0.0},
    "initial weights": {"kernels": [{"spread": 0.1, "he": [1.0, 0.8]}]},
    "labels": {"train_counts": [100] * 10},
    "gradients": {"norms": [1.0, 1.0], "zeros": 0.1},
    "schedule": {"peak": 0.001},
    "evaluation": {"training_loss": 0.4, "evaluation_loss": 0.45},
}
COURSE = {"eval_accuracy": 0.8, "train_accuracy": 0.85, "finite": True, "losses": [2.3, 0.4]}


def test_rules_of_earlier_tools_are_silent_where_their_thresholds_are_kept():
    assert baselines.answers(HEALTHY, COURSE) == {tool: [] for tool in baselines.BASELINES}


@pytest.mark.parametrize(
    ("change", "tool", "cause"),
    [
        ({"inputs": {"train_min": 0.0, "train_max": 255.0}}, "UMLAUT's rules", "inputs_unscaled"),
        ({"outputs": {"sums_to_one": False}}, "DeepDiagnosis's rules", "output_activation"),
        ({"schedule": {"peak": 0.5}}, "DeepDiagnosis's rules", "learning_rate_high"),
        ({"inputs": {"train_min": 0.0, "train_max": 255.0}}, "AUTOTRAINER's rules", "inputs_unscaled"),
        ({"inputs": {"train_min": 0.0, "train_max": 255.0}}, "TheDeepChecker's rules", "inputs_unscaled"),
        ({"labels": {"train_counts": [9_000] + [1] * 9}}, "TheDeepChecker's rules", "class_imbalance"),
        (
            {"initial weights": {"kernels": [{"spread": 0.0, "he": [0.0, 0.0]}]}},
            "TheDeepChecker's rules",
            "initialization_symmetric",
        ),
        (
            {"initial weights": {"kernels": [{"spread": 9.0, "he": [30.0, 20.0]}]}},
            "TheDeepChecker's rules",
            "initialization_scale",
        ),
        ({"one batch": {"finite": True, "losses": [2.3] * 9}}, "TheDeepChecker's rules", "learning_rate_low"),
        ({"one batch": {"finite": True, "losses": [2.3, 1, 9]}}, "TheDeepChecker's rules", "learning_rate_high"),
        ({"evaluation": {"training_loss": 0.4, "evaluation_loss": 2}}, "TheDeepChecker's rules", "batch_norm_misuse"),
    ],
)
def test_rules_of_earlier_tools(change, tool, cause):
    assert cause in baselines.answers(HEALTHY | change, COURSE)[tool]


@pytest.mark.parametrize(
    ("gradients", "cause"),
    [
        ({"norms": [1.0, 1.0], "zeros": 0.9}, "hidden_activation"),
        ({"norms": [1e-6, 1.0], "zeros": 0.0}, "hidden_activation"),
        ({"norms": [100.0, 1.0], "zeros": 0.0}, "initialization_scale"),
        ({"norms": [1.0, 1.0], "zeros": 0.0}, "learning_rate_low"),
    ],
)
def test_autotrainer_judges_runs_that_do_not_satisfy_it(gradients, cause):
    course = COURSE | {"eval_accuracy": 0.2, "train_accuracy": 0.2}
    assert list(baselines.autotrainer(HEALTHY | {"gradients": gradients, "course": course})) == [cause]


@pytest.mark.slow
def test_changes_at_random_find_a_rate_that_is_too_low():
    """Every order of changes ends with one that helps; a healthy program has none."""
    fault = next(fault for fault in faults() if fault.name == "rate too low")
    program, _ = program_of(fault.apply(mlp(), 1e-3))
    assert baselines.gradients(program, 0)["norms"]
    assert swaps.first_remedy(program, "one", seconds=60, limit=60)
    healthy, _ = program_of(mlp())
    assert swaps.first_remedy(healthy, "one", seconds=10, limit=60) == []


def test_misses_are_explained():
    """By what the fault costs, and how probable its cause seemed."""
    missed = result(verdict="none") | {
        "courses": {
            "as it is": {"eval_accuracy": 0.70, "finite": True},
            "other": {"eval_accuracy": 0.73, "finite": True},
            "broken": {"eval_accuracy": 0.99, "finite": False},
        },
        "suspicions": [{"rule": "none", "cause": "learning_rate_high", "score": 0.0, "exact": False}],
    }
    assert page._why(missed) == "training works; it costs 3 points, less than the 6 of chance; a probability of 0.50"
    other = missed | {"verdict": "fault", "suspicions": []}
    assert page._why(other) == "the right cause has no measurement that points to it"


def test_results_of_equivalent_code_are_present(monkeypatch):
    code = trials.code_digest()
    monkeypatch.setattr(trials, "EQUIVALENT", {code: {"old"}, "other": {"older"}})
    assert [trials.is_present({"code": each}) for each in (code, "old", "older", None)] == [True, True, False, False]
