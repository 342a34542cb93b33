"""Tests that the contact sheet shows the network's inputs, with normalization undone."""

import numpy as np
import pytest
from examples import features_dataset, tabular
from PIL import Image
from programs import run_python

from zoo.data import augment
from zoo.data.pipeline import training_batches
from zoo.errors import ZooError
from zoo.inspect.contact_sheet import draw_contact_sheet, first_examples
from zoo.recipe import *
from zoo.training.prepare import prepare
from zoo.training.step.inputs import mixed_inputs, step_keys

EVALUATION = (Resize(67), Normalize())


def with_transforms(recipe, *train, normalization=None, mixing=None, evaluation=EVALUATION):
    return recipe.override(
        {"augmentation": Augmentation(train, evaluation, mixing), "normalization": normalization or ChannelMeanStd()}
    )


@pytest.mark.slow
def test_images_are_those_of_the_first_step(recipe, dataset):
    """Normalization is undone explicitly, from the mean and the standard deviation."""
    recipe = with_transforms(recipe, Resize(67), RandomRotation(20), Normalize(), Cutout(20), mixing=Mixup(1.0))
    examples = first_examples(recipe, dataset, 5, seed=3)
    experiment = prepare(recipe, dataset)
    pipeline = experiment.train_pipeline
    batch = next(training_batches(pipeline, recipe.budget.batch_size, seed=3))
    key, _ = step_keys(experiment.initial_state(3))
    images, labels, share = mixed_inputs(
        pipeline.transforms, recipe.augmentation.mixing, experiment.constants(pipeline), batch, key
    )
    assert len(examples) == 5
    for place, example in enumerate(examples):
        mean, scale = experiment.statistics.mean, experiment.statistics.scale
        np.testing.assert_allclose(example.received, images[place] * scale + mean, atol=0.01)
        plain = dataset.train.images[batch.index[place]]
        np.testing.assert_allclose(
            example.plain, augment.resize_crop._resized(plain.astype(np.float32), 67, 67), atol=0.01
        )
        own, other = (dataset.class_names[labels[each]] for each in (place, place ^ 1))
        assert example.class_name == own
        assert example.parts == f"{share[place]:.2f} {own}\n{1 - share[place]:.2f} {other}"


def test_images_are_sampled_from_the_recipes_training_data(recipe, dataset):
    recipe = with_transforms(recipe, Resize(67), Normalize()).override(
        {"data.validation": 0.3, "data.keep": {dataset.class_names[0]: 0.2}, "imbalance": OverSampling()}
    )
    pipeline = prepare(recipe, dataset).train_pipeline
    batch = next(training_batches(pipeline, recipe.budget.batch_size, seed=0))
    for place, example in enumerate(first_examples(recipe, dataset, 8)):
        image = pipeline.split.images[batch.index[place]].astype(np.float32)
        np.testing.assert_allclose(example.plain, augment.resize_crop._resized(image, 67, 67), atol=0.01)


def test_features_have_no_pictures():
    rows = np.random.default_rng(0).normal(0, 1, (40, 3))
    with pytest.raises(ZooError, match="features has vectors of features, which cannot be drawn"):
        first_examples(tabular(), features_dataset(rows, np.arange(40) % 2), 4)


def test_without_augmentation_both_pictures_are_the_same(recipe, dataset):
    for normalization in (PixelMean(), ChannelMeanStd(), SignedRange(), UnitRange()):
        plain = with_transforms(recipe, Resize(67), Normalize(), normalization=normalization)
        for example in first_examples(plain, dataset, 4):
            np.testing.assert_allclose(example.received, example.plain, atol=0.01)
            assert example.class_name in dataset.class_names and not example.parts and example.plain.max() > 100


def test_mean_images_before_a_crop(recipe, dataset):
    """The contact sheet shows a crop of the original image."""
    transforms = (Resize(80), Normalize(), RandomCrop(67))
    cropped = with_transforms(
        recipe, *transforms, normalization=PixelMean(), evaluation=(Resize(80), Normalize(), TenCrop(67))
    )
    for example in first_examples(cropped, dataset, 2):
        windows = np.lib.stride_tricks.sliding_window_view(example.plain[..., 0], (67, 67))
        assert np.abs(windows - example.received[..., 0]).max((2, 3)).min() < 0.01


def test_more_images_than_a_step_has(recipe, dataset):
    with pytest.raises(ZooError, match=r"the first step has 16 images \(budget.batch_size\), not 17"):
        first_examples(recipe, dataset, 17)


@pytest.mark.parametrize("count", [1, 7])
def test_the_sheet_is_a_picture_with_all_images(recipe, dataset, tmp_path, count):
    path = tmp_path / "sheet.png"
    draw_contact_sheet(first_examples(recipe, dataset, count), path, title="title")
    with Image.open(path) as picture:
        assert picture.format == "PNG" and np.asarray(picture.convert("L")).std() > 10
    with pytest.raises(ZooError, match="no images to draw: none of them could be decoded"):
        draw_contact_sheet([], path, title="title")


@pytest.mark.slow
def test_the_program_draws_a_folder(tmp_path):
    for place in ("train/cat", "train/dog", "val/cat", "val/dog"):
        (tmp_path / "pets" / place).mkdir(parents=True)
        for number in range(5):
            picture = Image.fromarray(np.random.default_rng(number).integers(0, 256, (40 + number, 50, 3), np.uint8))
            picture.save(tmp_path / "pets" / place / f"{number}.png")
    (tmp_path / "pets/train/dog/broken.jpg").write_bytes(b"no image")
    output = tmp_path / "new" / "sheet.png"
    arguments = ["--recipe=alexnet", f"--data=folder:{tmp_path / 'pets'}", "--count=32", f"--output={output}"]
    done = run_python("-m", "zoo.preview", *arguments)
    assert done.returncode == 0, done.stderr
    assert "left out: " in done.stdout and "broken.jpg" in done.stdout
    with Image.open(output) as picture:
        assert picture.width > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "missing --recipe=NAME"),
        (["--recipe=alexnt"], "did you mean 'alexnet'?"),
        (["--recipe=alexnet", "--count=0"], "flag --count=0"),
        (["--recipe=alexnet", "--count=33"], "the first step has 32 images (budget.batch_size), not 33"),
        (["--recipe=alexnet", "--output=a.jpg"], "--output=a.jpg: expected the name of a PNG file"),
        (["--recipe=alexnet", "--output=/proc/none/a.png"], "--output=/proc/none/a.png: "),
        (["--recipe=alexnet", "--data=folder:/no/such"], "folder:/no/such: folder not found"),
        (["--recipe=alexnet", "--set=augmentation.mixing=Mixup(alpha=0)"], "Mixup.alpha must be positive"),
    ],
    ids=str,
)
def test_mistakes_are_one_line(arguments, message):
    done = run_python("-m", "zoo.preview", *arguments)
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
