"""Verification itself: that it fails when it should, and that its statistics are what they say."""

import contextlib
import dataclasses
import json
import re
import types
from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from conftest import run_python, small, tabular, tiny_dataset

import zoo
from verification import convergence, first_steps, ledger, report, suite, traces
from verification.check import Check, Group
from verification.faults import FAULTS
from verification.images import fits, looks_normalized, network_inputs
from verification.initialization import first_eval_step
from verification.statistics import prediction_band, share_is_plausible
from verification.suite import check_recipe
from zoo.data.dataset import ArraySplit, Dataset
from zoo.errors import ZooError
from zoo.recipe import Augmentation, ChannelMeanStd, HeNormal, Initialization, Model, Normalize, Resize
from zoo.training.evaluation import evaluate_feed
from zoo.training.experiment import prepare
from zoo.training.fit import fit

# Each fault, and the checks (group: name) of which one must find it without training anything.
FOUND_BY = {
    "same_padding": "architecture: layers",
    "no_lrn": "architecture: logits",
    "raw_pixels": "traces: input",
    "wide_initialization": "initialization: distributions",
    "evaluated_on_training_images": "traces: splits",
    "high_learning_rate": "traces: learning rate",
    "low_learning_rate": "traces: learning rate",
}


def failures(checks):
    return [f"{check.name}: {check.detail}" for check in checks if check.status == "fail"]


@pytest.mark.parametrize("fault", FOUND_BY)
def test_faults_are_found_before_training(fault):
    """And by the check that is there for it. That none fails without a fault is in verification/test_verification.py."""
    group, _, name = FOUND_BY[fault].partition(": ")
    with FAULTS[fault]():
        assert name in [check.name for check in check_recipe("alexnet", [group]) if check.status == "fail"]


def test_shuffled_labels_can_only_be_found_by_training_and_are():
    """At the end of the first quarter, when the loss should have fallen and has not."""
    with FAULTS["shuffled_labels"]():
        (found,) = failures(check_recipe("alexnet", ["convergence"]))
    assert "loss, part 1 is 2." in found and found.endswith("stopped there")


def test_every_fault_has_a_test():
    assert set(FAULTS) == {*FOUND_BY, "shuffled_labels"}


def test_the_command_line_fails_for_a_fault(tmp_path):
    files = [f"--json={tmp_path / 'report.json'}", f"--junit={tmp_path / 'report.xml'}"]
    arguments = ["--recipe=alexnet", "--only=architecture", *files]
    assert run_python("-m", "verification", *arguments).returncode == 0
    done = run_python("-m", "verification", *arguments, "--fault=no_lrn")
    assert done.returncode == 1 and "fail" in done.stdout, done.stderr
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["status"] == 1 and content["environment"]["versions"]["jax"]
    failed = {check["name"] for check in content["checks"] if check["status"] == "fail"}
    assert failed == {"logits", "activations"}
    suite_element = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert int(suite_element.get("failures")) == len(suite_element.findall("testcase/failure")) == 2
    assert int(suite_element.get("tests")) == len(content["checks"])


# The convergence check, on a network that trains in seconds, with a ledger made for it.


LEARNS = {
    "model__options__hidden": 256, "budget__batch_size": 32, "budget__steps": 40, "schedule__peak": 0.02,
    "target": zoo.recipe.Target(0.2),
}  # fmt: skip


@pytest.fixture
def small_world(monkeypatch, tmp_path):
    """A recipe, data and an empty ledger of its own."""
    monkeypatch.setattr(ledger, "FOLDER", tmp_path)
    return small(zoo.load_recipe("alexnet"), **LEARNS), tiny_dataset()


def check_small(recipe, dataset, seed=suite.SEED):
    return list(convergence.check_convergence("small", prepare(recipe, dataset), "cpu", seed))


def test_without_reference_runs_the_bands_are_undecided(small_world):
    recipe, dataset = small_world
    checks = check_small(recipe, dataset)
    assert [check.status for check in checks] == ["pass", "undecided"]
    assert "--record --seeds=8" in checks[1].detail and report.exit_status(checks) == 3


def test_reference_runs_make_bands_and_strangers_fall_outside(small_world):
    """Of good runs, 1 in 100 falls outside; each of the two wrong ones is caught by another measure or side."""
    recipe, dataset = small_world
    for seed in range(5):
        convergence.record_run("small", prepare(recipe, dataset), "cpu", seed)
    runs = ledger.read_ledger("small", recipe, "cpu")
    assert len(runs) == 5 and len(runs[0]["train_loss"]) == 40 and runs[0]["environment"]["versions"]["jax"]
    assert {check.status for check in check_small(recipe, dataset)} == {"pass"}
    # The target is not part of how a run goes; all else is.
    assert ledger.read_ledger("small", recipe.override({"target": None}), "cpu") == runs
    assert ledger.read_ledger("small", recipe.override({"schedule.peak": 0.1}), "cpu") == []
    with pytest.raises(ZooError, match="the seed 3 is one of the reference runs"):
        check_small(recipe, dataset, seed=3)
    # Too bad: labels of other images. Too good: labels that can be read off the picture, as if they had leaked.
    random = np.random.default_rng(0)
    shuffled = dataclasses.replace(dataset.train, labels=random.permutation(dataset.train.labels))
    assert losses_beyond(check_small(recipe, dataclasses.replace(dataset, train=shuffled))) == {"above"}
    leaked = [
        dataclasses.replace(
            split, images=np.broadcast_to(25 * split.labels[:, None, None, None], split.images.shape).astype(np.uint8)
        )
        for split in (dataset.train, dataset.eval)
    ]
    too_good = dataclasses.replace(dataset, train=leaked[0], eval=leaked[1])
    assert losses_beyond(check_small(recipe, too_good)) == {"below"}


def losses_beyond(checks):
    """On which sides of their bands the losses of a run lie that are outside."""
    found = [re.search(r"loss.* is ([\d.]+); ([\d.]+) to ([\d.]+),", failure) for failure in failures(checks)]
    numbers = [[float(number) for number in match.groups()] for match in found if match]
    return {"above" if value > high else "below" for value, _, high in numbers}


def test_a_run_that_diverges_fails(small_world):
    recipe, dataset = small_world
    checks = check_small(recipe.override({"schedule.peak": 1e8}), dataset)
    assert checks[0].status == "fail" and "diverged: at step" in checks[0].detail


def test_first_steps_have_bands_of_their_own(small_world):
    recipe, dataset = small_world
    experiment = prepare(recipe, dataset)
    for seed in range(5):
        first_steps.record_first_steps("small", experiment, "cpu", seed, steps=20)
    runs = ledger.read_first_steps("small", recipe, "cpu")
    assert [len(run["train_loss"]) for run in runs] == [20] * 5
    assert ledger.read_ledger("small", recipe, "cpu") == []  # they are no reference for whole runs
    whole = [record for record in fit(recipe, seed=3, dataset=dataset).history if record["kind"] == "train"][:20]
    assert runs[3]["train_loss"] == pytest.approx([record["loss"] for record in whole], abs=1e-6)

    def statuses(experiment):
        return {
            check.name: check.status for check in first_steps.check_first_steps("small", experiment, runs, suite.SEED)
        }

    assert set(statuses(experiment).values()) == {"pass", "skip"} and statuses(experiment)["target"] == "skip"
    stuck = prepare(recipe.override({"schedule.peak": 1e-6}), dataset)
    assert "fail" in statuses(stuck).values()
    with pytest.raises(ZooError, match="--first=40: the run has 40 steps"):
        first_steps.record_first_steps("small", experiment, "cpu", 9, steps=40)


@pytest.mark.parametrize(
    ("runs", "images_per_second", "status"), [(4, 100, "undecided"), (5, 100, None), (5, 50, "skip")]
)
def test_the_quick_tier_trains_what_is_known_to_be_short(small_world, runs, images_per_second, status):
    """40 steps of 32 images: 12.8 s at 100 images a second, 25.6 s at 50."""
    recipe, _ = small_world
    known = {"fingerprint": ledger.fingerprint(recipe), "images_per_second": images_per_second}
    for seed in range(runs):
        ledger.append_run("small", "cpu", known | {"seed": seed, "train_loss": [1.0] * 40, "evaluations": []})
    left_out = suite.leave_out("small", recipe, "cpu")
    assert (left_out and left_out.status) == status


def test_a_recipe_without_ledger_is_reported_as_unverified(monkeypatch, tmp_path):
    monkeypatch.setattr(ledger, "FOLDER", tmp_path)
    (check,) = check_recipe("lenet5", ["convergence"], tier="quick")
    assert check.status == "undecided" and check.detail.startswith("unverified: 0 reference runs")


def test_images_are_looked_at_from_all_over_the_split():
    """Those of a folder come class by class."""
    classes, each = np.arange(10), 60
    images = np.repeat(25 * classes, each).astype(np.uint8)[:, None, None, None] * np.ones((8, 8, 1), np.uint8)
    split = ArraySplit(images, np.repeat(classes, each).astype(np.int32))
    dataset = Dataset("by class", split, split, tuple(map(str, classes)), channels=1)
    recipe = tabular("fashion_mnist", normalization=ChannelMeanStd())
    inputs = network_inputs(prepared := prepare(recipe, dataset), prepared.eval_feed)
    assert looks_normalized(recipe.normalization, inputs)[0]
    assert not looks_normalized(recipe.normalization, inputs[: len(inputs) // 3])[0]


def test_a_recipe_whose_data_is_missing_is_checked_but_for_its_training(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    checks = list(check_recipe("alexnet_imagenet", ["traces", "convergence"]))
    assert {check.status for check in checks[:-1]} == {"pass"}, failures(checks)
    assert checks[-1].status == "skip" and "tfds:imagenet2012 is not prepared" in checks[-1].detail


@pytest.fixture(scope="module")
def long_run():
    """2,500 steps of 16, which are 20 epochs of 2,000 images."""
    changes = {"budget__steps": None, "budget__epochs": 20.0}
    return prepare(small(zoo.load_recipe("alexnet"), **changes), tiny_dataset())


def test_a_budget_that_is_not_kept_is_noticed(long_run, monkeypatch):
    group = Group("small", "traces")
    assert traces.check_budget(group, long_run).detail == "2,500 steps of 16 are 20.00 epochs of 2,000 examples"
    longer = dataclasses.replace(long_run, total_steps=2501)
    assert traces.check_budget(group, longer).detail == "2,501 steps where 2,500 belong"
    order = traces.training_order
    monkeypatch.setattr(traces, "training_order", lambda feed, batch_size, seed: order(feed, batch_size - 1, seed))
    assert "batch 0 has 15 examples, 15 of which count" in traces.check_budget(group, long_run).detail
    again = lambda feed, batch_size, seed: dict.fromkeys(range(200), order(feed, batch_size, seed)[0])  # noqa: E731
    monkeypatch.setattr(traces, "training_order", again)
    assert traces.check_budget(group, long_run).detail == "there are examples twice in the first epoch"


def test_a_rate_that_is_wrong_at_the_end_of_one_epoch_is_noticed(long_run):
    group = Group("small", "traces")
    assert "at 19 ends of epochs" in traces.check_learning_rate(group, long_run).detail
    end = next(step for step in range(125, 2500, 125) if step not in np.linspace(0, 2499, 1000).astype(int))
    rate = long_run.learning_rate
    bent = dataclasses.replace(long_run, learning_rate=lambda step: rate(step) * jnp.where(step == end, 1.01, 1.0))
    assert f"at step {end} it is" in traces.check_learning_rate(group, bent).detail


def test_evaluation_images_may_be_a_little_larger_if_the_network_takes_them():
    def fit(model, trained, evaluated):
        shapes = [(size, size, 3) for size in (trained, evaluated)]
        return fits(types.SimpleNamespace(model=zoo.create_model(model, 10), input_shape=shapes[0]), shapes[1])

    assert fit("resnet18", 176, 224) and fit("alexnet", 227, 227)
    assert not fit("resnet18", 128, 224) and not fit("resnet18", 224, 176) and not fit("alexnet", 227, 259)


def test_the_loss_before_training_goes_by_the_statistics_of_the_batch():
    changes = {
        "model": Model("resnet20"),
        "augmentation": Augmentation((Resize(32), Normalize()), (Resize(32), Normalize())),
        "initialization": Initialization(kernel=HeNormal()),
    }
    experiment = prepare(small(zoo.load_recipe("alexnet")).override(changes), tiny_dataset())
    variables, feed = experiment.initial_state(0).variables, experiment.eval_feed
    images, labels = network_inputs(experiment, feed)[:16], feed.split.labels[:16]
    logits, _ = experiment.model.apply(variables, images, train=True, mutable=["batch_stats"])
    expected = -np.asarray(jax.nn.log_softmax(logits))[np.arange(16), labels].mean()
    constants, arguments = experiment.constants(feed), {"batch_size": 16, "indices": np.arange(16)}
    for step, same in ((first_eval_step(experiment), True), (experiment.eval_step, False)):
        found = evaluate_feed(step, variables, constants, feed, experiment.mesh, **arguments)
        assert (found["loss"] == pytest.approx(expected, rel=1e-4)) == same


def test_the_band_is_a_prediction_interval():
    """Its coverage, over 20,000 sets of 8 reference runs and one more; three standard errors of a share are allowed."""
    random, alpha, trials = np.random.default_rng(0), 0.05, 20_000
    inside = 0
    for runs in random.normal(3.0, 0.2, (trials, 9)):
        inside += runs[8] in prediction_band(runs[:8], alpha)
    error = 3 * np.sqrt(alpha * (1 - alpha) / trials)
    assert abs(inside / trials - (1 - alpha)) < error
    band = prediction_band([1.0, 2.0, 3.0], 0.05)
    reach = scipy.stats.t.ppf(0.975, 2) * np.sqrt(1 + 1 / 3)
    assert (band.low, band.high) == pytest.approx((2 - reach, 2 + reach))


def test_the_alarm_rate_is_shared_among_measures():
    runs = [{"a": value, "b": 2 * value} for value in (1.0, 2.0, 3.0)]
    bands = convergence.measure_bands(runs, 0.01)
    assert bands["a"] == prediction_band([1.0, 2.0, 3.0], 0.005)


def test_shares():
    assert share_is_plausible(50, 100, 0.5, 1e-3) and not share_is_plausible(80, 100, 0.5, 1e-3)


def test_statuses(tmp_path):
    group = Group("net", "traces")
    good, bad = group.check("a", True, "fine"), group.check("b", False, "wrong < right & more")
    open_question, missing = group.undecided("c", "no runs"), group.skip("d", "no data")
    assert [report.exit_status(checks) for checks in ([good], [good, missing], [good, open_question], [bad, open_question])] == [
        0, 0, 3, 1,
    ]  # fmt: skip
    assert report.summary([good, bad, missing, missing]) == "1 pass, 1 fail, 2 skip"
    report.write_junit(tmp_path / "x.xml", [good, bad, open_question, missing])
    cases = ElementTree.parse(tmp_path / "x.xml").getroot()
    assert [[child.tag for child in case] for case in cases] == [["system-out"], ["failure"], ["skipped"], ["skipped"]]
    assert cases[1][0].get("message") == "wrong < right & more"
    with contextlib.suppress(AttributeError):
        good.status = "fail"
    assert isinstance(good, Check) and good.status == "pass"
