"""Tests of the public names, the README, and the tables of results."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from programs import ROOT, run_python

import zoo
import zoo.catalog
import zoo.recipe
from verification import ledger, results
from verification.publish import ledgers
from zoo.errors import ZooError
from zoo.recipe import Target

README = (ROOT / "README.md").read_text()


def test_public_names():
    assert zoo.__all__ == sorted(zoo._HOME) and all(getattr(zoo, name) is not None for name in zoo.__all__)
    with pytest.raises(AttributeError, match="module 'zoo' has no attribute 'resnet'"):
        zoo.resnet  # noqa: B018


def test_programs_do_not_hide_the_functions_of_their_names():
    script = "import zoo.summarize, zoo.evaluate, zoo; print(zoo.summarize.__module__, zoo.evaluate.__module__)"
    assert run_python("-c", script).stdout.split() == ["zoo.inspect.summary", "zoo.training.evaluate"]


def test_importing_is_light():
    """Usage errors need neither JAX nor another heavy library; TensorFlow and PyTorch are never imported."""
    script = (
        "import sys, zoo, zoo.train; early = set(sys.modules);"
        "import zoo.training.fit, verification.suite; late = set(sys.modules);"
        "print({'jax', 'flax', 'matplotlib'} & early, {'tensorflow', 'torch', 'tensorflow_datasets'} & late)"
    )
    assert run_python("-c", script).stdout.strip() == "set() set()"


def test_numbers_of_alexnet_in_the_readme_are_correct():
    summary = zoo.summarize("alexnet", (227, 227, 1), 10)
    assert f"AlexNet: {summary.params:,} parameters, {summary.macs:,} multiply-adds an image" in README
    assert f"alexnet ({zoo.load_recipe('alexnet').fingerprint})" in README


def test_generated_tables_are_up_to_date():
    for page, tables in results.PAGES.items():
        text = page.read_text(encoding="utf-8")
        assert results.with_tables(text, tables, page.name) == text
    with pytest.raises(ZooError, match="missing markers <!-- fresh: begin --> and <!-- fresh: end --> in zoo.md"):
        results.with_tables("# zoo", results.ERROR_RATE_TABLES, "zoo.md")


def test_the_documents_name_every_part_and_every_study():
    parts = [name for name in zoo.recipe.__all__ if isinstance(getattr(zoo.recipe, name), type)]
    document = (ROOT / "docs" / "parts.md").read_text(encoding="utf-8")
    assert [name for name in parts if name not in ("Recipe", "Study") and f"`{name}`" not in document] == []
    document = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    assert [name for name in zoo.catalog.list_studies() if f"studies/{name}/table.md" not in document] == []


def test_the_recipe_in_the_documents_can_be_built(tmp_path):
    document = (ROOT / "docs" / "parts.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(from zoo.recipe import.*?)```", document, re.DOTALL)
    (tmp_path / "wine.py").write_text(block)
    recipe = zoo.load_recipe(str(tmp_path / "wine.py"))
    assert recipe.early_stopping.patience < len(recipe.budget.evaluation_steps(1000))


def test_paths_in_the_guides_for_contributors_exist():
    """Paths in backticks that start with a folder of the project."""
    for name in ("CONTRIBUTING.md", "WORKSPACE.md"):
        quoted = re.findall(r"`([\w./]+)`", (ROOT / name).read_text(encoding="utf-8"))
        paths = [path for path in quoted if path.split("/")[0] in ("zoo", "recipes", "verification", "tests", "docs")]
        assert paths and [path for path in paths if not (ROOT / path).exists()] == []


def test_the_table_of_recipes_summarizes_the_ledger(monkeypatch, tmp_path):
    recipe = zoo.load_recipe("alexnet")
    runs = [
        {
            "recipe": "alexnet",
            "data": "fashion_mnist",
            "fingerprint": ledger.fingerprint(recipe),
            "seed": seed,
            "converged": True,
            "measures": {"final top1": 0.80 + 0.001 * seed, "final loss": 0.5},
            "train_loss": [1.0] * 240,
            "evaluations": [{"seconds": 7.0}, {"seconds": 50.0}],
            "images_per_second": 25.0 + seed % 2,
            "environment": {"processor": "abacus", "cores": 2, "device": "cpu"},
        }
        for seed in range(6)
    ]
    for module in (ledger, ledgers):
        monkeypatch.setattr(module, "FOLDER", tmp_path)

    def status(runs):
        (tmp_path / "alexnet.cpu.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
        (row,) = [line for line in ledgers.table_of_recipes().splitlines() if line.startswith("| `alexnet` |")]
        return row

    assert "0.8025 ± 0.0019 (6)" in status(runs) and "abacus, 2 cores" in status(runs)
    # 240 steps of 32 images at 25 and 26 images a second, and 57 s of evaluation: 364 s and 352 s.
    assert status(runs).endswith("| verified |") and "| 6.0 min | 26 |" in status(runs)
    assert status(runs[:4]).endswith("| too few runs |")
    assert status([{**run, "fingerprint": "another"} for run in runs]).endswith("| unverified |")
    first_steps = [{**run, "first_steps": 60, "measures": {"loss, part 1": 2.3, "loss, part 4": 1.7}} for run in runs]
    assert status(first_steps).endswith("| first 60 steps: loss 2.30 to 1.70 (6) |")
    assert status([*runs[:5], {**runs[5], "converged": False}]).endswith("| target too high |")
    optimistic = recipe.override({"target": Target(0.801, within_steps=240)})
    monkeypatch.setattr(ledgers, "load_recipe", lambda name: optimistic if name == "alexnet" else recipe)
    assert status(runs).endswith("| target too high |")


@pytest.mark.parametrize("model", ["alexnet", "bn_cnn", "mlp", "densenet_bc_100_12"])
def test_numeric_references_are_reproduced(model):
    """Float64 logits from PyTorch, for networks that neither torchvision nor timm has."""
    pytest.importorskip("torch", reason="needs torch")
    there = json.loads((ROOT / "verification" / "facts" / "numeric" / f"{model}.json").read_text())
    script = (
        "import json, sys; from verification.references import numbers as n;"
        f"json.dump(n.make_reference({model!r}, {there['gain']}), sys.stdout)"
    )
    made = json.loads(subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True).stdout)
    assert made["state_dict"] == there["state_dict"]
    np.testing.assert_allclose(made["outputs_f64"]["logits"], there["outputs_f64"]["logits"], rtol=1e-7)
