"""Regression tests of digests of the values of recipes, of the reference runs that count for them, and of batches.

`python tests/recipe/test_digests.py` rewrites `digests.json`, after an intended change of a recipe or of the order of
examples.
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
FROM_FOLDER = ("resnet9_cifar10_cpu", "resnet20_cifar10")  # from PNG files, which decode to the same pixels everywhere
BATCHES = ("alexnet", "lenet5", "mlp", *FROM_FOLDER)


def digest(content):
    return hashlib.sha256(content).hexdigest()[:16]


def values(recipe):
    """Returns a recipe as JSON, without its provenance and with the earlier names of renamed fields."""
    content = recipe.to_json()
    del content["provenance"]
    for earlier, current in recipe.data.earlier_names.items():
        content["data"][earlier] = content["data"].pop(current)
    return json.dumps(content, sort_keys=True).encode()


def counted(name, recipe):
    """Returns platform, seed and fingerprint of the reference runs that count for a recipe, on every platform."""
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
    """Returns the first ten training batches of a recipe on the host: the digest of their integers, and float images.

    Features are float32, whose last bits may depend on the processor.
    """
    recipe = zoo.load_recipe(name)
    dataset = zoo.open_source(f"folder:{folder}" if name in FROM_FOLDER else recipe.data.source)
    pipeline = make_pipeline(
        dataset.train,
        recipe.augmentation.train,
        channels=dataset.channels,
        num_classes=len(dataset.class_names),
        on_corrupt=print,
        decode_ahead=name != "resnet20_cifar10",  # one of the two is decoded in the pipeline
    )
    content, features = b"", []
    order = training_batches(pipeline, 64, seed=2026)
    for batch in itertools.islice(order, 10):
        if pipeline.resident:
            batch = batch._replace(image=pipeline.split.images[batch.index], label=pipeline.split.labels[batch.index])
        if batch.image.dtype == np.float32:
            features.append(batch.image)
            batch = batch._replace(image=np.uint8(0))
        content += b"".join(np.ascontiguousarray(each).tobytes() for each in batch)
    order.close()
    return digest(content), features


def moments(features):
    """Returns the mean of each batch, weighted by position so that order matters, and its standard deviation."""
    weights = [np.arange(1, each.size + 1).reshape(each.shape) / each.size for each in features]
    return [[float((each * weight).mean()), float(each.std())] for each, weight in zip(features, weights, strict=True)]


def recorded(kind):
    return json.loads(RECORDED.read_text())[kind]


@pytest.mark.parametrize("name", zoo.list_recipes())
def test_the_values_of_a_recipe_are_unchanged(name):
    assert digest(values(zoo.load_recipe(name))) == recorded("recipes")[name]


@pytest.mark.parametrize("name", zoo.list_recipes())
def test_the_same_reference_runs_count_for_a_recipe(name):
    assert digest(counted(name, zoo.load_recipe(name))) == recorded("ledgers")[name]


@pytest.mark.parametrize("name", BATCHES)
def test_the_first_batches_of_a_recipe_are_unchanged(name, tmp_path):
    found, features = batches(name, folder_of_images(tmp_path / "images"))
    assert found == recorded("batches")[name]
    assert bool(features) == (name in recorded("features"))
    np.testing.assert_allclose(moments(features), recorded("features").get(name, []), rtol=1e-5, atol=1e-6)


if __name__ == "__main__":
    loaded = {name: zoo.load_recipe(name) for name in zoo.list_recipes()}
    with tempfile.TemporaryDirectory() as temporary:
        images = folder_of_images(Path(temporary) / "images")
        content = {
            "recipes": {name: digest(values(recipe)) for name, recipe in loaded.items()},
            "ledgers": {name: digest(counted(name, recipe)) for name, recipe in loaded.items()},
            "batches": {name: batches(name, images)[0] for name in BATCHES},
            "features": {name: moments(found) for name in BATCHES if (found := batches(name, images)[1])},
        }
    RECORDED.write_text(json.dumps(content, indent=1) + "\n")
