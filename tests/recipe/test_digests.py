"""Tests that what is computed stays what it was: the values of recipes, the runs that count for them, and their batches.

`python tests/recipe/test_digests.py` writes `digests.json` again, which is for an intended change of a recipe or of the order of examples.
"""

import hashlib
import itertools
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from verification.ledger import FOLDER, fingerprint
from zoo.data.pipeline import make_pipeline, training_batches

RECORDED = Path(__file__).parent / "digests.json"
FROM_FOLDER = ("resnet9_cifar10_cpu", "resnet20_cifar10")  # of PNG files, which decode to the same pixels everywhere
BATCHES = ("alexnet", "lenet5", "mlp", *FROM_FOLDER)


def digest(content):
    return hashlib.sha256(content).hexdigest()[:16]


def values(recipe):
    """The recipe as JSON without its provenance, which is prose."""
    content = recipe.to_json()
    del content["provenance"]
    return json.dumps(content, sort_keys=True).encode()


def counted(name, recipe):
    """Of a recipe's reference runs, on every platform, those that count for it: platform, seed and fingerprint."""
    runs = []
    for path in sorted(FOLDER.glob(f"{name}.*.jsonl")):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        runs += [
            [path.name, run["seed"], run["fingerprint"]] for run in lines if run["fingerprint"] == fingerprint(recipe)
        ]
    return json.dumps(runs).encode()


def folder_of_images(root):
    random = np.random.default_rng(0)
    for split, images in (("train", 40), ("test", 8)):
        for name in ("cat", "dog", "ship"):
            (root / split / name).mkdir(parents=True)
            for number in range(images):
                pixels = random.integers(0, 256, (32, 32, 3), np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{number}.png")
    return root


def batches(name, folder):
    """Of the bytes of a recipe's first ten batches for training, as they are before the device."""
    recipe = zoo.load_recipe(name)
    dataset = zoo.open_source(f"folder:{folder}" if name in FROM_FOLDER else recipe.data.source)
    pipeline = make_pipeline(
        dataset.train,
        recipe.augmentation.train,
        channels=dataset.channels,
        num_classes=len(dataset.class_names),
        on_corrupt=print,
        decode_ahead=name != "resnet20_cifar10",  # one of the two is decoded on the way
    )
    content = b""
    order = training_batches(pipeline, 64, seed=2026)
    for batch in itertools.islice(order, 10):
        if pipeline.resident:
            batch = batch._replace(image=pipeline.split.images[batch.index], label=pipeline.split.labels[batch.index])
        content += b"".join(np.ascontiguousarray(each).tobytes() for each in batch)
    order.close()
    return digest(content)


def recorded(kind):
    return json.loads(RECORDED.read_text())[kind]


@pytest.mark.parametrize("name", zoo.list_recipes())
def test_the_values_of_a_recipe_are_what_they_were(name):
    assert digest(values(zoo.load_recipe(name))) == recorded("recipes")[name]


@pytest.mark.parametrize("name", zoo.list_recipes())
def test_the_same_reference_runs_count_for_a_recipe(name):
    assert digest(counted(name, zoo.load_recipe(name))) == recorded("ledgers")[name]


@pytest.mark.parametrize("name", BATCHES)
def test_the_first_batches_of_a_recipe_are_what_they_were(name, tmp_path):
    assert batches(name, folder_of_images(tmp_path / "images")) == recorded("batches")[name]


if __name__ == "__main__":
    loaded = {name: zoo.load_recipe(name) for name in zoo.list_recipes()}
    with tempfile.TemporaryDirectory() as temporary:
        images = folder_of_images(Path(temporary) / "images")
        content = {
            "recipes": {name: digest(values(recipe)) for name, recipe in loaded.items()},
            "ledgers": {name: digest(counted(name, recipe)) for name, recipe in loaded.items()},
            "batches": {name: batches(name, images) for name in BATCHES},
        }
    RECORDED.write_text(json.dumps(content, indent=1) + "\n")
