"""Decisions from given evidence and given results of experiments, without any training."""

import numpy as np
import pytest

from zoo.doctor import confirm, decide
from zoo.doctor.changes import named
from zoo.doctor.diagnosis import Finding
from zoo.doctor.evidence import Suspicion
from zoo.doctor.experiments import ALL, Experiments
from zoo.doctor.measurements import loss_function
from zoo.doctor.rules import loss as loss_rules
from zoo.doctor.rules import training
from zoo.doctor.session import Session
from zoo.doctor.trial import Course

STEPS = 100


class Made:
    """A program whose runs have given accuracies, by the changes that are made."""

    name, classes, total_steps = "made", 10, STEPS

    def variant(self, **changes):
        return self


class MadeExperiments(Experiments):
    """Experiments with given accuracies; changes that are not given reach chance."""

    def __init__(self, own, accuracies):
        self.session, self.on_test, self.refused = Session(Made()), lambda test: None, set()
        self.accuracies, self.courses = accuracies, {"as it is": course(own)}

    def run(self, changes):
        return self.courses.setdefault(named(changes), course(self.accuracies.get(named(changes), 0.1)))


def course(accuracy):
    return Course((2.0,) * STEPS, accuracy, accuracy, 0.1, True, 0.0)


def rate(factor, score=4.0):
    return Suspicion("learning_rate_high", "a rule", score, "it jumps", change={"rate": factor})


def test_a_rate_that_recovers_a_part_is_followed():
    experiments = MadeExperiments(0.2, {"rate=0.1": 0.3, "rate=0.01": 0.6, "rate=0.001": 0.88})
    experiments.courses["all"] = course(0.9)
    (found,) = confirm.confirmed(experiments, [rate(0.1)], {}, works=True)
    assert found.cause == "learning_rate_high" and found.confirmed
    assert found.decided_by == "experiment: rate=0.001" and "0.001" in found.remedy


def test_a_rate_that_gets_worse_is_not_followed():
    experiments = MadeExperiments(0.2, {"rate=0.1": 0.3, "rate=0.01": 0.25, "rate=0.001": 0.88})
    experiments.courses["all"] = course(0.9)
    assert confirm.confirmed(experiments, [rate(0.1)], {}, works=True) == []
    assert "rate=0.001" not in experiments.courses


@pytest.mark.parametrize("works", [True, False])
def test_augmentation_of_a_program_that_works_has_to_cost_more(works):
    """Without augmentation, a short run is better in healthy programs too."""
    strong = Suspicion("augmentation_too_strong", "a rule", 4.0, "", change={"augmentation": False})
    for best, named_as_cause in ((0.8, not works), (0.9, True)):
        experiments = MadeExperiments(0.72, {"augmentation=False": best})
        found = confirm.confirmed(experiments, [strong], {}, works=works)
        assert [each.cause for each in found] == ["augmentation_too_strong"] * named_as_cause


def test_a_rate_among_two_faults_is_named_as_the_rate():
    """The optimizer of the experiment has a rate of its own."""
    assert confirm._about(rate(100.0), "optimizer") and confirm._about(rate(100.0), "rate")
    assert not confirm._about(rate(100.0, score=-6.0), "optimizer") and not confirm._about(rate(100.0), "loss")


@pytest.mark.parametrize("doubtful", [True, False])
def test_initial_weights_are_replaced_too_if_they_are_doubtful(doubtful):
    """Everything else replaced, a network with bad initial weights is no better than before."""
    replaced = {named(ALL): 0.45, named({**ALL, "initialization": "he"}): 0.78}
    experiments = MadeExperiments(0.55, replaced)
    assert decide._works(experiments, {}, None, doubtful) != doubtful
    assert (named({**ALL, "initialization": "he"}) in experiments.courses) == doubtful


PROBE = {"pairing": {"transfer": 0.8}}
PARTLY = Finding("learning_rate_low", 0.6, True, "", None, {}, None, "", decided_by="experiment: rate=10")
COLLAPSE = Suspicion("feature_map_collapse", "a rule", 3.0, "maps of one pixel")


def of_the_network(best, *, findings=(), suspicions=(), steps=STEPS):
    experiments = MadeExperiments(0.12, {})
    experiments.courses["all"] = course(best)
    experiments.session.program.total_steps = steps
    found = decide._of_the_network(experiments, PROBE, suspicions, findings)
    return [finding.cause for finding in found]


def test_what_no_change_recovers_is_the_network():
    assert of_the_network(0.2) == ["capacity_too_small"]
    assert of_the_network(0.2, findings=[PARTLY]) == ["capacity_too_small"]
    assert of_the_network(0.2, suspicions=[COLLAPSE], findings=[PARTLY]) == ["feature_map_collapse"]


def test_a_remedy_or_unfinished_runs_are_not_the_network():
    assert of_the_network(0.7, findings=[PARTLY]) == []  # it recovers most of what a probe reaches
    assert of_the_network(0.79) == []
    assert of_the_network(0.2, steps=10 * STEPS) == []  # runs that were cut short


class WithLoss(Made):
    """Delivers examples of four classes, of which the commonest is 3, and has a loss."""

    def __init__(self, loss):
        self.loss = loss

    def train_batches(self):
        yield np.zeros((40, 4)), np.repeat([0, 1, 2, 3], [5, 8, 9, 18])

    def predict(self, state, images):
        return np.zeros((len(images), 4))

    def init(self, seed):
        return None


def cross_entropies(outputs, labels):
    shifted = outputs - outputs.max(1, keepdims=True)
    return np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]


def weighted(weights):
    weights = np.array(weights)

    def loss(outputs, labels):
        return (weights[labels] * cross_entropies(outputs, labels)).sum() / weights[labels].sum()

    return loss


def over_the_batch(outputs, labels):
    return (np.logaddexp.reduce(outputs, axis=0)[labels] - outputs[np.arange(len(labels)), labels]).mean()


@pytest.mark.parametrize(
    ("loss", "ratio", "rules"),
    [
        (lambda *of: cross_entropies(*of).mean(), 1.0, []),
        (weighted([1.0, 1.0, 1.0, 1.0]), 1.0, []),
        (weighted([1.0, 2.0, 1.0, 0.5]), 4.0, ["class weights"]),
        (weighted([1.0, 1e-3, 1e-3, 1e-3]), 1000.0, ["class weights"]),
        (over_the_batch, None, ["mixes examples"]),
    ],
)
def test_class_weights_are_told_apart_from_a_wrong_axis(loss, ratio, rules):
    found = {"loss function": loss_function.measure(Session(WithLoss(loss)))}
    assert found["loss function"]["class_weights"] == (None if ratio is None else pytest.approx(ratio, rel=1e-3))
    suspicions = [*loss_rules.mixes_examples(found), *loss_rules.weighted(found)]
    assert [each.rule for each in suspicions] == rules
    assert all((each.score > 0) == (ratio is None or ratio > 100) for each in suspicions)


def test_layers_of_normalization_are_known_by_their_parameters():
    """A network too slow for its activations still has names of parameters."""
    run = {"evaluation_loss": 9.0, "training_loss": 0.2, "recall": [0.1] * 10}
    for name, cause in (("bn1/scale", "batch_norm_misuse"), ("conv1/kernel", "evaluation_parameters")):
        found = training.evaluation_mode({"evaluation": run, "one batch": {"moved": {name: 0.1}, "still": []}})
        assert [each.cause for each in found] == [cause]
