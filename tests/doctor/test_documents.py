"""Diagnoses of the documents' own programs, in PyTorch and Keras: healthy, and broken in the ways that they name."""

import os

import documents
import pytest

import zoo

SLOW = [(4, "torch", None), (4, "torch", "labels_independent"), (0, "keras", "output_activation")]
FULL = [
    (4, "torch", "output_activation"),
    (4, "torch", "learning_rate_high"),
    (0, "keras", None),
    (0, "keras", "learning_rate_high"),
    (0, "keras", "labels_independent"),
]


@pytest.mark.parametrize(
    ("number", "framework", "fault"),
    [
        *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW),
        *(pytest.param(*case, marks=pytest.mark.full) for case in FULL),
    ],
)
def test_a_program_of_a_document(number, framework, fault):
    os.environ.setdefault("KERAS_BACKEND", "jax")
    pytest.importorskip(framework)
    # Twice the seconds that it takes on two busy cores: what a diagnosis does not need, it does not use.
    diagnosis = zoo.diagnose(documents.document(number, fault, examples=1_000), seconds=240)
    if fault is None:
        assert diagnosis.verdict == "none", diagnosis
    else:
        assert [finding.cause for finding in diagnosis.findings][:1] == [fault], diagnosis
