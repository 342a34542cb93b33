"""End-to-end tests of diagnoses: of recipes, networks of one's own, losses, runs, and programs of PyTorch and Keras."""

import dataclasses
import json

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest

import zoo
from zoo.data.split import ArraySplit
from zoo.doctor import CAUSES
from zoo.doctor.adapters.recipe_changes import Subject
from zoo.doctor.adapters.recipe_program import RecipeProgram
from zoo.doctor.experiments import Experiments, smallest
from zoo.doctor.measurements import measurements
from zoo.doctor.rules import suspicions
from zoo.doctor.session import Session
from zoo.layers import Conv, LocalResponseNorm, MaxPool
from zoo.recipe import Initialization, RawRange

SECONDS = 120.0


def ringnorm(**changes):
    fields = {"budget.steps": 400, "target": None, **changes}
    return zoo.load_recipe("mlp").override(fields)


@pytest.fixture(scope="module")
def table():
    return zoo.open_source("synthetic:ringnorm")


def causes(diagnosis, harmless=False):
    return [finding.cause for finding in diagnosis.findings if finding.harmless == harmless]


def test_a_healthy_recipe_is_silent(table):
    diagnosis = zoo.diagnose(ringnorm(), dataset=table, seconds=SECONDS)
    assert (diagnosis.verdict, diagnosis.exit_status, diagnosis.findings) == ("none", 0, ())
    assert diagnosis.course["as it is"]["eval_accuracy"] > 0.9


@pytest.mark.parametrize(("factor", "cause"), [(1e-4, "learning_rate_low"), (1e4, "learning_rate_high")])
def test_learning_rates(table, factor, cause):
    diagnosis = zoo.diagnose(ringnorm(**{"schedule.peak": 0.001 * factor}), dataset=table, seconds=SECONDS)
    assert diagnosis.verdict == "fault" and diagnosis.exit_status == 1
    assert causes(diagnosis)[0] == cause and diagnosis.findings[0].confirmed


def test_a_loss_of_ones_own_with_the_wrong_sign(table):
    def loss(outputs, labels):
        return jnp.take_along_axis(nn.log_softmax(outputs), labels[:, None], 1).mean()

    diagnosis = zoo.diagnose(ringnorm(), dataset=table, loss=loss, seconds=SECONDS)
    assert causes(diagnosis)[0] == "gradient_sign" and diagnosis.findings[0].confirmed


def test_random_labels_cannot_be_learned(table):
    labels = np.random.default_rng(0).permutation(table.train.labels)
    others = np.random.default_rng(1).permutation(table.eval.labels)
    spoiled = dataclasses.replace(
        table, train=ArraySplit(table.train.images, labels), eval=ArraySplit(table.eval.images, others)
    )
    diagnosis = zoo.diagnose(ringnorm(), dataset=spoiled, seconds=SECONDS)
    assert (diagnosis.verdict, diagnosis.exit_status) == ("not_learnable", 3)
    assert causes(diagnosis)[0] == "labels_independent"


def test_the_width_of_the_head(table):
    class Wide(nn.Module):
        num_classes: int = 7

        @nn.compact
        def __call__(self, x, train=False):
            return nn.Dense(self.num_classes)(x.reshape(len(x), -1))

    diagnosis = zoo.diagnose(ringnorm(), dataset=table, model=Wide(), seconds=SECONDS)
    assert causes(diagnosis) == ["head_width"] and diagnosis.verdict == "fault"


def test_a_run_that_failed(tmp_path, table):
    recipe = ringnorm(**{"schedule.peak": 50.0})
    run = tmp_path / "run"
    zoo.fit(recipe, run)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    diagnosis = zoo.diagnose(run, seconds=SECONDS)
    assert causes(diagnosis)[0] == "learning_rate_high"
    assert before == {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    diagnosis.save(tmp_path / "report")
    saved = json.loads((tmp_path / "report" / "diagnosis.json").read_text(encoding="utf-8"))
    assert saved["verdict"] == "fault" and (tmp_path / "report" / "report.html").stat().st_size > 1000


def test_measurements_leave_no_trace(table):
    program = RecipeProgram("mlp", ringnorm(), Subject(table))
    session = Session(program, seconds=SECONDS)
    before = {name: np.array(value) for name, value in program.parameters(session.state).items()}
    batch = next(program.train_batches())[0]
    evidence = {each.name: each.run(session) for each in measurements() if all(hasattr(program, n) for n in each.needs)}
    after = program.parameters(session.state)
    assert all(np.array_equal(value, after[name]) for name, value in before.items())
    assert np.array_equal(batch, next(program.train_batches())[0])
    assert {each.cause for each in suspicions(evidence)} <= set(CAUSES)


def test_two_faults_are_found_together(table):
    recipe = ringnorm(**{"schedule.peak": 1e-7, "regularization.weight_decay": 3.0, "regularization.decayed": ("*",)})
    session = Session(RecipeProgram("mlp", recipe, Subject(table)), seconds=SECONDS)
    experiments = Experiments(session, lambda test: None)
    changes = {"standardize": True, "optimizer": "adam", "regularization": False}
    experiments.run(changes)
    assert set(smallest(experiments, changes)) == {"optimizer", "regularization"}


class BrokenAlexNet(nn.Module):
    """AlexNet with padding SAME in the first convolution, and without response normalization."""

    num_classes: int = 10
    response: bool = False
    padding: str = "SAME"
    dtype: type = jnp.float32

    @nn.compact
    def __call__(self, x, train=False):
        x = nn.relu(Conv(96, 11, 4, padding=self.padding, name="conv1")(x))
        x = LocalResponseNorm(name="norm1")(x) if self.response else x
        x = MaxPool(3, 2, name="pool1")(x)
        x = nn.relu(Conv(256, 5, padding="SAME", groups=2, name="conv2")(x))
        x = MaxPool(3, 2, name="pool2")(x)
        x = nn.relu(Conv(384, 3, padding="SAME", name="conv3")(x))
        x = nn.relu(Conv(384, 3, padding="SAME", groups=2, name="conv4")(x))
        x = nn.relu(Conv(256, 3, padding="SAME", groups=2, name="conv5")(x))
        x = MaxPool(3, 2, name="pool5")(x).reshape(len(x), -1)
        x = nn.relu(nn.Dense(4096, name="fc6")(x))
        x = nn.relu(nn.Dense(4096, name="fc7")(x))
        return nn.Dense(self.num_classes, name="fc8")(x)


def test_what_only_reads_is_measured_before_what_trains():
    """The time may be over before a large network has trained, and its inputs or layers are known at once."""
    names = [measurement.name for measurement in measurements()]
    read = max(map(names.index, ("inputs", "labels", "duplicates", "preparation", "initial weights", "loss function")))
    assert read < min(map(names.index, ("evaluation", "range of rates", "one batch", "outputs")))


@pytest.mark.slow
def test_a_broken_alexnet():
    recipe = zoo.load_recipe("alexnet").override({"normalization": RawRange(), "initialization": Initialization()})
    diagnosis = zoo.diagnose(recipe, model=BrokenAlexNet(), like="alexnet", seconds=120)
    text = str(diagnosis)
    assert diagnosis.verdict == "fault"
    assert {"wrong_architecture", "inputs_unscaled"} <= {*causes(diagnosis), *causes(diagnosis, harmless=True)}
    assert "padding SAME, the reference VALID" in text and "LocalResponseNorm" in text
