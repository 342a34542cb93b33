"""Early stopping, plateau schedules and weight averaging, in uninterrupted and in resumed runs."""

import json
import os
import signal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zoo
from zoo.data.pipeline import training_batches
from zoo.errors import TrainingInterrupted, ZooError
from zoo.parallel import shard_batch
from zoo.recipe import *
from zoo.training.early_stopping import Decisions
from zoo.training.prepare import prepare
from zoo.training.tracking import Tracker


class Net(nn.Module):
    """A small network with running statistics."""

    @nn.compact
    def __call__(self, images, train=False):
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(images[:, ::8, ::8])
        x = x.reshape(len(x), -1)
        return nn.Dense(10)(x)


class Crash(Exception):
    pass


class CrashAt(Tracker):
    def __init__(self, step):
        self.step = step

    def train(self, record):
        if record["step"] == self.step:
            raise Crash


class TerminateAt(CrashAt):
    def train(self, record):
        if record["step"] == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


class CrashInEvaluation(Tracker):
    """Crashes after the record of an evaluation is written, and before its decisions are saved."""

    def evaluation(self, record):
        raise Crash


@pytest.fixture(scope="module")
def plain(recipe):
    """A recipe of 12 steps of 16 images, with an evaluation of all images after every third step."""
    return recipe.override(
        {"initialization": Initialization(), "budget.interim_examples": None, "schedule": ConstantRate(0.05)}
    )


def fit(recipe, dataset, workdir=None, model=None, **options):
    return zoo.fit(recipe, workdir, dataset=dataset, model=model or Net(), **options)


def records(result, kind):
    """Returns the records of a kind, without timings."""
    return [
        {name: value for name, value in record.items() if name not in ("images_per_second", "seconds")}
        for record in result.history
        if record["kind"] == kind
    ]


def assert_same(ours, theirs):
    for kind in ("train", "validation", "eval"):
        assert records(ours, kind) == records(theirs, kind)
    for mine, other in zip(jax.tree.leaves(ours.variables), jax.tree.leaves(theirs.variables), strict=True):
        np.testing.assert_array_equal(mine, other)


# The minimum change is larger than any change of accuracy, so that the first evaluation remains the best.
PLATEAU = {"schedule": ReduceOnPlateau(0.05, metric="top1", factor=0.5, patience=1, minimum_change=2.0, final=0.2)}
STOPPING = {"early_stopping": EarlyStopping("top1", patience=2, minimum_change=2.0)}
AVERAGE = {"weight_average": WeightAverage(0.8)}


def test_a_plateau_reduces_the_reported_and_the_applied_rate(plain, dataset):
    result = fit(plain.override(PLATEAU), dataset)
    rates = [record["learning_rate"] for record in records(result, "train")]
    assert rates == pytest.approx([0.05] * 6 + [0.025] * 3 + [0.0125] * 3)
    steps = plain.override({"schedule": MultiStep(0.05, boundaries=(0.5, 0.75), factor=0.5)})
    for mine, other in zip(
        jax.tree.leaves(result.variables), jax.tree.leaves(fit(steps, dataset).variables), strict=True
    ):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)


def test_early_stopping_ends_the_run_and_restores_the_best_weights(plain, dataset, tmp_path):
    recipe = plain.override(STOPPING)
    result = fit(recipe, dataset, tmp_path / "run")
    evaluations = records(result, "eval")
    assert [record["step"] for record in evaluations] == [3, 6, 9, 9] and len(records(result, "train")) == 9
    assert evaluations[-1] == {**evaluations[0], "step": 9, "restored_step": 3}
    assert result.verdict.steps == 9 and "after 9 steps" in result.verdict.explanation
    assert result.metrics["top1"] == evaluations[0]["top1"]
    again = zoo.evaluate(recipe, result.variables, dataset, model=Net(), statistics=result.statistics)
    assert again["loss"] == evaluations[0]["loss"] != evaluations[2]["loss"]
    for mine, saved in zip(
        jax.tree.leaves(result.variables), jax.tree.leaves(zoo.load_run(tmp_path / "run").variables), strict=True
    ):
        np.testing.assert_array_equal(mine, saved)
    assert_same(fit(recipe, dataset, tmp_path / "run"), result)  # a finished run is loaded


def test_early_stopping_restores_the_best_weights_even_without_stopping(plain, dataset):
    patient = plain.override({"early_stopping": EarlyStopping("top1", patience=3, minimum_change=2.0)})
    result = fit(patient.override({"budget.interim_examples": 64}), dataset)
    evaluations = records(result, "eval")
    assert [(record["step"], record["examples"]) for record in evaluations] == [
        (3, 64), (6, 64), (9, 64), (12, 64), (12, 200),
    ]  # fmt: skip
    assert result.metrics["restored_step"] == 3


@pytest.mark.slow
def test_decisions_use_only_the_validation_split(plain, dataset, tmp_path):
    """All labels of the evaluation split are wrong, so its loss rises while that of the validation split falls."""
    wrong = zoo.ArraySplit(dataset.eval.images, (dataset.eval.labels + 1) % 10)
    mislabeled = zoo.Dataset("mislabeled", dataset.train, wrong, dataset.class_names, channels=1)
    held_out = plain.override({"data.validation": 0.2})
    stopping = held_out.override({"early_stopping": EarlyStopping("loss", patience=2)})
    result = fit(stopping, mislabeled, tmp_path / "run")
    interim, (last,) = records(result, "validation"), records(result, "eval")
    assert len({record["loss"] for record in interim}) > 1 and {record["examples"] for record in interim} != {200}
    best = min(interim, key=lambda record: record["loss"])
    assert last["restored_step"] == best["step"] and last["examples"] == 200
    again = zoo.evaluate(stopping, result.variables, mislabeled, model=Net(), statistics=result.statistics)
    assert again["loss"] == last["loss"] == result.metrics["loss"]
    assert_same(fit(stopping, mislabeled, tmp_path / "run"), result)

    plateau = {"schedule": ReduceOnPlateau(0.05, metric="loss", factor=0.5, patience=1)}
    for data in (dataset, mislabeled):
        reduced = fit(held_out.override(plateau), data)
        losses = [record["loss"] for record in records(reduced, "validation")]
        assert [record["step"] for record in records(reduced, "validation")] == [3, 6, 9]
        worse = [number for number in (1, 2) if losses[number] >= min(losses[:number])]
        rates = [record["learning_rate"] for record in records(reduced, "train")]
        expected = [0.05 * 0.5 ** sum(number < step // 3 for number in worse) for step in range(12)]
        assert rates == pytest.approx(expected)


def test_top5_requires_ten_classes(plain, dataset):
    recipe = plain.override({"early_stopping": EarlyStopping("top5", patience=2), "target": Target(0.3, "top5")})
    result = fit(recipe, dataset)
    best = max(records(result, "eval")[:-1], key=lambda record: record["top5"])["top5"]
    assert result.verdict.value == best and "top-5 accuracy" in result.verdict.explanation
    nine_classes = zoo.Dataset(
        "nine", *(zoo.ArraySplit(s.images, s.labels % 9) for s in (dataset.train, dataset.eval)), tuple("abcdefghi"), 1
    )
    for changes in ({"target": Target(0.3, "top5")}, {"schedule": ReduceOnPlateau(0.1, metric="top5", patience=1)}):
        with pytest.raises(ZooError, match="metric is top5, which needs at least 10 classes; the data has 9"):
            prepare(plain.override({"target": None} | changes), nine_classes)


ALONE = [pytest.param(changes, marks=pytest.mark.full) for changes in (PLATEAU, STOPPING, AVERAGE)]


@pytest.mark.parametrize("changes", [*ALONE, {**PLATEAU, **STOPPING, **AVERAGE, "data.validation": 0.2}])
@pytest.mark.parametrize("step", [2, 7])
def test_a_crashed_run_resumes_bit_identically(plain, dataset, tmp_path, changes, step):
    recipe = plain.override(changes)
    with pytest.raises(Crash):
        fit(recipe, dataset, tmp_path / "run", trackers=[CrashAt(step)])
    assert_same(fit(recipe, dataset, tmp_path / "run"), fit(recipe, dataset))


def test_a_run_stopped_before_and_crashed_after_an_evaluation_resumes_bit_identically(plain, dataset, tmp_path):
    """The checkpoint of step 3 is first saved without the decisions of its evaluation."""
    recipe = plain.override({**PLATEAU, **STOPPING, **AVERAGE})
    with pytest.raises(TrainingInterrupted, match="after 3 steps"):
        fit(recipe, dataset, tmp_path / "run", trackers=[TerminateAt(3)])
    with pytest.raises(Crash):
        fit(recipe, dataset, tmp_path / "run", trackers=[CrashAt(5)])
    saved, whole = zoo.load_run(tmp_path / "run"), fit(recipe, dataset)
    evaluated = zoo.evaluate(recipe, saved.variables, dataset, model=Net(), statistics=saved.statistics)
    assert saved.step == 3 and evaluated["loss"] == records(whole, "eval")[0]["loss"]
    assert_same(fit(recipe, dataset, tmp_path / "run"), whole)


@pytest.mark.slow
def test_a_run_crashed_between_an_evaluation_and_its_checkpoint_resumes_bit_identically(plain, dataset, tmp_path):
    recipe = plain.override({**PLATEAU, **STOPPING, **AVERAGE})
    with pytest.raises(TrainingInterrupted):
        fit(recipe, dataset, tmp_path / "run", trackers=[TerminateAt(6)])
    with pytest.raises(Crash):
        fit(recipe, dataset, tmp_path / "run", trackers=[CrashInEvaluation()])
    assert (tmp_path / "run" / "metrics.jsonl").read_text().count('"eval"') == 2
    assert_same(fit(recipe, dataset, tmp_path / "run"), fit(recipe, dataset))


def test_the_weight_average_includes_statistics_and_is_evaluated(plain, dataset, tmp_path):
    recipe = plain.override({"weight_average": WeightAverage(0.8, ramp=False)})
    experiment = prepare(recipe, dataset, model=Net())
    state = experiment.initial_state(0)
    constants, step = experiment.constants(experiment.train_pipeline), experiment.train_step
    expected = jax.tree.map(np.asarray, jax.device_get(state.variables))
    batches = training_batches(experiment.train_pipeline, 16, seed=0)
    for _ in range(12):
        state, _ = step(state, constants, shard_batch(next(batches), experiment.mesh))
        expected = jax.tree.map(
            lambda mean, new: 0.8 * mean + 0.2 * np.asarray(new), expected, jax.device_get(state.variables)
        )
    result = fit(recipe, dataset, tmp_path / "run")
    assert set(result.variables) == {"params", "batch_stats"}
    for mine, other in zip(jax.tree.leaves(result.variables), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)
    last = fit(plain, dataset)
    assert records(last, "train") == records(result, "train")  # averaging does not affect training
    assert last.metrics["loss"] != result.metrics["loss"]
    run = zoo.load_run(tmp_path / "run")
    evaluated = zoo.evaluate(recipe, run.variables, dataset, model=Net(), statistics=run.statistics)
    assert evaluated["loss"] == result.metrics["loss"]


def test_a_non_finite_step_does_not_change_the_average(plain, dataset):
    recipe = plain.override({**AVERAGE, "schedule": ConstantRate(1e38)})
    result = fit(recipe, dataset)
    assert result.verdict.value is None and all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(result.variables))


def test_states_of_plain_recipes_have_no_additional_arrays(plain, dataset):
    state = prepare(plain, dataset, model=Net()).initial_state(0)
    names = {jax.tree_util.keystr(path[:1]) for path, _ in jax.tree_util.tree_leaves_with_path(state)}
    assert names == {".step", ".seed", ".params", ".batch_stats", ".opt_state", ".failed"}


def test_early_stopping_decisions(plain):
    def decide(part, *values):
        recipe = plain.override({"early_stopping": part, "budget.evaluate_every": 0.05, "budget.steps": 100})
        return Decisions(
            recipe, [{"kind": "eval", "step": step, "loss": value} for step, value in enumerate(values, start=1)]
        )

    part = EarlyStopping("loss", patience=2, minimum_change=0.1)
    assert not decide(part).over and decide(part).best_step is None
    assert decide(part, 1.0, 0.95).best_step == 1 and not decide(part, 1.0, 0.95).over
    assert decide(part, 1.0, 0.95, 0.91).over
    assert decide(part, 1.0, 0.95, 0.89).best_step == 3 and not decide(part, 1.0, 0.95, 0.89).over
    assert decide(part, 1.0, float("nan"), float("nan")).over
    assert decide(part, float("nan"), 3.0).best_step == 2
    assert not decide(None, 1.0, 2.0, 3.0, 4.0).over and decide(None, 1.0).best_step is None


def test_a_plateau_without_evaluation_images_is_an_error(plain, dataset):
    """A common mistake in Keras: ReduceLROnPlateau(monitor="val_loss") with fit() without validation data."""
    nothing = zoo.ArraySplit(dataset.eval.images[:0], dataset.eval.labels[:0])
    empty = zoo.Dataset("empty", dataset.train, nothing, dataset.class_names, channels=1)
    with pytest.raises(ZooError, match="empty: there are no evaluation images"):
        prepare(plain.override(PLATEAU), empty, model=Net())


PARTS = [
    {"loss": SigmoidCrossEntropy(), "optimizer": AdamW(), "clipping": ClipByNorm(1.0)},
    {"loss": Focal(), "optimizer": RMSprop(momentum=0.9, epsilon=1.0, epsilon_in_root=True, initial_average=1.0)},
    {"loss": GeneralizedCrossEntropy(), "optimizer": Lion(), "regularization.l1": 1e-4},
    {"loss": Huber(), "optimizer": LAMB(), "schedule": OneCycle(0.05), **AVERAGE},
    {"optimizer": Adagrad(), "schedule": Step(0.05, every=0.2), "clipping": ClipByValue(0.1)},
    {"optimizer": Adadelta(), "schedule": Exponential(1.0, constant=0.5)},
    {"optimizer": Adam(), **PLATEAU, **STOPPING},
]


@pytest.mark.parametrize(
    "changes",
    [pytest.param(changes, marks=[pytest.mark.slow] * (number > 1)) for number, changes in enumerate(PARTS)],
    ids=lambda changes: " ".join(type(part).__name__ for part in changes.values()),
)
def test_verification_and_json_support_every_part(recipe, dataset, changes):
    from verification.check import Group
    from verification.step.inputs import Reader, check_inputs
    from verification.step.loss import check_loss
    from verification.step.probe import Probe
    from verification.step.update import CONSECUTIVE, check_update
    from verification.traces import check_learning_rate

    changed = recipe.override(changes)
    assert Recipe.from_json(json.loads(json.dumps(changed.to_json()))) == changed
    assert changed.fingerprint != recipe.fingerprint
    experiment, group = prepare(changed, dataset), Group("changed", "step")
    reader, probe = Reader(experiment), Probe(experiment)
    checks = [check_learning_rate(group, experiment), check_inputs(group, reader), check_loss(group, reader)]
    checks += check_update(group, probe, probe.initial_state(0), probe.batches(0, CONSECUTIVE))
    assert [f"{check.name}: {check.detail}" for check in checks if check.status != "pass"] == []
    assert {check.name for check in checks} >= {"learning rate", "inputs", "loss", "update"}
