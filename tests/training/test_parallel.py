"""Several devices, pmap, gradient accumulation and two processes give the same results up to rounding."""

import os
import socket
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec
from programs import ROOT, child_environment, run_python

from zoo import parallel
from zoo.errors import ZooError

CHILD = ROOT / "tests" / "fit_child.py"


RUNS = (
    *("1-shard_map-1", "8-shard_map-1", "8-pmap-1", "2-shard_map-1", "2-pmap-1", "1-shard_map-4", "2-shard_map-4"),
    *("2-shard_map-1-0", "2-pmap-1-0"),
)


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """A function that returns the saved arrays of a run; one child process with eight devices trains all of them."""
    folder = tmp_path_factory.mktemp("parallel")
    child = run_python(CHILD, folder, ",".join(RUNS), devices=8, PYTHONPATH=str(ROOT))
    assert child.returncode == 0, child.stderr
    assert child.stdout.splitlines() == [f"{run.split('-')[0]} devices 1 processes" for run in RUNS]

    def run(devices=1, strategy="shard_map", accumulation=1, steps=""):
        return dict(np.load(folder / f"{devices}-{strategy}-{accumulation}{steps}.npz"))

    return run


def assert_same_training(ours, theirs):
    """Checks that five steps agree up to rounding in another order of summation; a step changes weights by 1e-2."""
    assert ours.keys() == theirs.keys() and len(ours["losses"]) == 5
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], atol=3e-6, rtol=3e-6, err_msg=name)


@pytest.mark.parametrize("strategy", ["shard_map", "pmap"])
@pytest.mark.slow
def test_eight_devices_match_one(train, strategy):
    assert_same_training(train(8, strategy), train())


def test_pmap_matches_shard_map(train):
    assert_same_training(train(2, "pmap"), train(2))


@pytest.mark.parametrize("strategy", ["shard_map", "pmap"])
def test_several_steps_in_one_program_match_single_steps(train, strategy):
    assert_same_training(train(2, strategy, steps="-0"), train(2))


@pytest.mark.parametrize(("devices", "accumulation"), [(1, 4), (2, 4)])
def test_gradient_accumulation_matches_the_whole_batch(train, devices, accumulation):
    """Dropout and augmentation match too: their keys depend on an example's position in the global batch."""
    assert_same_training(train(devices, accumulation=accumulation), train())


@pytest.mark.slow
def test_two_processes_match_one_with_two_devices(train, tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        coordinator = f"localhost:{free.getsockname()[1]}"
    folders = [tmp_path / str(process) for process in range(2)]
    for folder in folders:
        folder.mkdir()
    children = [
        subprocess.Popen(
            [
                sys.executable,
                CHILD,
                folders[process],
                "2-shard_map-1",
                tmp_path / "run",
                coordinator,
                "2",
                str(process),
            ],
            cwd=ROOT,
            env=child_environment(PYTHONPATH=str(ROOT), JAX_PLATFORMS="cpu"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for process in range(2)
    ]
    for child in children:
        output, errors = child.communicate(timeout=300)
        assert child.returncode == 0, errors
        assert "2 devices 2 processes" in output
    first, second = (dict(np.load(folder / "2-shard_map-1.npz")) for folder in folders)
    assert_same_training(first, train(2))
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    # Only one of the processes wrote to the run folder.
    assert sorted(os.listdir(tmp_path / "run" / "checkpoints"))[-1] == "5"
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 5 + 5


def test_gradients_of_all_devices_are_added_once():
    """Without `varying`, shard_map sums the gradients of replicated weights itself, and they would be summed twice."""
    script = """
import jax, jax.numpy as jnp
from zoo import parallel
mesh = parallel.make_mesh()
def gradient(mark):
    def body(weight, constants, batch):
        return parallel.sum_over_devices(jax.grad(lambda w: (w * batch).sum())(mark(weight)))
    batch = parallel.shard_batch(jnp.arange(4.0), mesh)
    return float(parallel.data_parallel(body, mesh, donate=False)(jnp.float32(1.0), None, batch))
print(gradient(parallel.varying), gradient(lambda weight: weight))
"""
    child = run_python("-c", script, devices=2)
    assert child.stdout.split() == ["6.0", "12.0"], child.stdout + child.stderr


def test_outputs_that_differ_between_devices_are_an_error_at_trace_time():
    def body(state, constants, batch):
        return state + batch.sum()

    step = parallel.data_parallel(body, parallel.make_mesh(), donate=False)
    with pytest.raises(ValueError, match="replicated|varying|vma"):
        step(jnp.float32(0), None, jnp.arange(4.0))


@pytest.mark.slow
def test_one_all_reduce_per_step():
    """Gradients, running statistics and metrics share one all-reduce."""
    script = f"""
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
import jax, numpy as np
from examples import tiny_dataset
from fit_child import CHANGES, RECIPE, Net
from zoo.training.prepare import prepare
from zoo.data.pipeline import training_batches
from zoo import parallel
experiment = prepare(RECIPE.override(CHANGES), tiny_dataset(), model=Net())
batch = next(training_batches(experiment.train_pipeline, 16, seed=0))
constants = experiment.constants(experiment.train_pipeline)
batch = parallel.shard_batch(batch, experiment.mesh)
lowered = experiment.train_step.lower(experiment.initial_state(0), constants, batch)
print(lowered.compile().as_text().count(" all-reduce("))
"""
    child = run_python("-c", script, devices=2)
    assert child.stdout.strip() == "1", child.stdout + child.stderr


def test_batches_that_cannot_be_shared():
    mesh = parallel.make_mesh()
    parallel.check_batch_size(12, mesh, 3)
    with pytest.raises(ZooError, match="cannot split a batch of 12 evenly over 1 devices in 5 parts"):
        parallel.check_batch_size(12, mesh, 5)


def test_the_mesh_has_one_axis():
    mesh = parallel.make_mesh()
    assert mesh.axis_names == (parallel.AXIS,)
    array = parallel.replicate(np.arange(3), mesh)
    assert array.sharding.spec == PartitionSpec()
