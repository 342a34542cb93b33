"""Throughput of training on JPEG files, to measure whether decoding on the host keeps up with the accelerator."""

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import zoo
from verification.accelerator.unit import Settings
from zoo.data.sources import open_data
from zoo.training.fit import fit
from zoo.training.prepare import prepare
from zoo.training.run.environment import cores
from zoo.training.tracking import Tracker

RECIPES = ("alexnet_imagenette", "resnet50_imagenette")
SIZE = (500, 375)  # (width, height), about the median of ImageNet
IMAGES, CLASSES, STEPS = 2560, 10, 60


def units(settings: Settings) -> tuple[str, ...]:
    """Returns the pieces: recipes for photographs, each with decoding in threads (0 workers) and in processes."""
    recipes = RECIPES[:1] if settings.rehearse else RECIPES
    workers = (0,) if settings.rehearse else (0, cores())
    return tuple(f"{name}, {count} workers" for name in recipes for count in workers)


def measure(unit: str, settings: Settings) -> dict[str, Any]:
    """Trains some steps on generated JPEG files.

    Returns:
      `images_per_second`, the median over steps; `waited`, the run's note on an input bottleneck, or None; `workers`.
    """
    name, _, workers = unit.removesuffix(" workers").partition(", ")
    steps, batch = (2, 4) if settings.rehearse else (STEPS, 128)
    changes = {"budget.epochs": None, "budget.steps": steps, "budget.batch_size": batch, "budget.evaluate_every": 1.0}
    recipe = zoo.load_recipe(name).override({**changes, "budget.interim_examples": batch, "target": None})
    dataset = open_data(recipe.data, f"folder:{_photographs(80 if settings.rehearse else IMAGES).name}")
    notes = _Notes()
    experiment = prepare(recipe, dataset, workers=int(workers))
    result = fit(recipe, experiment=experiment, workers=int(workers), trackers=[notes])
    speeds = [record["images_per_second"] for record in result.history if "images_per_second" in record]
    bottleneck = next((line for line in notes.lines if "bottleneck" in line), None)
    return {"images_per_second": float(np.median(speeds)), "waited": bottleneck, "workers": int(workers)}


class _Notes(Tracker):
    def __init__(self):
        self.lines = []

    def note(self, text):
        self.lines.append(text)


@functools.cache
def _photographs(count: int) -> tempfile.TemporaryDirectory:
    """Writes a folder of JPEG files with the detail of photographs, which determines the time of decoding."""
    kept, random = tempfile.TemporaryDirectory(prefix="photographs"), np.random.default_rng(0)
    width, height = SIZE
    coarse = random.integers(0, 256, (16, height // 25, width // 25, 3), np.uint8)
    for number in range(count):
        place = Path(kept.name) / ("val" if number % 10 == 9 else "train") / f"class{number // 10 % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        image = np.asarray(Image.fromarray(coarse[number % len(coarse)]).resize(SIZE, Image.Resampling.BICUBIC))
        noise = random.integers(-12, 13, image.shape, np.int16)
        pixels = np.clip(np.roll(image, number, 1) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.jpg", quality=90)
    return kept
