"""Tests of the example in docs/extending.md: ingredients of a user's own, registered from the user's own file."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from programs import ROOT, run_python

import zoo
from zoo.data import augment
from zoo.data.normalization import Statistics
from zoo.data.sources import register_source
from zoo.training.step.loss import example_losses
from zoo.training.step.optimizer import make_optimizer
from zoo.training.step.schedule import learning_rate

EXAMPLE = ROOT / "docs" / "examples" / "custom_ingredients.py"


@pytest.fixture(scope="module")
def recipe():
    return zoo.load_recipe(str(EXAMPLE))


def test_the_document_shows_the_tested_file():
    document = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    quoted = [part.split("```")[0].strip() for part in document.split("```python\n")[1:]]
    source = EXAMPLE.read_text(encoding="utf-8")
    assert len(quoted) == 5 and all(part in source for part in quoted)


def test_the_optimizer_moves_by_the_sign(recipe):
    optimizer = make_optimizer(recipe.optimizer, recipe.regularization, lambda step: 0.5)
    params, gradient = {"w": jnp.array([1.0, 2.0, 3.0])}, {"w": jnp.array([0.3, -7.0, 0.0])}
    updates, _ = optimizer.update(gradient, optimizer.init(params), params)
    np.testing.assert_array_equal(updates["w"], [-0.5, 0.5, 0.0])


def test_the_schedule_is_its_formula(recipe):
    rate = learning_rate(recipe.schedule, 60)
    np.testing.assert_allclose([rate(step) for step in (0, 10, 30)], 0.001 / np.sqrt([1, 2, 4]), rtol=1e-6)


def test_the_loss_is_its_formula(recipe):
    logits, targets = jnp.array([[2.0, 0.0], [0.0, 0.0]]), jnp.array([[1.0, 0.0], [0.0, 1.0]])
    p = np.array([np.exp(2) / (1 + np.exp(2)), 0.5])
    np.testing.assert_allclose(example_losses(recipe.loss, logits, targets), -np.log(p) + 1 - p, rtol=1e-6)


def test_the_transform_inverts_half_of_the_images(recipe):
    statistics = Statistics(jnp.zeros(1), jnp.ones(1), jnp.zeros((1, 1)))
    image = np.array([[[10], [200]]], np.uint8)
    keys = jax.random.split(jax.random.key(0), 400)
    found = jax.vmap(lambda key: augment.apply(recipe.augmentation.train[1:2], image, key, statistics))(keys)
    inverted = np.asarray(found[:, 0, :, 0] == jnp.array([10, 55])).all(1)
    assert (inverted | (np.asarray(found[:, 0, :, 0]) == [10, 200]).all(1)).all()
    assert 140 < inverted.sum() < 260  # binomial(400, 1/2): outside once in 10^9


def test_the_recipe_converges_and_its_run_resumes(tmp_path, recipe):
    flags = ["-m", "zoo.train", f"--recipe={EXAMPLE}", f"--workdir={tmp_path / 'run'}"]
    finished = run_python(*flags)
    assert finished.returncode == 0, finished.stderr
    assert run_python(*flags).returncode == 0  # finished: the verdict is only printed
    loaded = zoo.load_run(tmp_path / "run")  # its parts are registered in this process
    assert zoo.evaluate(loaded)["top1"] >= recipe.target.value


def test_loading_a_run_with_unknown_parts_names_the_remedy(tmp_path):
    flags = ["-m", "zoo.train", f"--recipe={EXAMPLE}", f"--workdir={tmp_path / 'run'}", "--set=budget.steps=2"]
    assert run_python(*flags).returncode == 1  # two steps do not reach the target
    finished = run_python("-m", "zoo.evaluate", f"--workdir={tmp_path / 'run'}")
    assert finished.returncode == 2 and "import the file of a custom part first" in finished.stderr


@pytest.mark.parametrize("kind", ["folder", "two words", "", 3])
def test_a_source_is_registered_by_a_new_word(kind):
    with pytest.raises(
        zoo.ZooError, match="the kind of a source must be an identifier other than fashion_mnist, folder"
    ):
        register_source(kind, lambda name: None)


def test_a_registered_source_is_named_among_the_others(recipe):
    with pytest.raises(zoo.ZooError, match="csv:PATH, stripes:NAME or synthetic:NAME"):
        zoo.open_source("stripe:28")
    assert zoo.open_source("stripes:16", split="val").train.images.shape == (128, 16, 16, 1)


def test_decay_is_added_before_the_sign(recipe):
    changed = recipe.override({"regularization.weight_decay": 2.0, "regularization.decayed": ("*",)})
    optimizer = make_optimizer(changed.optimizer, changed.regularization, lambda step: 1.0)
    params, gradient = {"w": jnp.array([1.0])}, {"w": jnp.array([-1.0])}
    updates, _ = optimizer.update(gradient, optimizer.init(params), params)
    assert optax.apply_updates(params, updates)["w"] == 0.0
