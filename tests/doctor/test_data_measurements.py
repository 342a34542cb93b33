"""Tests of measurements and rules about data: faults of several strengths, healthy practices, and false alarms."""

import functools

import numpy as np
import pytest
from array_program import ArrayProgram, augmented, evidence_of, signed, suspicions_of, unit
from data_cases import FAULTS, HEALTHY, changed, fashion, noisy, overlapping, program, split

CERTAIN = 0.0  # score above which a suspicion is more probable than not


def certain(found):
    return {cause for cause, one in found.items() if one.exact or one.score > CERTAIN}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_practices_are_not_suspected(name):
    assert certain(suspicions_of(HEALTHY[name]())) == set()


@pytest.mark.parametrize("cause,strength", FAULTS)
def test_faults_are_suspected(cause, strength):
    found = suspicions_of(FAULTS[cause, strength]())
    assert cause in certain(found), found
    assert found[cause].summary and found[cause].evidence


@pytest.mark.parametrize(
    "cause,strength",
    [
        ("bad_values", "one"),
        ("leakage", "1 %"),
        ("label_encoding", "from 1"),
        ("augmentation_on_evaluation", "by inputs"),
    ],
)
def test_exact_faults_are_certain(cause, strength):
    assert suspicions_of(FAULTS[cause, strength]())[cause].exact


def test_suspicions_name_examples():
    found = suspicions_of(program(overlapping(0.01)))["leakage"]
    assert "eval/0.png = train/0.png" in found.where
    labels = fashion()[0][1]
    wrong = noisy(labels, 0.15)
    shuffled = program(changed(lambda labels: wrong))
    shuffled.class_names = [f"class {number}" for number in range(10)]
    rows = evidence_of(shuffled)["label noise"]["list"]
    assert all(name in shuffled.class_names for _, given, likely, _ in rows for name in (given, likely))
    places = [int(name.split("/")[1].split(".")[0]) for name, *_ in rows]
    assert np.mean(wrong[places] != labels[places]) > 0.8


def random_healthy(seed):
    """Returns a healthy program of random size, kind, scale and number of classes."""
    random = np.random.default_rng(seed)
    classes, count = int(random.integers(2, 12)), int(random.integers(150, 1_500))
    shares = random.dirichlet(np.full(classes, 5.0))
    labels = random.choice(classes, count, p=shares)
    if seed % 2:
        features = int(random.integers(2, 40))
        centers = random.normal(0, random.uniform(0.7, 2), (classes, features))
        images = (centers[labels] + random.standard_normal((count, features))).astype(np.float32)
        data, prepare = split(images, labels), None
    else:
        size, channels = int(random.integers(8, 33)), int(random.choice([1, 3]))
        patterns = random.normal(0, 1, (classes, 4, 4, channels)).repeat((size + 3) // 4, 1).repeat((size + 3) // 4, 2)
        images = patterns[:, :size, :size][labels] * random.uniform(0.5, 1, (count, 1, 1, 1))
        images = images + random.normal(0, random.uniform(0.3, 1), images.shape)
        data = split(np.clip(60 * images + 110, 0, 255).astype(np.uint8), labels)
        crops = functools.partial(augmented, pixels=size // 8)
        prepare = (unit, signed, crops)[seed % 3]
    told = {"random_transforms": isinstance(prepare, functools.partial)}
    return ArrayProgram(*data, classes, prepare=prepare, delivers_inputs=bool(random.random() < 0.5), **told)


def test_false_alarms_of_random_healthy_data_are_rare():
    alarms = {seed: certain(suspicions_of(random_healthy(seed))) for seed in range(40)}
    assert not {seed: found for seed, found in alarms.items() if found}
