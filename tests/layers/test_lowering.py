"""Tests of the selection between JAX's own operations and the faster lowerings for CPUs."""

import json
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal
from programs import run_python
from tiny import RECIPE

import zoo
from zoo import interfaces
from zoo.data.pipeline import Batch
from zoo.errors import ZooError
from zoo.layers import BatchNorm, Conv, LocalResponseNorm, MaxPool, lowering
from zoo.layers.lowering import convolution_lowering, is_fast, lowering_of_programs
from zoo.training.prepare import prepare

LAYERS = {
    "Conv": Conv(4, 3),
    "MaxPool": MaxPool(3, 2),
    "LocalResponseNorm": LocalResponseNorm(),
    "BatchNorm": BatchNorm(use_running_average=False),
}
CUSTOM_OPERATIONS = ("zoo_convolution", "custom_vjp")


def operations(layer):
    """Returns the jaxpr of a layer as text."""
    x = normal(1, 9, 9, 4)
    variables = layer.init(jax.random.key(0), x)
    return str(jax.make_jaxpr(lambda x: layer.apply(variables, x, mutable=["batch_stats"]))(x))


@pytest.mark.parametrize("name", LAYERS)
def test_layers_use_jaxs_own_operations_by_default(name):
    assert not any(word in operations(LAYERS[name]) for word in CUSTOM_OPERATIONS)
    with convolution_lowering("fast"):
        assert any(word in operations(LAYERS[name]) for word in CUSTOM_OPERATIONS)
        with convolution_lowering("xla"):
            assert not any(word in operations(LAYERS[name]) for word in CUSTOM_OPERATIONS)
    with convolution_lowering("auto"):
        assert any(word in operations(LAYERS[name]) for word in CUSTOM_OPERATIONS) == (jax.default_backend() == "cpu")


def test_changing_the_lowering_retraces_functions():
    """JAX retraces a function under another choice; a decorated function keeps its own."""
    traced = []

    def note(x):
        traced.append(is_fast())
        return x

    compiled = jax.jit(note)
    for choice in ("xla", "fast", "xla", "fast"):
        with convolution_lowering(choice):
            compiled(1.0)
    assert traced == [False, True]
    jax.jit(convolution_lowering("fast")(note))(1.0)
    assert traced == [False, True, True] and not is_fast()


def test_the_choice_is_thread_local():
    found = []
    with convolution_lowering("fast"):
        thread = threading.Thread(target=lambda: found.append(is_fast()))
        thread.start()
        thread.join()
        assert is_fast()
    assert found == [False]


def test_programs_use_fast_lowerings_on_cpus_by_default():
    assert [lowering_of_programs(platform) for platform in ("cpu", "gpu", "tpu")] == ["fast", "xla", "xla"]
    for choice in ("xla", "fast"):
        with convolution_lowering(choice):
            assert {lowering_of_programs(platform) for platform in ("cpu", "gpu", "tpu")} == {choice}


def test_unknown_choices():
    with (
        pytest.raises(ZooError, match="unknown convolution lowering 'fest': did you mean 'fast'"),
        convolution_lowering("fest"),
    ):
        pass


def test_newer_jax_uses_its_own_operations_and_warns_once(monkeypatch):
    monkeypatch.setattr(jax, "__version__", "99.0.dev1")
    lowering._is_supported.cache_clear()
    try:
        with pytest.warns(
            interfaces.ZooWarning, match=r"jax 99\.0\.dev1 is newer than .*: using slower operations"
        ) as caught:
            assert lowering_of_programs("cpu") == "xla"
            with convolution_lowering("fast"):
                assert not is_fast() and lowering_of_programs("cpu") == "xla"
        assert len(caught) == 1
    finally:
        lowering._is_supported.cache_clear()


def test_an_experiment_keeps_its_choice(dataset):
    """Steps are compiled on their first call, possibly inside a context with another choice."""
    with convolution_lowering("xla"):
        experiment = prepare(RECIPE, dataset)
    assert experiment.convolution == "xla" and prepare(RECIPE, dataset).convolution == lowering_of_programs("cpu")
    with convolution_lowering("fast"):
        text = step_text(experiment)
    assert not any(word in text for word in CUSTOM_OPERATIONS)
    with convolution_lowering("fast"):
        experiment = prepare(RECIPE, dataset)
    assert any(word in step_text(experiment) for word in CUSTOM_OPERATIONS)


def step_text(experiment):
    state, constants = experiment.initial_state(0), experiment.constants(experiment.train_pipeline)
    indices = jnp.arange(16)
    batch = Batch(indices, indices, np.ones(16, np.float32), None, None)
    return str(jax.make_jaxpr(experiment.train_step)(state, constants, batch))


def test_runs_record_the_lowering(tmp_path):
    with convolution_lowering("xla"):
        zoo.fit(RECIPE.override({"budget.steps": 2}), tmp_path / "run")
    assert json.loads((tmp_path / "run" / "environment.json").read_text(encoding="utf-8"))["convolution"] == "xla"


@pytest.mark.slow
def test_the_flag_of_programs(tmp_path):
    flags = ["--recipe=tests/tiny.py", "--set=budget.steps=2", f"--workdir={tmp_path / 'run'}"]
    assert run_python("-m", "zoo.train", *flags, "--convolution=xla").returncode in (0, 1)
    assert json.loads((tmp_path / "run" / "environment.json").read_text(encoding="utf-8"))["convolution"] == "xla"
    wrong = run_python("-m", "zoo.train", *flags, "--convolution=onednn")
    assert wrong.returncode == 2 and "Traceback" not in wrong.stderr and "--convolution" in wrong.stderr
