"""Tests of the faults: each changes a run, and verification finds those of the matrix that are tried again here."""

import json
import sys

import pytest
from fault_effects import RECIPES, changes, traced
from programs import run_python

import verification.suite  # noqa: F401  all checks, which no fault may change
import zoo.training.loop
from verification import faults
from verification.faults import FAULTS, applies, inject, page
from verification.faults.bases import BASES
from verification.faults.fault import fault, label, parse
from verification.faults.trial import (
    HEALTHY,
    MATRIX,
    Outcome,
    Trial,
    append_outcome,
    bases_of,
    read_outcomes,
    run_trials,
    trials,
)
from zoo.catalog import load_recipe
from zoo.errors import ZooError

OUTCOMES = read_outcomes(MATRIX)


def test_faults_are_described():
    assert len(FAULTS) >= 70
    for name, found in FAULTS.items():
        assert found.name == name and found.mistake.endswith(".") and found.make.__module__.endswith(found.subject)
        assert (found.matters in found.strengths) if found.strengths else found.matters is None
        labels = [label(strength) for strength in found.variants()]
        assert len(set(labels)) == len(labels)


def test_every_fault_applies_to_a_recipe():
    assert [name for name, found in FAULTS.items() if not bases_of(found)] == []


def test_every_fault_can_be_injected():
    """With each of its strengths; what it changes is tried for some of them below, and for all before a release."""
    for name, found in FAULTS.items():
        for strength in found.variants():
            with inject(f"{name}:{label(strength)}".rstrip(":")):
                pass


def test_no_fault_changes_a_check():
    """The checks' own names stay what they are: a fault is where the mistake would be made."""

    def names_of_checks():
        modules = [
            (name, module)
            for name, module in list(sys.modules.items())
            if name.startswith("verification.") and not name.startswith("verification.faults")
        ]
        return {(name, each): id(value) for name, module in modules for each, value in vars(module).items()}

    assert "verification.step" in sys.modules and "verification.convergence" in sys.modules
    before = names_of_checks()
    for name, found in FAULTS.items():
        with inject(name):
            assert names_of_checks() == before, found.mistake


def test_modes_differ_only_with_batch_norm_or_a_dropout_rate():
    assert not applies.modes_differ(load_recipe("squeezenet1_1"))  # its dropout layer has a rate of 0
    assert applies.modes_differ(load_recipe("bn_cnn")) and applies.modes_differ(load_recipe("alexnet"))


@pytest.mark.slow
def test_a_missing_bias_ends_in_a_verdict(tmp_path):
    report = tmp_path / "report.json"
    checks = ["--recipe=lenet5", "--only=architecture", "--fault=layers_without_bias", f"--json={report}"]
    done = run_python("-m", "verification", *checks)
    assert done.returncode == 1, done.stderr
    failed = [check["name"] for check in json.loads(report.read_text())["checks"] if check["status"] == "fail"]
    assert "layers" in failed and "numbers" in failed


def test_strengths_in_flags():
    assert parse("weight_decay", FAULTS)[1] == parse("weight_decay:10", FAULTS)[1] == 10.0
    assert parse("weight_decay:1.05", FAULTS)[1] == 1.05  # not listed, for bisecting
    assert parse("layer_frozen:first", FAULTS)[1] == "first"
    for text, message in (
        ("weight_decoy", "weight_decay"),
        ("layer_frozen:firsst", "first"),
        ("no_lrn:2", "no_lrn has no strengths"),
        ("weight_decay:much", "unknown strength of weight_decay"),
    ):
        with pytest.raises(ZooError, match=message):
            inject(text)


def effect(name, healthy={}):  # noqa: B006 - keeps the observations without a fault
    """Returns the names of what a fault changes."""
    return changes(FAULTS[name], healthy)


# One for each way of injecting: a program, a backward pass, a prepared optimizer, the loader, a data set.
QUICK = ("biases_frozen", "dense_gradient_scaled", "adam_epsilon", "no_shuffling", "label_noise")
BY_OTHER_METRIC = ("stopping_by_training_loss", "stopping_by_accuracy")  # a short run may end at the same step
# Than in a short run: see test_decisions.py, and test_step_evaluation.py for the last one.
DECIDED_LATER = (
    "plateau_count_not_reset", "plateau_compares_with_previous", "plateau_threshold", "stopping_counts_all_failures",
    "resumed_without_best",
)  # fmt: skip
ON_ONE_DEVICE = [
    name for name, found in FAULTS.items() if found.devices == 1 and name not in BY_OTHER_METRIC + DECIDED_LATER
]


def mark(name):
    """Returns the mark of a fault: some are quick, every eighteenth is slow, and all are tried before a release."""
    if name in QUICK:
        return ()
    return pytest.mark.slow if ON_ONE_DEVICE.index(name) % 18 == 0 else pytest.mark.full


@pytest.mark.parametrize("name", [pytest.param(name, marks=mark(name)) for name in ON_ONE_DEVICE])
def test_a_fault_changes_something(name):
    assert effect(name)


@pytest.mark.parametrize("name", BY_OTHER_METRIC)
def test_a_fault_of_early_stopping_chooses_other_weights(name):
    """The validation loss is lowest at step 1, the training loss and the error at step 2."""
    values = ((1, 0.5, 0.6, 0.7), (2, 0.6, 0.4, 0.8))
    records = [{"kind": "train", "step": step, "loss": training} for step, _, training, _ in values]
    records += [{"kind": "validation", "step": step, "loss": loss, "top1": top1} for step, loss, _, top1 in values]
    loop = zoo.training.loop
    assert loop.Decisions(RECIPES["weighted"], records).best_step == 1
    with inject(name):
        assert loop.Decisions(RECIPES["weighted"], records).best_step == 2


def test_an_observation_is_repeatable():
    """Otherwise every fault would seem to change something."""
    assert traced(RECIPES["mlp"]) == traced(RECIPES["mlp"])


@pytest.mark.slow
def test_faults_of_several_devices_change_something():
    names = [name for name, found in FAULTS.items() if found.devices > 1]
    code = (
        "import sys; sys.path[:0] = ['.', 'tests', 'tests/verification']\n"
        "from test_faults import effect\n"
        f"for name in {names}: print(name, len(effect(name)), flush=True)"
    )
    done = run_python("-c", code, devices=2, timeout=1200)
    changed = dict(line.split() for line in done.stdout.splitlines())
    assert sorted(changed) == sorted(names) and "0" not in changed.values(), done.stderr


# A sample of the matrix: trials that were caught before training, spread over the subjects.
CAUGHT = [each for each in OUTCOMES.values() if each.when == "before" and each.fault in FAULTS and each.seconds < 60]


def sample(count):
    """Returns trials at equal distances in the matrix, which is in the order of the subjects."""
    step = max(1, len(CAUGHT) // count)
    return CAUGHT[step // 2 :: step][:count]


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(each, id=f"{each.fault}-{each.strength}-{each.base}", marks=marks)
        for each, marks in [
            *((each, ()) for each in sample(4)),
            *((each, pytest.mark.slow) for each in sample(10) if each not in sample(4)),
        ]
    ],
)
def test_a_fault_of_the_matrix_is_caught_again(outcome):
    group = outcome.caught_by.partition(":")[0]
    groups = ["traces" if group == "crash" else group]
    (found,) = run_trials([outcome.trial], groups)
    assert found.caught_by and found.caught_by.partition(":")[0] == group


def test_a_trial_ends_at_the_first_failure_and_a_control_passes():
    tried = trials([(FAULTS["raw_pixels"], [None])], ["mlp"])
    assert tried == [Trial(HEALTHY, "", "mlp"), Trial("raw_pixels", "", "mlp")]
    healthy, wrong = run_trials(tried, ["traces"])
    assert (healthy.caught_by, healthy.when) == (None, None) and not healthy.trained
    assert (wrong.caught_by, wrong.when) == ("traces: input", "before") and wrong.detail


OUTCOME = Outcome("weight_decay", "10", "squeezenet1_1", "step: update", "before", False, 3.5, "off by 9")


def test_outcomes_are_read_as_written_and_the_last_one_counts(tmp_path):
    path = tmp_path / "matrix.jsonl"
    assert read_outcomes(path) == {}
    append_outcome(path, Outcome(**{**vars(OUTCOME), "caught_by": None, "when": None}))
    append_outcome(path, OUTCOME)
    assert read_outcomes(path) == {OUTCOME.trial: OUTCOME}
    path.write_text("{}\n")
    with pytest.raises(ZooError, match="line 1 is not the outcome of a trial"):
        read_outcomes(path)


def test_page():
    missed = Outcome("weight_decay", "2", "squeezenet1_1", None, None, False, 9.0, "")
    control = Outcome(HEALTHY, "", "squeezenet1_1", None, None, False, 9.0, "")
    outcomes = {each.trial: each for each in (control, OUTCOME, missed)}
    text = page.counts(outcomes)
    assert "1 (100.0% caught) | 1 | 0 | 0 |" in text and "2 (50.0% caught) | 1 | 0 | 1 |" in text
    assert "0 of 1 recipes failed" in text
    assert page.matrix(outcomes).splitlines()[2:] == [
        "| optimizer | `weight_decay` | **10** | squeezenet1_1 | step: update | before training | 3.5 |  |",
        "| optimizer | `weight_decay` | 2 | squeezenet1_1 | nothing | NOT CAUGHT | 9 |  |",
    ]
    assert page.missed(outcomes).startswith(
        "- `weight_decay`: Weight decay is missing, or too large. squeezenet1_1 (2)."
    )


def test_smallest_strength_that_was_caught():
    found = FAULTS["learning_rate"]
    caught = [Outcome("learning_rate", each, "mlp", "x: y", "before", False, 1.0, "") for each in ("10", "1.1", "0.3")]
    assert page.smallest(found, caught) == "1.1" and page.smallest(FAULTS["layer_frozen"], caught) == ""
    caught = [Outcome("adam_epsilon", each, "mlp", "x: y", "before", False, 1.0, "") for each in ("1", "0.001")]
    assert page.smallest(FAULTS["adam_epsilon"], caught) == "0.001"  # the first of its strengths is the strongest


def test_matrix_is_of_existing_faults():
    for outcome in OUTCOMES.values():
        assert outcome.fault == HEALTHY or parse(f"{outcome.fault}:{outcome.strength}".rstrip(":"), FAULTS)
        assert load_recipe(outcome.base)
    assert set(BASES) <= {outcome.base for outcome in OUTCOMES.values()} | set(BASES)


def test_the_program_resumes(tmp_path):
    path = tmp_path / "out.jsonl"
    append_outcome(path, Outcome("raw_pixels", "", "mlp", "traces: input", "before", False, 1.0, "known"))
    append_outcome(path, Outcome(HEALTHY, "", "mlp", None, None, False, 1.0, ""))
    arguments = ["--fault=raw_pixels", "--base=mlp", f"--output={path}"]
    done = run_python("-m", "verification.faults", *arguments)
    assert done.returncode == 0 and "caught 1 of 1" in done.stdout, done.stderr
    assert len(path.read_text().splitlines()) == 2
    assert json.loads(path.read_text().splitlines()[0])["detail"] == "known"
    done = run_python("-m", "verification.faults", "--fault=no_lrn", "--base=mlp")
    assert done.returncode == 2 and "none of the faults applies" in done.stderr


def test_a_fault_is_undone_at_the_end():
    module = faults.gradients.zoo.layers.conv
    right = module.convolution
    with inject("kernel_gradient_tap"):
        assert module.convolution is not right
    assert module.convolution is right


def test_the_decorator_takes_the_first_strength_for_the_one_that_matters():
    @fault("A mistake.", strengths=(3.0, 2.0))
    def made(strength):
        raise AssertionError

    assert (made.name, made.matters) == ("made", 3.0)
