"""Fine-tuning: frozen parameters and learning-rate factors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import traverse_util
from programs import run_python
from tuning import *

import zoo
from zoo.errors import TrainingInterrupted
from zoo.recipe import *
from zoo.training.prepare import prepare
from zoo.training.step.freezing import freeze_and_scale, normalize_as_in_evaluation, without_gradient
from zoo.training.tracking import Tracker


@pytest.fixture(scope="module")
def frozen_run(source, three, tmp_path_factory):
    """A finished fine-tuning run: (folder, recipe, result)."""
    folder, recipe = tmp_path_factory.mktemp("tuned") / "run", tuned(source=str(source), frozen=FROZEN)
    return folder, recipe, zoo.fit(recipe, folder, dataset=three)


def test_frozen_parameters_and_statistics_do_not_change(source, frozen_run, three):
    there, end = flat(zoo.load_run(source).variables), flat(frozen_run[2].variables)
    frozen = {path for path in end if is_frozen(path)}
    assert len(frozen) == 9 + 6  # three convolutions, three normalizations with two parameters and two statistics each
    for path in end:
        same = path in there and np.array_equal(end[path], there[path])
        assert same == (path in frozen), path


def test_no_optimizer_state_for_frozen_parameters(frozen_run, three):
    state = prepare(frozen_run[1], three).initial_state(0)
    momentum = [
        jax.tree_util.keystr(path) for path, leaf in jax.tree_util.tree_leaves_with_path(state.opt_state) if leaf.ndim
    ]
    trained = [path for path in flat(state.params) if not is_frozen(f"params/{path}")]
    assert len(momentum) == len(trained) and not any("layer1_0" in path for path in momentum)


def test_fine_tuning_learns(frozen_run):
    losses = [record["loss"] for record in frozen_run[2].history if record["kind"] == "train"]
    assert losses[0] > 0.8 and losses[-1] < 0.6 * losses[0]  # three classes start around ln 3 = 1.1


def test_diverged_fine_tuning_is_diagnosed(frozen_run, three):
    result = zoo.fit(frozen_run[1].override({"schedule.peak": 1e30}), dataset=three)
    assert result.verdict.value is None and "first non-finite value: the " in result.verdict.explanation


def test_stopped_fine_tuning_resumes_bit_identically(frozen_run, three, tmp_path):
    class Stop(Tracker):
        def train(self, record):
            if record["step"] == 5:
                import os
                import signal

                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(TrainingInterrupted):
        zoo.fit(frozen_run[1], tmp_path / "run", dataset=three, trackers=[Stop()])
    again = zoo.fit(frozen_run[1], tmp_path / "run", dataset=three)
    for path, value in flat(frozen_run[2].variables).items():
        np.testing.assert_array_equal(flat(again.variables)[path], value, path)


def test_frozen_normalization_computes_as_in_evaluation(source, dataset):
    """With all layers frozen, training mode gives the logits of evaluation, also with both uses of `nn.BatchNorm`."""
    images = jax.random.normal(jax.random.key(0), (4, 16, 16, 1))
    model = zoo.create_model("resnet20", 10, **RECIPE.model.options)

    class Flax(nn.Module):
        use: str

        @nn.compact
        def __call__(self, images, train):
            if self.use == "field":
                return nn.BatchNorm(use_running_average=not train, name="bn")(images)
            return nn.BatchNorm(name="bn")(images, use_running_average=not train)

    for network, path in ((model, ("layer2_0", "bn1")), (Flax("field"), ("bn",)), (Flax("call"), ("bn",))):
        variables = network.init(jax.random.key(1), images, train=False)
        variables = jax.tree.map(lambda value: value + 0.1, variables)

        def trained(layers, network=network, variables=variables):
            with nn.intercept_methods(normalize_as_in_evaluation(frozenset(layers))):
                return network.apply(variables, images, train=True, mutable=["batch_stats"])

        layers = {path[:-1] for path in traverse_util.flatten_dict(variables["batch_stats"])}
        logits, changed = trained(layers)
        np.testing.assert_array_equal(logits, network.apply(variables, images, train=False))
        jax.tree.map(np.testing.assert_array_equal, changed["batch_stats"], variables["batch_stats"])
        changed = flat(trained(layers - {path})[1]["batch_stats"])
        moved = {name for name, value in flat(variables["batch_stats"]).items() if np.any(changed[name] != value)}
        assert moved == {"/".join((*path, name)) for name in ("mean", "var")}


@pytest.mark.parametrize("optimizer", [SGD(0.0), SGD(0.9, nesterov=True), SGD(0.9, rate_in_momentum=True)], ids=repr)
def test_factors_multiply_updates_exactly(source, three, optimizer):
    """One step of SGD from the same weights: the last matching pattern applies, and weight decay is scaled too."""
    changes = {"optimizer": optimizer, "budget.steps": 1}
    rates = {"*": 2.0, "conv1/*": 0.25, "layer2_0/*": 4.0, "layer2_0/*bias": 0.5}
    one = tuned(source=str(source)).override(changes)
    start = flat(zoo.load_run(source).variables["params"])
    plain, scaled = (
        flat(zoo.fit(recipe, dataset=three).variables["params"])
        for recipe in (one, one.override({"transfer.rates": rates}))
    )
    for path in start.keys() - {"fc/kernel", "fc/bias"}:
        factor = 4.0 if path.startswith("layer2_0") else 0.25 if path.startswith("conv1") else 2.0
        factor = 0.5 if path.startswith("layer2_0") and path.endswith("bias") else factor
        change = plain[path] - start[path]
        assert np.any(change != 0), path
        np.testing.assert_allclose(scaled[path] - start[path], factor * change, rtol=2e-3, atol=4e-7)


def test_factors_are_exact_for_updates():
    """Updates are bit-identical up to the factor, over steps with a falling rate."""
    transfer = Transfer("x", frozen=("a/*",), rates={"b/*": 0.5, "c/*": 4.0})
    plain = prepare_optimizer(None, frozenset())
    grouped = prepare_optimizer(transfer, frozenset({"a/kernel"}))
    random = np.random.default_rng(0)
    params = {name: {"kernel": jnp.asarray(random.standard_normal(5), jnp.float32)} for name in "abcd"}
    states = [plain.init(params), grouped.init(params)]
    for _ in range(5):
        gradient = jax.tree.map(lambda leaf: jnp.asarray(random.standard_normal(leaf.shape), jnp.float32), params)
        expected, states[0] = plain.update(gradient, states[0], params)
        found, states[1] = grouped.update(gradient, states[1], params)
        for name, factor in {"a": 0.0, "b": 0.5, "c": 4.0, "d": 1.0}.items():
            np.testing.assert_array_equal(found[name]["kernel"], factor * expected[name]["kernel"])


def prepare_optimizer(transfer, frozen):
    from zoo.training.step.optimizer import make_optimizer
    from zoo.training.step.schedule import learning_rate

    rule = make_optimizer(SGD(0.9), Regularization(0.01), learning_rate(Cosine(0.1), 5))
    return freeze_and_scale(rule, transfer, frozen)


def test_plateau_factor_applies_to_grouped_updates():
    transfer, frozen = Transfer("x", frozen=("a/*",), rates={"b/*": 0.5}), frozenset({"a/kernel"})
    grouped, params = prepare_optimizer(transfer, frozen), {name: {"kernel": jnp.arange(1.0, 4.0)} for name in "abd"}
    whole, half = (
        grouped.update(params, grouped.init(params), params, rate_factor=factor)[0]
        for factor in (None, jnp.float32(0.5))
    )
    jax.tree.map(lambda one, other: np.testing.assert_array_equal(0.5 * one, other), whole, half)
    assert not np.any(whole["a"]["kernel"]) and np.all(whole["b"]["kernel"]) and np.all(whole["d"]["kernel"])


PLATEAU = ReduceOnPlateau(0.01, patience=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": LAMB(), "clipping": ClipByNorm(1.0), "schedule": PLATEAU, "weight_average": WeightAverage(0.8)},
        {"optimizer": Lion(), "regularization.l1": 1e-3, "early_stopping": EarlyStopping(patience=1)},
        {"optimizer": RMSprop(momentum=0.9), "clipping": ClipByValue(0.1)},
        {
            "optimizer": AdamW(),
            "augmentation.mixing": Mixup(0.2),
            "imbalance": ClassWeights(),
            "budget.accumulation": 2,
        },
        {"optimizer": Adagrad(), "data.validation": 0.2, "transfer.rates": {"fc/*": 2.0}},
        {"optimizer": Adadelta(), "loss": SigmoidCrossEntropy()},
    ],
    ids=lambda changes: type(changes["optimizer"]).__name__,
)
def test_frozen_parameters_do_not_change_with_any_ingredient(source, three, changes):
    """Frozen parameters are unchanged in the weight average and the best weights too; all other parameters change."""
    recipe = tuned(source=str(source), frozen=FROZEN).override(changes)
    there, end = flat(zoo.load_run(source).variables), flat(zoo.fit(recipe, dataset=three).variables)
    for path in end:
        assert (path in there and np.array_equal(end[path], there[path])) == is_frozen(path), path


def test_no_gradient_flows_to_frozen_parameters():
    """Frozen parameters contribute neither to the gradient norm nor to the cost of the backward pass."""
    params = {name: {"kernel": jnp.arange(1.0, 4.0)} for name in "ab"}

    def loss(params):
        params = without_gradient(params, frozenset({"a/kernel"}))
        return (params["a"]["kernel"] * params["b"]["kernel"] ** 2).sum()

    gradient = jax.grad(loss)(params)
    np.testing.assert_array_equal(gradient["a"]["kernel"], 0)
    np.testing.assert_array_equal(gradient["b"]["kernel"], 2 * jnp.arange(1.0, 4.0) ** 2)


@pytest.mark.slow
def test_freezing_on_several_devices(source, tmp_path):
    script = f"""
import sys; sys.path[:0] = ["tests", "tests/training"]
import jax, numpy as np
from examples import tiny_dataset
from flax import traverse_util
from test_transfer import with_classes, tuned, flat, is_frozen, FROZEN
import zoo
recipe = tuned(source={str(source)!r}, frozen=FROZEN).override(
    {{"budget.batch_size": 24, "budget.steps": 3, "budget.accumulation": 2}}
)
there = flat(zoo.load_run({str(source)!r}).variables)
for strategy in ("shard_map", "pmap"):
    end = flat(zoo.fit(recipe, dataset=with_classes(tiny_dataset(), [1, 5, 8]), strategy=strategy).variables)
    print(len(jax.devices()), all(np.array_equal(end[p], there[p]) == is_frozen(p) for p in end if p in there))
"""
    done = run_python("-c", script, devices=3)
    assert done.stdout.split() == ["3", "True"] * 2, done.stderr
