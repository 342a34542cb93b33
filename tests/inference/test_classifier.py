"""Tests of classifiers: the same logits as evaluation, preprocessing of published weights, and kinds of examples."""

import dataclasses

import jax
import numpy as np
import pytest
from photographs import lite0_weights, photographs
from PIL import Image
from safetensors.numpy import save_file

import zoo
from zoo.errors import ZooError
from zoo.models.preprocessing import Preprocessing
from zoo.recipe import *
from zoo.weights.detection import find_layout


@pytest.fixture(scope="module")
def folder_run(recipe, image_folder, tmp_path_factory):
    """A run on a folder of images of different sizes."""
    workdir = tmp_path_factory.mktemp("runs") / "folder"
    changes = {"data.source": f"folder:{image_folder}", "budget.interim_examples": 8, "augmentation.eval.0.size": 32}
    zoo.fit(recipe.override(changes), workdir)
    return workdir


@pytest.fixture(scope="module")
def memory_run(tmp_path_factory):
    """A run on images in memory, whose recipe does not fix their size."""
    workdir = tmp_path_factory.mktemp("runs") / "memory"
    changes = {"schedule": ConstantRate(0.001), "data.validation": 0.0, "budget.steps": 20, "target": None}
    zoo.fit(zoo.load_recipe("bn_cnn").override(changes), workdir)
    return workdir


def loss_and_accuracy(logits, labels):
    log_p = logits - np.log(np.exp(logits.astype(np.float64)).sum(-1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels].mean(), (logits.argmax(-1) == labels).mean()


def test_logits_of_files_are_those_of_the_evaluation(folder_run, image_folder):
    run, data = zoo.load_run(folder_run), zoo.open_source(f"folder:{image_folder}")
    metrics = zoo.evaluate(run)
    classifier = zoo.load_classifier(folder_run)
    assert classifier.class_names == ("blue", "green", "red") == run.class_names
    logits = classifier.logits(list(data.eval.paths), batch_size=5)
    loss, accuracy = loss_and_accuracy(logits, data.eval.labels)
    assert accuracy == metrics["top1"] and len(logits) == metrics["examples"] == 12
    assert loss == pytest.approx(metrics["loss"], rel=1e-5)


def test_logits_of_images_in_memory_are_those_of_the_evaluation(memory_run):
    run, data = zoo.load_run(memory_run), zoo.open_source("fashion_mnist")
    metrics = zoo.evaluate(run)
    logits = zoo.load_classifier(memory_run).logits(data.eval.images, batch_size=512)
    loss, accuracy = loss_and_accuracy(logits, data.eval.labels)
    assert accuracy == metrics["top1"]
    assert loss == pytest.approx(metrics["loss"], rel=1e-5)


def test_a_recipe_that_does_not_fix_the_size_gets_that_of_its_data(memory_run, tmp_path):
    """An image file of the data's size has the logits of the array, and others are resized to it."""
    classifier = zoo.load_classifier(memory_run)
    image = zoo.open_source("fashion_mnist").eval.images[0]
    Image.fromarray(image[:, :, 0]).save(tmp_path / "same.png")
    np.testing.assert_array_equal(classifier.logits(tmp_path / "same.png"), classifier.logits(image))
    assert classifier.image_shape == (28, 28, 1)
    assert classifier.logits(photographs()[0]).shape == (1, 10)


def test_ten_crops(recipe, image_folder, tmp_path):
    changes = {
        "data.source": f"folder:{image_folder}",
        "augmentation.eval": (Resize(40), Normalize(), TenCrop(32)),
        "augmentation.train.0.size": 32,
        "normalization": ChannelMeanStd(),
        "budget.steps": 2,
    }
    result = zoo.fit(recipe.override(changes), tmp_path / "run")
    data = zoo.open_source(f"folder:{image_folder}")
    logits = zoo.load_classifier(tmp_path / "run").logits(list(data.eval.paths))
    loss, accuracy = loss_and_accuracy(logits, data.eval.labels)
    assert accuracy == result.metrics["top1"] and loss == pytest.approx(result.metrics["loss"], rel=1e-5)


def test_a_result_of_training_is_a_source(recipe, dataset):
    result = zoo.fit(recipe, dataset=dataset)
    classifier = zoo.load_classifier(result)
    images = dataset.eval.images
    loss, _ = loss_and_accuracy(classifier.logits(images), dataset.eval.labels)
    assert loss == pytest.approx(result.metrics["loss"], rel=1e-5)


def test_predictions_are_sorted_probabilities(folder_run, image_folder):
    classifier = zoo.load_classifier(folder_run)
    paths = [str(path) for path in zoo.open_source(f"folder:{image_folder}").eval.paths]
    predictions = classifier.predict(image_folder / "val", top=2)
    logits = classifier.logits(paths)
    assert sorted(each.example for each in predictions) == sorted(paths)
    assert all(len(each.classes) == 2 for each in predictions)
    every = {each.example: each for each in classifier.predict(paths, top=5)}
    for path, row in zip(paths, logits, strict=True):
        wanted = np.exp(row) / np.exp(row).sum()
        np.testing.assert_allclose(every[path].probabilities, np.sort(wanted)[::-1], rtol=1e-4)
        assert every[path].classes[0] == classifier.class_names[row.argmax()]


def test_sigmoid_networks_have_sigmoid_probabilities(folder_run, image_folder):
    classifier = dataclasses.replace(zoo.load_classifier(folder_run), loss=SigmoidCrossEntropy())
    path = next((image_folder / "val" / "red").iterdir())
    (prediction,), (logits,) = classifier.predict(path, top=3), classifier.logits(path)
    np.testing.assert_allclose(prediction.probabilities, np.sort(1 / (1 + np.exp(-logits)))[::-1], rtol=1e-4)


def test_images_are_decoded_as_those_of_data_sets(folder_run, tmp_path):
    """Grey, transparent, rotated, 16-bit and CMYK files have the logits of the upright RGB image."""
    classifier = zoo.load_classifier(folder_run)
    grey = np.random.default_rng(0).integers(0, 256, (50, 70), np.uint8)
    upright = np.repeat(grey[:, :, None], 3, -1)
    wanted = classifier.logits(upright)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey.astype(np.uint16) * 256 + 7).save(tmp_path / "deep.png")
    opaque = np.concatenate([upright, np.full((50, 70, 1), 255, np.uint8)], -1)
    Image.fromarray(opaque).save(tmp_path / "opaque.png")
    rotated, exif = Image.fromarray(np.rot90(upright).copy()), Image.Exif()
    exif[0x0112] = 6  # shown after a turn of 90 degrees clockwise
    rotated.save(tmp_path / "rotated.png", exif=exif)
    Image.fromarray(upright).convert("CMYK").save(tmp_path / "inks.tiff")
    for path in sorted(tmp_path.iterdir()):
        np.testing.assert_allclose(classifier.logits(path), wanted, atol=1e-5, err_msg=path.name)
    np.testing.assert_allclose(classifier.logits(grey), wanted, atol=1e-5)
    np.testing.assert_allclose(classifier.logits([upright, upright[:, ::-1]])[0], wanted[0], atol=1e-5)


def test_corrupt_images_are_reported_or_raised(folder_run, image_folder, tmp_path):
    good = next((image_folder / "val" / "red").glob("*.png"))
    (tmp_path / "a.png").write_bytes(good.read_bytes())
    (tmp_path / "b.png").write_bytes(good.read_bytes()[:300])
    (tmp_path / "c.png").write_bytes(b"")
    classifier, corrupt = zoo.load_classifier(folder_run), []
    (prediction,) = classifier.predict(tmp_path, on_corrupt=corrupt.append)
    assert prediction.example.endswith("a.png")
    assert sorted(each.example[-5:] for each in corrupt) == ["b.png", "c.png"]
    with pytest.raises(ZooError, match=r"b\.png cannot be decoded"):
        classifier.logits([tmp_path / "a.png", tmp_path / "b.png"])


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ("missing.jpg", "missing.jpg: No such file"),
        (np.zeros((4, 4, 3), np.float32), "must be uint8"),
        (np.zeros((4, 4, 4), np.uint8), "has 4 channels, but the network takes 3"),
        (np.zeros((2, 4, 4, 1), np.uint8), "have 1 channels, but the network takes 3"),
        (np.zeros((0, 4, 3), np.uint8), "must be an array"),
    ],
)
def test_unusable_examples(folder_run, examples, message):
    with pytest.raises(ZooError, match=message):
        zoo.load_classifier(folder_run).logits(examples)


def test_folders_without_images_and_tables(folder_run, tmp_path):
    classifier = zoo.load_classifier(folder_run)
    with pytest.raises(ZooError, match="no images in this folder"):
        classifier.predict(tmp_path)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ZooError, match="is a table, but the network classifies images"):
        classifier.predict(tmp_path / "t.csv")


@pytest.fixture(scope="module")
def table_run(tmp_path_factory):
    """A run on a table with a number, a text column, a missing value and the class in the last column."""
    folder = tmp_path_factory.mktemp("table")
    random = np.random.default_rng(0)
    lines = ["size,kind,class"]
    for number in range(60):
        size = "" if number == 7 else f"{random.normal(number % 2, 0.3):.3f}"
        lines.append(f"{size},{('round', 'square')[number % 3 % 2]},{('low', 'high')[number % 2]}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    changes = {
        "data.source": f"csv:{folder / 'table.csv'}",
        "data.missing": ImputeMedian(),
        "budget.steps": 30,
        "budget.evaluate_every": 1.0,
        "target": None,
    }
    zoo.fit(zoo.load_recipe("mlp").override(changes), folder / "run")
    return folder


def test_rows_of_a_table(table_run):
    """The class may be in the table or not, and columns in any order."""
    run, classifier = zoo.load_run(table_run / "run"), zoo.load_classifier(table_run / "run")
    source = f"csv:{table_run / 'table.csv'}"
    metrics = zoo.evaluate(run, source, split="whole")
    data = zoo.open_source(source, split="whole", feature_names=run.feature_names)
    logits = classifier.logits(table_run / "table.csv")
    loss, accuracy = loss_and_accuracy(logits, data.eval.labels)
    assert accuracy == metrics["top1"] and loss == pytest.approx(metrics["loss"], rel=1e-5)
    np.testing.assert_array_equal(classifier.logits(data.eval.images[:, 0, 0]), logits)
    rows = [line.split(",") for line in (table_run / "table.csv").read_text().splitlines()]
    (table_run / "new.csv").write_text("\n".join(f"{kind},x,{size}" for size, kind, _ in rows[1:]))
    text = (table_run / "new.csv").read_text()
    (table_run / "new.csv").write_text(f"kind,other,size\n{text}\n")
    np.testing.assert_array_equal(classifier.logits(table_run / "new.csv"), logits)
    assert classifier.predict(table_run / "new.csv")[3].example.endswith("new.csv, line 5")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind,other\nround,1\n", "columns that the network was trained on are missing: 'size'"),
        ("kind,size\noval,1\n", "'oval' is not one of the values in the training split"),
        ("kind,size\nround,inf\n", "not finite|infinite"),
    ],
)
def test_unusable_tables(table_run, text, message):
    (table_run / "bad.csv").write_text(text)
    with pytest.raises(ZooError, match=message):
        zoo.load_classifier(table_run / "run").logits(table_run / "bad.csv")
    with pytest.raises(ZooError, match=r"classifies rows of a \.csv file with the columns size"):
        zoo.load_classifier(table_run / "run").logits(photographs()[0])


def test_published_weights_classify_photographs():
    classifier = zoo.load_classifier(lite0_weights(), model="efficientnet_lite0")
    assert classifier.origin.layout == "efficientnet_lite_pytorch"
    best = [prediction.classes[0] for prediction in classifier.predict(list(photographs()))]
    assert best == ["palace", "daisy"]


def test_weights_for_other_classes(tmp_path):
    """The number of classes is found in the file; the layout as well."""
    model = zoo.create_model("resnet18", num_classes=3)
    variables = zoo.import_weights(model, weights_of(model), "torchvision")
    save_file(weights_of(model), tmp_path / "w.safetensors")
    classifier = zoo.load_classifier(tmp_path / "w.safetensors", model="resnet18")
    assert classifier.class_names == ("0", "1", "2") and classifier.origin.layout == "torchvision"
    named = zoo.load_classifier(tmp_path / "w.safetensors", model="resnet18", class_names=["a", "b", "c"])
    assert named.class_names == ("a", "b", "c")
    with pytest.raises(ZooError, match="has 3 classes, but 2 names are given"):
        zoo.load_classifier(tmp_path / "w.safetensors", model="resnet18", class_names=["a", "b"])
    with pytest.raises(ZooError, match="pass the network whose weights they are"):
        zoo.load_classifier(tmp_path / "w.safetensors")
    save_file(zoo.export_weights(model, variables, "zoo"), tmp_path / "own.safetensors")
    assert find_layout("resnet18", tmp_path / "own.safetensors") == ("zoo", 3)
    with pytest.raises(ZooError, match="not weights of lenet5: none of their names"):
        find_layout("lenet5", tmp_path / "w.safetensors")


def weights_of(model):
    shape = jax.eval_shape(lambda: model.init(jax.random.key(0), np.zeros((1, 32, 32, 3), np.float32), train=False))
    random = np.random.default_rng(0)
    variables = jax.tree.map(lambda leaf: random.uniform(0.1, 1, leaf.shape).astype(np.float32), shape)
    return zoo.export_weights(model, variables, "torchvision")


def test_networks_without_published_weights_need_preprocessing(tmp_path):
    model = zoo.create_model("resnet20")
    variables = model.init(jax.random.key(0), np.zeros((1, 32, 32, 3), np.float32), train=False)
    save_file(zoo.export_weights(model, variables, "torch"), tmp_path / "w.safetensors")
    with pytest.raises(ZooError, match="no published weights in the layout torch"):
        zoo.load_classifier(tmp_path / "w.safetensors", model="resnet20")
    given = zoo.load_classifier(tmp_path / "w.safetensors", model="resnet20", preprocessing=Preprocessing(32, 32))
    assert given.logits(photographs()[0]).shape == (1, 10)
