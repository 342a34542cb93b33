"""Tests of the recipes for ImageNet without ImageNet: ten steps each on a small synthetic set in the same format."""

import dataclasses
import math

import pytest
import tensorflow_datasets  # noqa: F401  TFDS reads its folder from the environment at import
from programs import ROOT, run_python

import zoo

# The class has the name and version of TFDS's own, so that it is found as "imagenet2012".
PREPARE = """
import io, sys
import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

class Imagenet2012(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("5.1.0")

    def _info(self):
        features = {"image": tfds.features.Image(encoding_format="jpeg"),
                    "label": tfds.features.ClassLabel(names=[f"n{number:08}" for number in range(1000)]),
                    "file_name": tfds.features.Text()}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, downloads):
        return {"train": self._generate_examples("train", 36), "validation": self._generate_examples("val", 6)}

    def _generate_examples(self, split, count):
        random = np.random.default_rng(count)
        for number in range(count):
            height, width = random.integers(60, 300, 2)
            coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8))
            file = io.BytesIO()
            coarse.resize((int(width), int(height)), Image.Resampling.BICUBIC).save(file, "JPEG")
            file.seek(0)
            yield number, {"image": file, "label": int(random.integers(1000)), "file_name": f"{split}_{number}.JPEG"}

Imagenet2012(data_dir=sys.argv[1], file_format="array_record").download_and_prepare()
"""

SLOW = {"googlenet_imagenet"}  # with auxiliary heads; the rest are `full`
BATCH, STEPS = 4, 10


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    """A TFDS folder with a small "imagenet2012": 36 training and 6 validation JPEGs of several sizes, 1000 classes."""
    folder = tmp_path_factory.mktemp("tfds")
    script = folder / "prepare.py"
    script.write_text(PREPARE)
    done = run_python(script, folder, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    return folder


RECIPES = [name for name in zoo.list_recipes() if zoo.load_recipe(name).data.source == "tfds:imagenet2012"]
MARKED = [pytest.param(name, marks=pytest.mark.slow if name in SLOW else pytest.mark.full) for name in RECIPES]


@pytest.mark.parametrize("name", MARKED)
def test_ten_steps_on_a_tfds_set(imagenet, monkeypatch, name):
    monkeypatch.setenv("TFDS_DATA_DIR", str(imagenet))
    recipe = zoo.load_recipe(name)
    dataset = zoo.open_source(recipe.data.source)
    assert (len(dataset.train), len(dataset.eval), len(dataset.class_names)) == (36, 6, 1000)
    average = recipe.weight_average  # without a ramp, it would be mostly initial weights
    short = recipe.override(
        {
            "budget.batch_size": BATCH,
            "budget.accumulation": 1,
            "budget.epochs": None,
            "budget.steps": STEPS,
            "budget.evaluate_every": 1.0,
            "schedule.peak": recipe.schedule.peak * BATCH / recipe.budget.batch_size,
            "target": None,
            "weight_average": average and dataclasses.replace(average, ramp=True),
        }
    )
    result = zoo.fit(short)
    trained = [record for record in result.history if record["kind"] == "train"]
    assert [record["step"] for record in trained] == list(range(1, STEPS + 1))
    assert all(math.isfinite(record["loss"]) for record in trained)
    assert result.metrics["examples"] == 6 and math.isfinite(result.metrics["loss"])
