"""Tests of the ledger: what its lines hold, which of them count, and which code made them."""

import shutil

import jax
import numpy as np
import pytest
from examples import tiny_dataset

import zoo
from verification import convergence, ledger
from verification.ledger import code
from verification.ledger.correct import correct_examples, deviation_of_independent_errors, from_text, to_text
from zoo.training.fit import fit
from zoo.training.prepare import prepare

SHORT_TRAINING = {
    "budget.batch_size": 32, "budget.steps": 25, "schedule.peak": 0.05, "target": zoo.recipe.Target(0.2),
}  # fmt: skip


@pytest.fixture
def recipe(monkeypatch, tmp_path):
    """Returns a short recipe, with an empty temporary ledger."""
    monkeypatch.setattr(ledger, "FOLDER", tmp_path)
    return zoo.load_recipe("lenet5").override(SHORT_TRAINING)


@pytest.fixture
def sources(tmp_path):
    """Returns a copy of the sources of `zoo`."""
    return shutil.copytree(code.ROOT, tmp_path / "zoo", ignore=shutil.ignore_patterns("__pycache__", "third_party"))


def edit(path, old, new):
    text = path.read_text()
    assert old in text, f"{path} does not contain {old!r}"
    path.write_text(text.replace(old, new, 1))


def test_a_line_says_what_made_it_and_which_examples_are_correct(recipe):
    experiment = prepare(recipe, tiny_dataset())
    run = convergence.record_run("small", experiment, "cpu", 3)
    (read,) = ledger.read_ledger("small", recipe, "cpu")
    assert read == run and run["code"] == code.code_digest(recipe)
    result = fit(recipe, seed=3, experiment=experiment)
    records = [record for record in result.history if record["kind"] == "train"][:20]
    assert run["first"] == {name: [record[name] for record in records] for name in ("loss", "grad_norm")}
    assert all(np.float32(value) == value for value in run["first"]["loss"])
    last = run["evaluations"][-1]
    correct = from_text(run["correct"], last["examples"])
    assert correct.sum() == round(last["top1"] * last["examples"])


def test_correct_examples_are_those_of_the_labels_on_any_number_of_devices(recipe):
    """With the labels of some examples changed, exactly these change."""
    dataset = tiny_dataset()
    result = fit(recipe, dataset=dataset)
    found = [
        correct_examples(prepare(recipe, dataset, mesh=zoo.parallel.make_mesh(jax.devices()[:count])), result.variables)
        for count in (1, len(jax.devices()))
    ]
    assert np.array_equal(*found) and 0 < found[0].sum() < len(found[0])
    dataset.eval.labels[:5] = (dataset.eval.labels[:5] + 1) % 10
    changed = correct_examples(prepare(recipe, dataset), result.variables) != found[0]
    assert not changed[5:].any() and changed[:5].sum() >= found[0][:5].sum()


@pytest.mark.parametrize("examples", [1, 8, 13, 1000])
def test_text_of_correct_examples(examples):
    correct = np.random.default_rng(examples).random(examples) < 0.7
    assert np.array_equal(from_text(to_text(correct), examples), correct)


def test_deviation_of_independent_errors():
    """Simulated: independent errors have the expected deviation; runs that share a factor have a larger one."""
    random, examples = np.random.default_rng(0), 2000
    probability = random.beta(4, 1, examples)

    def runs(shift, count):
        right = [random.random(examples) < np.clip(probability + shift * random.normal(), 0, 1) for _ in range(count)]
        lines = [{"correct": to_text(each), "evaluations": [{"examples": examples}]} for each in right]
        return lines, np.std([each.mean() for each in right], ddof=1)

    lines, observed = runs(0.0, 200)
    expected = np.sqrt((probability * (1 - probability)).sum()) / examples
    assert deviation_of_independent_errors(lines[:8]) == pytest.approx(expected, rel=0.05)
    assert observed == pytest.approx(expected, rel=0.2)  # 4 standard deviations of 200 runs' deviation
    lines, observed = runs(0.05, 200)
    assert observed > 2 * deviation_of_independent_errors(lines)
    assert deviation_of_independent_errors([{}, *lines[:1]]) is None


def test_the_last_line_of_a_seed_counts(recipe):
    old = {
        "fingerprint": ledger.fingerprint(recipe), "data": "tiny", "measures": {"final top1": 0.5}, "train_loss": [1.0],
        "evaluations": [], "images_per_second": 1.0,
    }  # fmt: skip
    for seed in range(3):
        ledger.append_run("small", "cpu", old | {"seed": seed})
    assert (
        len(code.other_code(ledger.read_ledger("small", recipe, "cpu"), recipe)) == 3
    )  # older lines count, and say so
    new = {"code": code.code_digest(recipe), "first": {"loss": [1.0], "grad_norm": [1.0]}, "correct": "gA=="}
    ledger.append_run("small", "cpu", old | new | {"seed": 1})
    ledger.append_run("small", "cpu", old | {"seed": 1, "data": "other"})
    ledger.append_run("small", "cpu", old | {"seed": 1, "first_steps": 1})
    runs = ledger.of_data(ledger.read_ledger("small", recipe, "cpu"), "tiny")
    assert [(run["seed"], "code" in run) for run in runs] == [(0, False), (2, False), (1, True)]
    assert [run["seed"] for run in code.other_code(runs, recipe)] == [0, 2]


@pytest.mark.parametrize(("images_per_second", "seeds"), [(25.0, 8), (50.0, 16)])
def test_recipes_of_less_than_a_minute_have_more_seeds(recipe, images_per_second, seeds):
    """60 steps of 32 images take 77 s or 38 s."""
    run = {"train_loss": [1.0] * 60, "images_per_second": images_per_second, "evaluations": []}
    assert ledger.default_seeds([run], recipe) == seeds
    assert ledger.default_seeds([], recipe) == 1  # which tells how long a run takes


def test_comments_documentation_and_messages_do_not_change_the_digest(recipe, sources):
    before = code.code_digest(recipe, sources)
    assert before == code.code_digest(recipe)
    step = sources / "training" / "step" / "step.py"
    edit(step, "# `cond` rather than", "# A comment. `cond` rather than")
    edit(step, "Makes the per-device function", "Makes a per-device function")
    edit(step, "def update(state, ", "def update(\n        state,\n        ")
    edit(sources / "parallel.py", "cannot split a batch", "cannot divide a batch")
    edit(sources / "training" / "tracking.py", "import json", "import json\nimport math")
    edit(sources / "models" / "alexnet.py", "relu", "gelu")  # another network
    edit(sources / "data" / "sources" / "synthetic.py", "import", "import math\nimport")  # other data
    assert code.code_digest(recipe, sources) == before


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("training/step/step.py", "total / count", "total / (2 * count)"),
        ("training/step/optimizer.py", "optimizer.momentum, optimizer.nesterov", "optimizer.momentum, True"),
        ("models/lenet.py", "nn.tanh(", "nn.relu("),
        ("layers/convolution/plain.py", "groups > 1 and", "groups > 2 and"),
        ("data/pipeline.py", "shuffle()", "shuffle().shuffle()"),
        ("data/sources/fashion_mnist.py", "train, test, CLASS", "test, train, CLASS"),
        ("training/evaluation.py", "MAX_BATCH_FACTOR = 4", "MAX_BATCH_FACTOR = 2"),
        ("recipe/budget.py", "1", "2"),
    ],
)
def test_code_that_decides_a_run_changes_the_digest(recipe, sources, path, old, new):
    edit(sources / path, old, new)
    assert code.code_digest(recipe, sources) != code.code_digest(recipe)


def test_a_run_is_stale_if_other_code_made_it_and_its_first_losses_differ(recipe):
    present, losses = code.code_digest(recipe), [2.3, 2.2]

    def run(seed, digest, recorded):
        return {"seed": seed, "code": digest, "first": {"loss": recorded}, "train_loss": []}

    same = run(0, present, [9.0, 9.0])  # this code: the fingerprint checks it, not the ledger
    refactored = run(1, "other", [2.3, 2.2000001, 2.1])
    changed = run(2, "other", [2.3, 2.21])
    failed = run(3, "other", [2.3, float("nan")])
    unknown = run(4, "other", [9.0, 9.0])  # no run of the present code with this seed
    older = {"seed": 5, "train_loss": [2.3, 2.3]}
    runs = [same, refactored, changed, failed, unknown, older]
    assert code.other_code(runs, recipe) == runs[1:]
    present_losses = dict.fromkeys((0, 1, 2, 3, 5), losses)
    assert code.stale(runs, recipe, present_losses, 1e-4) == [changed, failed, older]
