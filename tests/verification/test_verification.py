"""Tests of verification itself: it detects faults, and its statistics are right."""

import contextlib
import dataclasses
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from examples import tiny_dataset
from programs import run_python

import zoo
from verification import convergence, ledger, report, suite
from verification.architecture import keras_numbers, numbers
from verification.check import Check, Group
from verification.convergence import first_steps
from verification.faults import inject
from verification.pool import check_recipes
from verification.statistics import fraction_is_plausible
from verification.suite import check_recipe
from zoo.errors import ZooError
from zoo.training.fit import fit
from zoo.training.prepare import prepare

# For each fault, a recipe and the check (group: name) that must detect it without training.
DETECTED_BY = {
    "same_padding": ("alexnet", "architecture: layers"),
    "no_lrn": ("alexnet", "architecture: logits"),
    "raw_pixels": ("lenet5", "traces: input"),
    "wide_initialization": ("lenet5", "initialization: distributions"),
    "evaluated_on_training_images": ("lenet5", "traces: splits"),
    "high_learning_rate": ("lenet5", "traces: learning rate"),
    "low_learning_rate": ("lenet5", "traces: learning rate"),
}


def failures(checks):
    return [f"{check.name}: {check.detail}" for check in checks if check.status == "fail"]


@pytest.mark.parametrize("fault", DETECTED_BY)
def test_faults_are_detected_before_training(fault):
    """Each by the designated check; verification/test_verification.py tests that none fails without a fault."""
    recipe, check = DETECTED_BY[fault]
    group, _, name = check.partition(": ")
    with inject(fault):
        assert name in [check.name for check in check_recipe(recipe, [group]) if check.status == "fail"]


def test_wide_initialization_also_fails_the_loss_check():
    with inject("wide_initialization"):
        assert [found.split(":")[0] for found in failures(check_recipe("lenet5", ["initialization"]))] == [
            "distributions",
            "loss",
        ]


@pytest.mark.slow
def test_shuffled_labels_are_detected_by_training():
    """At the end of the first quarter, since the loss has not decreased."""
    with inject("shuffled_labels"):
        (found,) = failures(check_recipe("lenet5", ["convergence"]))
    assert "loss, part 1 is 2." in found and found.endswith("training was stopped")


def test_faults_are_injected_into_worker_processes():
    (found,) = check_recipes(["lenet5"], ["traces"], fault="raw_pixels")
    assert "input" in [check.name for check in found if check.status == "fail"]


@pytest.mark.slow
def test_the_command_line_fails_for_a_fault(tmp_path):
    files = [f"--json={tmp_path / 'report.json'}", f"--junit={tmp_path / 'report.xml'}"]
    arguments = ["--recipe=lenet5", "--only=traces", *files]
    assert run_python("-m", "verification", *arguments).returncode == 0
    done = run_python("-m", "verification", *arguments, "--fault=raw_pixels")
    assert done.returncode == 1 and "fail" in done.stdout, done.stderr
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["status"] == 1 and content["environment"]["versions"]["jax"]
    failed = {check["name"] for check in content["checks"] if check["status"] == "fail"}
    assert failed == {"input"}
    suite_element = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert int(suite_element.get("failures")) == len(suite_element.findall("testcase/failure")) == 1
    assert int(suite_element.get("tests")) == len(content["checks"])


# The convergence check, on a network that trains in seconds, with a temporary ledger.


SHORT_TRAINING = {
    "budget.batch_size": 32, "budget.steps": 40, "budget.interim_examples": 64, "schedule.peak": 0.05,
    "target": zoo.recipe.Target(0.2),
}  # fmt: skip


@pytest.fixture
def small_world(monkeypatch, tmp_path):
    """Returns a short recipe and small data, with an empty temporary ledger."""
    monkeypatch.setattr(ledger, "FOLDER", tmp_path)
    return zoo.load_recipe("lenet5").override(SHORT_TRAINING), tiny_dataset()


def check_small(experiment, seed=suite.SEED):
    return list(convergence.check_convergence("small", experiment, "cpu", seed))


def test_bands_are_undecided_without_reference_runs(small_world):
    recipe, dataset = small_world
    checks = check_small(prepare(recipe, dataset))
    assert [(check.name, check.status) for check in checks] == [
        ("target", "pass"), ("examples", "pass"), ("bands", "undecided"),
    ]  # fmt: skip
    assert "0 reference runs" in checks[2].detail and report.exit_status(checks) == 3
    assert "--record" not in checks[2].detail and "--recipe=mlp --record" in convergence.too_few_runs("mlp", [], "cpu")


def test_a_target_that_is_not_reached_fails(small_world):
    recipe, dataset = small_world
    checks = check_small(prepare(recipe.override({"target.value": 0.9999}), dataset))
    assert (checks[0].name, checks[0].status) == ("target", "fail")


def test_reference_runs_on_other_data_are_not_used(small_world):
    recipe, dataset = small_world
    experiment = prepare(recipe, dataset)
    for seed in range(5):
        run = convergence.reference_run(
            "small",
            experiment,
            seed,
            [{"kind": "train", "loss": 1.0, "top1": 0.5, "grad_norm": 1.0, "images_per_second": 9.0}] * 20,
            {"loss, part 1": 1.0 + seed},
        )
        ledger.append_run("small", "cpu", {**run, "data": "folder:other", "first_steps": 20})
    runs = ledger.read_first_steps("small", recipe, "cpu")
    (check,) = first_steps.check_first_steps("small", experiment, runs, suite.SEED)
    assert (check.status, check.detail) == ("undecided", "the reference runs used folder:other, this run uses tiny")
    for run in runs:
        del run["first_steps"]
        ledger.append_run("small", "cpu", run)
    found = {check.name: check for check in check_small(experiment)}
    assert (found["bands"].status, found["bands"].detail) == (check.status, check.detail)
    assert ledger.data_name("folder:some/where/flowers/") == "folder:flowers"


@pytest.mark.slow
def test_bands_of_reference_runs_reject_wrong_runs(small_world):
    """A good run is rejected once in 111 times; the two wrong ones are rejected on different sides."""
    recipe, dataset = small_world
    experiment = prepare(recipe, dataset)
    for seed in range(5):
        convergence.record_run("small", experiment, "cpu", seed)
    runs = ledger.read_ledger("small", recipe, "cpu")
    assert len(runs) == 5 and len(runs[0]["train_loss"]) == 40 and runs[0]["environment"]["versions"]["jax"]
    assert {check.status for check in check_small(experiment)} == {"pass"}
    # The target does not influence training; all other fields may.
    assert ledger.read_ledger("small", recipe.override({"target": None}), "cpu") == runs
    assert ledger.read_ledger("small", recipe.override({"schedule.peak": 0.1}), "cpu") == []
    with pytest.raises(ZooError, match="seed 3 is that of a reference run"):
        check_small(experiment, seed=3)
    # Too bad: permuted labels. Too good: labels that are visible in the image, as if they had leaked.
    random = np.random.default_rng(0)
    shuffled = dataclasses.replace(dataset.train, labels=random.permutation(dataset.train.labels))
    assert losses_beyond(check_small(prepare(recipe, dataclasses.replace(dataset, train=shuffled)))) == {"above"}
    leaked = [
        dataclasses.replace(split, images=np.broadcast_to(stripe_of(split.labels), split.images.shape))
        for split in (dataset.train, dataset.eval)
    ]
    too_good = dataclasses.replace(dataset, train=leaked[0], eval=leaked[1])
    assert losses_beyond(check_small(prepare(recipe, too_good))) == {"below"}


def stripe_of(labels):
    """Returns images [N, 1, 28, 1] with a white stripe at a position given by the class."""
    return np.where(np.arange(28) // 2 == labels[:, None], 255, 0).astype(np.uint8)[:, None, :, None]


def losses_beyond(checks):
    """Returns the sides of the bands, "above" or "below", on which losses lie outside."""
    found = [
        re.search(r"loss.* is ([\d.]+)[\d., ]*; band (-?[\d.]+) to ([\d.]+),", failure) for failure in failures(checks)
    ]
    numbers = [[float(number) for number in match.groups()] for match in found if match]
    return {"above" if value > high else "below" for value, _, high in numbers}


def test_diverged_run_fails(small_world):
    recipe, dataset = small_world  # not LeNet, whose tanh bounds its features
    recipe = recipe.override({"model": zoo.recipe.Model("mlp"), "schedule.peak": 1e30, "target": None})
    checks = check_small(prepare(recipe, dataset))
    assert checks[0].status == "fail" and "diverged: at step" in checks[0].detail


@pytest.mark.slow
def test_first_steps_have_separate_bands(small_world):
    recipe, dataset = small_world
    experiment = prepare(recipe, dataset)
    for seed in range(5):
        first_steps.record_first_steps("small", experiment, "cpu", seed, steps=20)
    runs = ledger.read_first_steps("small", recipe, "cpu")
    assert [len(run["train_loss"]) for run in runs] == [20] * 5
    assert ledger.read_ledger("small", recipe, "cpu") == []  # not a reference for complete runs
    whole = [record for record in fit(recipe, seed=3, dataset=dataset).history if record["kind"] == "train"][:20]
    assert runs[3]["train_loss"] == pytest.approx([record["loss"] for record in whole], abs=1e-6)

    def statuses(experiment):
        return {
            check.name: check.status for check in first_steps.check_first_steps("small", experiment, runs, suite.SEED)
        }

    assert statuses(experiment) == {"start": "pass", "target": "skip"} | dict.fromkeys(
        (f"band of loss, part {number}" for number in range(1, 5)), "pass"
    )
    stuck = prepare(recipe.override({"schedule.peak": 1e-6}), dataset)
    assert "fail" in statuses(stuck).values()
    runs[0]["measures"]["loss, part 4"] = 2.31  # one is above the loss of equal logits, ln 10 = 2.303
    assert statuses(experiment)["start"] == "skip"
    with pytest.raises(ZooError, match="--first=40: the run has only 40 steps"):
        first_steps.record_first_steps("small", experiment, "cpu", 9, steps=40)


@pytest.mark.parametrize(
    ("runs", "images_per_second", "status"), [(4, 200, "undecided"), (5, 200, None), (5, 100, "skip")]
)
def test_quick_tier_trains_recipes_with_short_runs(small_world, runs, images_per_second, status):
    """40 steps of 32 images take 6.4 s at 200 images/s, 12.8 s at 100."""
    recipe, _ = small_world
    known = {
        "fingerprint": ledger.fingerprint(recipe), "images_per_second": images_per_second, "data": "tiny",
        "measures": {},
    }  # fmt: skip
    for seed in range(runs):
        ledger.append_run("small", "cpu", known | {"seed": seed, "train_loss": [1.0] * 40, "evaluations": []})
    skipped = suite.skip_training("small", recipe, "cpu")
    assert (skipped and skipped.status) == status


def test_a_recipe_without_ledger_is_reported_as_unverified(monkeypatch, tmp_path):
    monkeypatch.setattr(ledger, "FOLDER", tmp_path)
    (check,) = check_recipe("lenet5", ["convergence"], tier="quick")
    assert check.status == "undecided" and check.detail.startswith("unverified: 0 reference runs")


def test_recipe_without_data_has_all_checks_but_training(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    checks = list(check_recipe("alexnet_imagenet", ["traces", "convergence"]))
    assert {check.status for check in checks[:-1] if check.name != "data"} == {"pass"}, failures(checks)
    assert checks[-1].status == "skip" and "tfds:imagenet2012 is not prepared" in checks[-1].detail


def test_fraction_is_plausible():
    assert fraction_is_plausible(50, 100, 0.5, 1e-3) and not fraction_is_plausible(80, 100, 0.5, 1e-3)


def test_statuses(tmp_path):
    group = Group("net", "traces")
    good, bad = group.check("a", True, "fine"), group.check("b", False, "wrong < right & more")
    open_question, missing = group.undecided("c", "no runs"), group.skip("d", "no data")
    reports = ([good], [good, missing], [good, open_question], [bad, open_question])
    assert [report.exit_status(checks) for checks in reports] == [0, 0, 3, 1]
    assert report.summary([good, bad, missing, missing]) == "1 pass, 1 fail, 2 skip"
    report.write_junit(tmp_path / "x.xml", [good, bad, open_question, missing])
    cases = ElementTree.parse(tmp_path / "x.xml").getroot()
    assert [[child.tag for child in case] for case in cases] == [["system-out"], ["failure"], ["error"], ["skipped"]]
    assert cases[1][0].get("message") == "wrong < right & more"
    with contextlib.suppress(AttributeError):
        good.status = "fail"
    assert isinstance(good, Check) and good.status == "pass"


def test_weights_of_another_network_fail_the_check_and_do_not_end_verification(monkeypatch):
    """As with a network that lacks a bias: the reference has a parameter that the network does not have."""
    reference = numbers.load_reference("lenet5")
    more = {**reference, "state_dict": [*reference["state_dict"], ["conv1.other", [6]]]}
    monkeypatch.setattr(numbers, "load_reference", lambda name: more)
    (check,) = numbers.check_numbers("lenet5")
    assert (check.name, check.status) == ("numbers", "fail")
    assert "the reference's weights do not fit" in check.detail and "conv1.other" in check.detail


def test_keras_weights_of_another_network_fail_the_check_and_do_not_end_verification(monkeypatch):
    reference = keras_numbers.load_keras_reference("mobilenet_v1")
    kept = [[name, shape] for name, shape in reference["variables"] if not name.startswith("conv_dw_3/")]
    monkeypatch.setattr(keras_numbers, "load_keras_reference", lambda name: {**reference, "variables": kept})
    (check,) = keras_numbers.check_keras_numbers("mobilenet_v1")
    assert (check.name, check.status) == ("keras logits", "fail")
    assert "the reference's weights do not fit" in check.detail
