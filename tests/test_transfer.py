"""Fine-tuning: what is taken over, what is drawn anew, what moves and how fast, and what cannot be used."""

import json
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from conftest import run_python
from flax import linen as nn
from flax import traverse_util

import zoo
from zoo.data.dataset import ArraySplit, Dataset
from zoo.errors import TrainingInterrupted, ZooError
from zoo.recipe import *
from zoo.recipe.loading import parse_changes
from zoo.training.experiment import prepare
from zoo.training.freezing import around_optimizer, normalize_as_in_evaluation, without_gradient
from zoo.training.tracking import Tracker

TRANSFORMS = (Resize(16), Normalize())
RECIPE = Recipe(  # a ResNet of 8 layers, which has batch normalization
    model=Model("resnet20", options={"blocks": 1, "width": 4}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(),
    augmentation=Augmentation(train=TRANSFORMS, eval=TRANSFORMS),
    initialization=Initialization(),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.05),
    regularization=Regularization(weight_decay=1e-3),
    budget=Budget(batch_size=16, steps=8, evaluate_every=0.5, interim_examples=32),
)
FROZEN = ("conv1/*", "bn1/*", "layer1_*")


def few(dataset, classes):
    """The examples of a few classes, with their labels counted from 0."""

    def part(split):
        kept = np.isin(split.labels, classes)
        labels = np.searchsorted(classes, split.labels[kept]).astype(np.int32)
        return ArraySplit(split.images[kept], labels)

    names = [dataset.class_names[label] for label in classes]
    return Dataset("few", part(dataset.train), part(dataset.eval), names, channels=1)


@pytest.fixture(scope="module")
def three(dataset):
    return few(dataset, [1, 5, 8])


@pytest.fixture(scope="module")
def source(dataset, tmp_path_factory):
    """The folder of a run on ten classes."""
    folder = tmp_path_factory.mktemp("source") / "run"
    zoo.fit(RECIPE, folder, dataset=dataset)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """(variables of a network for ten classes, a file of them as PyTorch would have it)."""
    path = tmp_path_factory.mktemp("weights") / "net.safetensors"
    model = zoo.create_model("bn_cnn", 10)
    variables = model.init(jax.random.key(7), jnp.zeros((1, 16, 16, 1)), train=False)
    safetensors.numpy.save_file(zoo.export_weights(model, variables, layout="torch"), path)
    return variables, path


def of_file(path, **fields):
    """A recipe that starts `bn_cnn` from a file."""
    return RECIPE.override({"model": Model("bn_cnn"), "transfer": Transfer(str(path), **{"layout": "torch", **fields})})


def tuned(**fields):
    return RECIPE.override({"transfer": Transfer(**fields)})


def flat(tree):
    return {path: np.asarray(value) for path, value in traverse_util.flatten_dict(tree, sep="/").items()}


def start_of(recipe, dataset, seed=0):
    return flat(prepare(recipe, dataset).initial_state(seed).variables)


def is_frozen(path):
    return path.split("/")[1] in ("conv1", "bn1", "layer1_0")


def test_a_new_head_on_trained_layers(source, three):
    there, start = flat(zoo.load_run(source).variables), start_of(tuned(source=str(source)), three)
    assert there["params/fc/kernel"].shape == (16, 10) and start["params/fc/kernel"].shape == (16, 3)
    assert {path for path in start if path in there and start[path].shape == there[path].shape} == start.keys() - {
        "params/fc/kernel",
        "params/fc/bias",
    }
    for path in start.keys() - {"params/fc/kernel", "params/fc/bias"}:
        np.testing.assert_array_equal(start[path], there[path], path)
    drawn = start_of(RECIPE, three)
    np.testing.assert_array_equal(start["params/fc/kernel"], drawn["params/fc/kernel"])
    other = start_of(tuned(source=str(source)), three, seed=1)
    assert np.any(other["params/fc/kernel"] != start["params/fc/kernel"])
    np.testing.assert_array_equal(other["params/conv1/kernel"], start["params/conv1/kernel"])


def test_which_layers_are_drawn_anew(source, dataset):
    there = flat(zoo.load_run(source).variables)
    start = start_of(tuned(source=str(source)), dataset)
    assert all(np.array_equal(start[path], there[path]) for path in there)  # as many classes: nothing has to be
    start = start_of(tuned(source=str(source), head=("fc/*", "layer3_0/bn2/*")), dataset)
    changed = {path for path in there if not np.array_equal(start[path], there[path])}
    assert changed == {
        "params/fc/kernel", "params/layer3_0/bn2/scale", "params/layer3_0/bn2/bias",
        "batch_stats/layer3_0/bn2/mean", "batch_stats/layer3_0/bn2/var", "params/fc/bias",
    }  # fmt: skip


def test_a_file_starts_a_network(weights, three):
    variables, path = weights
    there, start = flat(variables), start_of(of_file(path), three)
    assert start.keys() == there.keys() and start["params/fc2/kernel"].shape == (7 * 7 * 32, 3)
    for name in start.keys() - {"params/fc2/kernel", "params/fc2/bias"}:
        np.testing.assert_array_equal(start[name], there[name], name)
    named = start_of(of_file(path, num_classes=10, head=("fc2/*",)), three)
    np.testing.assert_array_equal(named["params/fc2/kernel"], start["params/fc2/kernel"])


@pytest.fixture(scope="module")
def frozen_run(source, three, tmp_path_factory):
    """A finished fine-tuning run: (folder, recipe, result)."""
    folder, recipe = tmp_path_factory.mktemp("tuned") / "run", tuned(source=str(source), frozen=FROZEN)
    return folder, recipe, zoo.fit(recipe, folder, dataset=three)


def test_frozen_parameters_and_statistics_do_not_move(source, frozen_run, three):
    there, end = flat(zoo.load_run(source).variables), flat(frozen_run[2].variables)
    frozen = {path for path in end if is_frozen(path)}
    assert len(frozen) == 9 + 6  # three convolutions, three normalizations with two parameters and two statistics each
    for path in end:
        same = path in there and np.array_equal(end[path], there[path])
        assert same == (path in frozen), path


def test_the_optimizer_keeps_nothing_for_what_is_frozen(frozen_run, three):
    state = prepare(frozen_run[1], three).initial_state(0)
    momentum = [
        jax.tree_util.keystr(path) for path, leaf in jax.tree_util.tree_leaves_with_path(state.opt_state) if leaf.ndim
    ]
    trained = [path for path in flat(state.params) if not is_frozen(f"params/{path}")]
    assert len(momentum) == len(trained) and not any("layer1_0" in path for path in momentum)


def test_fine_tuning_learns(frozen_run):
    losses = [record["loss"] for record in frozen_run[2].history if record["kind"] == "train"]
    assert losses[0] > 0.8 and losses[-1] < 0.6 * losses[0]  # three classes start around ln 3 = 1.1


def test_a_fine_tuning_that_diverges_is_told_where(frozen_run, three):
    result = zoo.fit(frozen_run[1].override({"schedule.peak": 1e30}), dataset=three)
    assert result.verdict.value is None and "first not finite is the " in result.verdict.explanation


def test_a_stopped_fine_tuning_goes_on_to_the_same_bits(frozen_run, three, tmp_path):
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
    """The zoo's layer and both ways to call Flax's: with everything frozen, training gives the logits of evaluation."""
    images = jax.random.normal(jax.random.key(0), (4, 16, 16, 1))
    model = zoo.create_model("resnet20", 10, **RECIPE.model.options)

    class Flax(nn.Module):
        told: str

        @nn.compact
        def __call__(self, images, train):
            if self.told == "field":
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
    """After one step of SGD from the same place: the last pattern that matches wins, and decay is multiplied, too."""
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
    """The bits of the updates themselves, over steps with a falling rate."""
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
    from zoo.optimizer import make_optimizer
    from zoo.schedule import learning_rate

    rule = make_optimizer(SGD(0.9), Regularization(0.01), learning_rate(Cosine(0.1), 5))
    return around_optimizer(rule, transfer, frozen)


def test_a_plateau_reaches_grouped_updates():
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
def test_what_is_frozen_stays_with_every_ingredient(source, three, changes):
    """To the last bit, in the average and in the best weights, too; and all else moves."""
    recipe = tuned(source=str(source), frozen=FROZEN).override(changes)
    there, end = flat(zoo.load_run(source).variables), flat(zoo.fit(recipe, dataset=three).variables)
    for path in end:
        assert (path in there and np.array_equal(end[path], there[path])) == is_frozen(path), path


def test_no_gradient_flows_to_what_is_frozen():
    """So that it does not count in the norm of the gradient, nor costs anything."""
    params = {name: {"kernel": jnp.arange(1.0, 4.0)} for name in "ab"}

    def loss(params):
        params = without_gradient(params, frozenset({"a/kernel"}))
        return (params["a"]["kernel"] * params["b"]["kernel"] ** 2).sum()

    gradient = jax.grad(loss)(params)
    np.testing.assert_array_equal(gradient["a"]["kernel"], 0)
    np.testing.assert_array_equal(gradient["b"]["kernel"], 2 * jnp.arange(1.0, 4.0) ** 2)


def test_many_devices_freeze_the_same(source, tmp_path):
    script = f"""
import sys; sys.path.insert(0, "tests")
import jax, numpy as np
from conftest import tiny_dataset
from flax import traverse_util
from test_transfer import few, tuned, flat, is_frozen, FROZEN
import zoo
recipe = tuned(source={str(source)!r}, frozen=FROZEN).override(
    {{"budget.batch_size": 24, "budget.steps": 3, "budget.accumulation": 2}}
)
there = flat(zoo.load_run({str(source)!r}).variables)
for strategy in ("shard_map", "pmap"):
    end = flat(zoo.fit(recipe, dataset=few(tiny_dataset(), [1, 5, 8]), strategy=strategy).variables)
    print(len(jax.devices()), all(np.array_equal(end[p], there[p]) == is_frozen(p) for p in end if p in there))
"""
    done = run_python("-c", script, devices=3)
    assert done.stdout.split() == ["3", "True"] * 2, done.stderr


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"frozen": ("conv9*",)}, "transfer.frozen: no parameter of the network matches 'conv9*'"),
        ({"rates": {"conv9*": 0.1}}, "transfer.rates: no parameter of the network matches 'conv9*'"),
        ({"head": ("conv9*",)}, "transfer.head: no parameter of the network matches 'conv9*'"),
        ({"frozen": ("fc*",)}, "transfer.frozen: fc/bias is drawn anew and would never learn"),
        ({"head": ("layer3_0*",)}, "fc/bias is [10] there and [3] here; fc/kernel is [16, 10] there and [16, 3] here"),
        ({"layout": "torch"}, "transfer.layout is for files"),
        ({"source": "/no/such"}, "transfer.source: /no/such is neither the folder of a run nor a file of weights"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_does_not_fit_is_one_line(source, three, fields, message):
    with pytest.raises(ZooError) as error:
        prepare(tuned(**{"source": str(source), **fields}), three)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_another_network_is_one_line(source, three, dataset):
    wider = tuned(source=str(source)).override({"model.options.width": 8})
    with pytest.raises(ZooError, match=r"has weights of another network .*bn1/mean is \[4\] there and \[8\] here"):
        prepare(wider, three)
    deeper = tuned(source=str(source)).override({"model.options.blocks": 2})
    with pytest.raises(ZooError, match=r"layer1_1/bn1/mean is missing there and \[4\] here"):
        prepare(deeper, three)
    with pytest.raises(ZooError, match="all parameters are frozen"):
        prepare(tuned(source=str(source), frozen=("*",)), dataset)


class Bomb:
    """Unpickling it would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_files_that_cannot_be_used_are_one_line(weights, three, tmp_path):
    trace = tmp_path / "executed"
    (tmp_path / "bomb.pth").write_bytes(pickle.dumps({"conv1.weight": Bomb(trace)}))
    (tmp_path / "garbage.safetensors").write_bytes(b"garbage")
    np.savez(tmp_path / "other.npz", **{"conv1.weight": np.zeros((32, 1, 3, 3))})
    (tmp_path / "empty").mkdir()
    cases = [
        (weights[1], {"layout": None}, "transfer.layout has to say how"),
        (weights[1], {"layout": "torchvision"}, "unknown layout of bn_cnn 'torchvision'"),
        (weights[1], {"num_classes": 7}, "fc2.weight is [10, 1568] and not [7, 1568]"),
        (tmp_path / "bomb.pth", {}, "bomb.pth"),
        (tmp_path / "garbage.safetensors", {}, "cannot be read"),
        (tmp_path / "other.npz", {}, "bn1.weight is missing"),
        (tmp_path / "empty", {"layout": None}, "is not the folder of a run"),
    ]
    for path, fields, message in cases:
        with pytest.raises(ZooError) as error:
            prepare(of_file(path, **fields), three)
        assert message in str(error.value) and "\n" not in str(error.value)
    assert not trace.exists()
    with pytest.raises(ZooError, match="is a file, and Linear is not one of the zoo's networks"):
        prepare(of_file(weights[1]), three, model=Linear())


class Linear(nn.Module):
    @nn.compact
    def __call__(self, images, train=False):
        return nn.Dense(3)(images.mean((1, 2)))


@pytest.mark.parametrize(
    ("text", "message"),
    {
        'Transfer(source="")': "Transfer.source must be a run's folder or a file",
        'Transfer(source="x", rates={"fc*": 0})': "Transfer.rates must be positive factors",
        'Transfer(source="x", head=())': "Transfer.head must be None or at least one pattern",
        'Transfer(source="x", num_classes=10)': "Transfer.num_classes must be None without a layout",
        "Transfer": "Transfer needs source",
        'Transfer(source="x", frozen=3)': "Transfer.frozen must be a list of a text",
    }.items(),
)
def test_mistakes_in_the_part_itself(text, message):
    with pytest.raises(ZooError) as error:
        RECIPE.override(parse_changes(RECIPE, [f"transfer={text}"]))
    assert message in str(error.value)


def test_recipes_without_it_are_as_before():
    assert zoo.load_recipe("alexnet").fingerprint == "8e1b81d0eeac"


def test_from_the_command_line(image_folder, tmp_path):
    """A run on three classes, then its network for two of them with frozen convolutions."""
    import shutil

    flags = ["--set=augmentation.train.0.size=67", "--set=augmentation.eval.0.size=67", "--set=model.options.hidden=32",
             "--set=budget.batch_size=16", "--set=budget.steps=4", "--recipe=alexnet"]  # fmt: skip
    two = tmp_path / "two"
    shutil.copytree(image_folder, two)
    for split in ("train", "val"):
        shutil.rmtree(two / split / "red")
    first, second = tmp_path / "first", tmp_path / "second"
    done = run_python("-m", "zoo.train", *flags, f"--data=folder:{image_folder}", f"--workdir={first}")
    assert done.returncode in (0, 1), done.stderr
    change = f'--set=transfer=Transfer(source="{first}", frozen=("conv*",), rates={{"fc8/*": 10}})'
    done = run_python("-m", "zoo.train", *flags, f"--data=folder:{two}", f"--workdir={second}", change)
    assert done.returncode in (0, 1), done.stderr
    assert f"{first}: 14 parameters, 10 of them frozen; drawn anew: fc8/bias, fc8/kernel" in done.stdout
    before, after = (flat(zoo.load_run(folder).variables["params"]) for folder in (first, second))
    for path in before.keys() - {"fc8/kernel", "fc8/bias"}:
        assert np.array_equal(before[path], after[path]) == path.startswith("conv"), path
    assert json.loads((second / "recipe.json").read_text())["recipe"]["transfer"]["rates"] == {"fc8/*": 10.0}
    shutil.rmtree(first)  # evaluation does not need the source
    evaluated = run_python("-m", "zoo.evaluate", f"--workdir={second}", "--json")
    assert evaluated.returncode == 0, evaluated.stderr
