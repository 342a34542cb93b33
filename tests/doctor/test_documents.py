"""Diagnoses of the documents' own programs, in PyTorch and Keras: healthy, and broken in the ways that they name."""

import os

import documents
import pytest

import zoo

FAULTS = ("learning_rate_high", "output_activation", "labels_independent")


@pytest.mark.slow
@pytest.mark.parametrize("fault", [None, *FAULTS])
@pytest.mark.parametrize(("number", "framework"), [(4, "torch"), (0, "keras")])
def test_a_program_of_a_document(number, framework, fault):
    os.environ.setdefault("KERAS_BACKEND", "jax")
    pytest.importorskip(framework)
    # Twice the seconds that it takes on two busy cores: what a diagnosis does not need, it does not use.
    diagnosis = zoo.diagnose(documents.document(number, fault, examples=1_000), seconds=240)
    if fault is None:
        assert diagnosis.verdict == "none", diagnosis
    else:
        assert [finding.cause for finding in diagnosis.findings][:1] == [fault], diagnosis
