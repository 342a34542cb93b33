"""Tests of the checks of several devices: gradients, running statistics, and random numbers by position."""

import dataclasses
from unittest import mock

import jax
import pytest
from programs import run_python
from small_step import GROUP, Network, prepared

import verification.step
from verification.faults import inject
from verification.step import check_programs
from verification.step.devices import check_devices
from verification.step.forward import check_forward
from verification.step.inputs import Reader, check_inputs
from verification.step.probe import Probe, generic_state
from verification.step.specification import Specification
from zoo import parallel


@pytest.fixture(scope="module")
def experiment():
    return prepared()


def test_two_devices():
    """Runs the next three tests in a process of its own, since the number of devices is fixed when JAX starts."""
    chosen = (test_gradients_summed_over_devices_are_found, test_odd_batches, test_devices_of_a_large_network)
    tests = [f"{__file__}::{test.__name__}" for test in chosen]
    process = run_python("-m", "pytest", "-q", "-p", "no:xdist", *tests, devices=2)
    assert process.returncode == 0 and "5 passed" in process.stdout, process.stdout + process.stderr


TWO_DEVICES = pytest.mark.skipif(len(jax.devices()) < 2, reason="needs two devices; the test above has them")


@TWO_DEVICES
@pytest.mark.parametrize(("count", "status"), [(1, "skip"), (3, "pass"), (7, "pass")])
def test_odd_batches(experiment, count, status):
    """The example that is too many for two equal parts is left out; of one alone, nothing is left."""
    probe = Probe(experiment)
    batch = jax.tree.map(lambda array: array[:count], probe.batches(1, 1)[0])
    found = check_devices(GROUP, probe, generic_state(probe.initial_state(1), 0), batch)
    assert found.status == status, found


@TWO_DEVICES
def test_gradients_summed_over_devices_are_found(experiment):
    right = parallel.sum_over_devices

    def summed(tree):
        total = right(tree)
        if not isinstance(tree, tuple) or len(tree) != 3:
            return total
        return jax.tree.map(lambda leaf: leaf * jax.lax.axis_size(parallel.AXIS), total[0]), *total[1:]

    probe = Probe(experiment)
    state, batch = generic_state(probe.initial_state(1), 0), probe.batches(1, 1)[0]
    with mock.patch.object(parallel, "sum_over_devices", summed):
        assert check_devices(GROUP, probe, state, batch).status == "fail"


@TWO_DEVICES
def test_devices_of_a_large_network(experiment, monkeypatch):
    """A small network is run in its place."""
    monkeypatch.setattr(verification.step, "small", lambda experiment: False)
    large = dataclasses.replace(experiment, model=Network())  # whose programs are not those of the other tests

    def found():
        return {check.name: check for check in check_programs(GROUP, large, Probe(large), 3)}["devices"]

    assert found().status == "pass" and found().detail.startswith(verification.step.REPLACED)
    with inject("statistics_of_first_device"):
        assert found().status == "fail"


def test_augmentation_that_is_the_same_on_every_device_is_found():
    """On one device, whose examples have the positions of a second one."""
    with inject("keys_by_place_on_device"):
        assert check_inputs(GROUP, Reader(prepared())).status == "fail"


def test_dropout_that_is_the_same_on_every_device_is_found():
    with inject("dropout_by_place_on_device"):
        experiment = prepared()
        probe = Probe(experiment)
        state = generic_state(probe.initial_state(1), 0)
        (check,) = check_forward(GROUP, probe, Specification(experiment), [state] * 2, probe.batches(1, 2))
    assert check.status == "fail" and "the reported loss differs" in check.detail
