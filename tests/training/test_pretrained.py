"""Fine-tuning as one command: preparation of images as the weights were trained, and the flag --weights."""

import hashlib
import json

import jax
import numpy as np
import pytest
import safetensors.numpy
from programs import run_python
from tuning import *

import zoo
from zoo.catalog import list_recipes
from zoo.errors import ZooError
from zoo.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from zoo.models.registry import find_entry
from zoo.recipe import *
from zoo.recipe.augmentation import ReverseChannels
from zoo.training import pretrained
from zoo.training.pretrained import prepared_as_trained
from zoo.weights.detection import Found

PHOTOGRAPHS = Augmentation(
    train=(RandomResizedCrop(224), Normalize()), eval=(ResizeShort(256), CenterCrop(224), Normalize())
)


@pytest.fixture(scope="module")
def file_of(tmp_path_factory):
    """Writes weights of a network with random parameters, in a layout, and returns the path."""

    def write(name, layout):
        options = find_entry(name).layouts[layout].options
        model = zoo.create_model(name, **options)
        shape = find_entry(name).input_shape
        shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), np.zeros((1, *shape), np.float32), train=False))
        variables = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)
        path = tmp_path_factory.mktemp("weights") / f"{name}.safetensors"
        safetensors.numpy.save_file(zoo.export_weights(model, variables, layout=layout), path)
        return path

    return write


def of_weights(name, path, **changes):
    changed = {"model": Model(name), "augmentation": PHOTOGRAPHS, "transfer": Transfer(str(path))}
    return RECIPE.override({**changed, **changes})


def test_images_are_prepared_as_for_published_weights(file_of):
    recipe = of_weights("squeezenet1_1", file_of("squeezenet1_1", "torchvision"))
    changes = prepared_as_trained(recipe)
    assert changes == {
        "normalization": FixedMeanStd(IMAGENET_MEAN, IMAGENET_STD),
        "augmentation.eval": (PresetCrop(256, 224), Normalize()),
    }
    assert prepared_as_trained(recipe.override(changes)) == {}
    smaller = Augmentation(train=(RandomResizedCrop(96), Normalize()), eval=(Resize(96), Normalize()))
    assert prepared_as_trained(recipe.override({"augmentation": smaller})).keys() == {"normalization"}


def test_channels_are_reversed_for_weights_of_bgr_images(monkeypatch, tmp_path):
    monkeypatch.setattr(pretrained, "find_layout", lambda *_: Found("keras", 1000))  # without a file of 550 MB
    changes = prepared_as_trained(of_weights("vgg16", tmp_path / "vgg16.h5"))
    assert changes["augmentation.train"] == (RandomResizedCrop(224), Normalize(), ReverseChannels())
    assert changes["augmentation.eval"][1:] == (Normalize(), ReverseChannels())
    assert changes["normalization"].mean == pytest.approx((123.68, 116.779, 103.939))


def test_images_are_prepared_as_in_the_run(source, dataset, tmp_path):
    statistics = zoo.load_run(source).statistics
    changes = prepared_as_trained(tuned(source=str(source)))
    (mean,), (std,) = statistics.mean.tolist(), statistics.scale.tolist()
    assert changes == {"normalization": FixedMeanStd((mean,), (std,))}
    again = zoo.fit(tuned(source=str(source)).override(changes), tmp_path / "again", dataset=dataset)
    np.testing.assert_array_equal(again.statistics.mean, statistics.mean)
    assert prepared_as_trained(tuned(source=str(tmp_path / "again"))) == changes
    zoo.fit(RECIPE.override({"normalization": UnitRange()}), tmp_path / "unit", dataset=dataset)
    assert prepared_as_trained(tuned(source=str(tmp_path / "unit"))) == {"normalization": UnitRange()}


def test_nothing_is_known_without_weights_or_published_ones(weights):
    assert prepared_as_trained(RECIPE) == prepared_as_trained(tuned()) == {}
    assert prepared_as_trained(of_file(weights[1])) == {}  # nobody published weights of bn_cnn


@pytest.mark.parametrize("name", [name for name in list_recipes() if zoo.load_recipe(name).transfer is not None])
def test_the_recipes_for_fine_tuning_prepare_images_as_their_weights_were_trained(name):
    recipe = zoo.load_recipe(name)
    layout = recipe.transfer.layout or "torchvision"
    published = find_entry(recipe.model.name).layouts[layout].preprocessing
    assert recipe.augmentation.eval == published.transforms
    assert recipe.normalization.mean == pytest.approx(published.mean)
    assert recipe.normalization.std == pytest.approx(published.std)
    assert recipe.transfer.source is None and recipe.source_of("transfer.source")


def test_a_fixed_mean_and_standard_deviation(dataset):
    statistics = prepare(RECIPE.override({"normalization": FixedMeanStd((10.0,), (2.0,))}), dataset).statistics
    assert statistics.mean == 10 and statistics.scale == 2
    with pytest.raises(ZooError, match="FixedMeanStd has 3 values of mean, but the images have 1 channels"):
        prepare(RECIPE.override({"normalization": FixedMeanStd(IMAGENET_MEAN, IMAGENET_STD)}), dataset)
    for mean, std, message in (
        ((), (), "mean"),
        ((1,), (1, 2), "std must be 1 values"),
        ((1,), (0,), "std must be pos"),
    ):
        with pytest.raises(ZooError, match=f"FixedMeanStd.{message}"):
            FixedMeanStd(mean, std)


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory):
    """A recipe that fine-tunes a small network, and names the weights of `test_the_file_that_the_recipe_names`."""

    def write(**fields):
        path = tmp_path_factory.mktemp("recipe") / "mine.py"
        transfer = ", ".join(f"{name}={value!r}" for name, value in fields.items())
        path.write_text(
            "from zoo.recipe import *\n"
            'RECIPE = Recipe(model=Model("lenet5"), data=Data("fashion_mnist"), normalization=UnitRange(),'
            " augmentation=Augmentation(train=(Resize(32), Normalize()), eval=(Resize(32), Normalize())),"
            " initialization=Initialization(), optimizer=SGD(), schedule=Cosine(0.01), regularization=Regularization(),"
            " budget=Budget(batch_size=16, steps=2, interim_examples=16), target=Target(0.9),"
            f" transfer=Transfer({transfer}))\n"
        )
        return path

    return write


def train(recipe, *flags):
    return run_python("-m", "zoo.train", f"--recipe={recipe}", "--diagnose=off", *flags)


def test_the_flag_weights_with_a_file(recipe_file, file_of, tmp_path):
    path = file_of("lenet5", "torch")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    done = train(recipe_file(frozen=("c*",)), f"--weights={path}", f"--workdir={tmp_path / 'run'}", "--json")
    assert done.returncode in (0, 1), done.stderr
    used = zoo.load_run(tmp_path / "run").recipe
    assert used.transfer == Transfer(str(path), sha256=digest, frozen=("c*",)) and used.target is None
    assert f"{path}: 10 parameters, 6 of them frozen" in done.stderr, done.stderr
    # The same file by another name is the one that the recipe names, whose target holds for it; another file is not.
    named = recipe_file(sha256=digest)
    moved = path.rename(path.with_name("moved.safetensors"))
    done = train(named, f"--weights={moved}", f"--workdir={tmp_path / 'named'}", "--set=budget.steps=1")
    assert done.returncode == 1, done.stderr
    assert zoo.load_run(tmp_path / "named").recipe.target == Target(0.9)


def test_the_flag_weights_with_a_run(recipe_file, image_folder, tmp_path):
    flags = [f"--data=folder:{image_folder}", "--set=budget.batch_size=8"]
    first = tmp_path / "first"
    done = train("tests/tiny.py", *flags, f"--workdir={first}", "--set=budget.steps=1")
    assert done.returncode in (0, 1), done.stderr
    statistics = zoo.load_run(first).statistics
    done = train("tests/tiny.py", *flags, f"--workdir={tmp_path / 'second'}", f"--weights={first}")
    assert done.returncode in (0, 1), done.stderr
    used = zoo.load_run(tmp_path / "second").recipe
    assert used.transfer == Transfer(str(first))
    assert used.normalization.mean == pytest.approx(statistics.mean.tolist())
    assert "note: as the weights were trained: normalization=FixedMeanStd(" in done.stderr
    kept = [f"--weights={first}", "--set=normalization=UnitRange", f"--workdir={tmp_path / 'third'}"]
    done = train("tests/tiny.py", *flags, *kept)
    assert zoo.load_run(tmp_path / "third").recipe.normalization == UnitRange() and "note:" not in done.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "this recipe starts from trained weights: give them with --weights=PATH"),
        (["--weights=/no/such"], "--weights=/no/such: there is no such file or folder"),
        (["--weights=" + 300 * "x"], "there is no such file or folder"),
        (["--weights=README.md"], "README.md: unsupported weight file"),
        (["--weights=tests"], "tests is not the folder of a run"),
    ],
    ids=lambda value: "",
)
def test_errors_of_the_flag_weights(recipe_file, flags, message, tmp_path):
    done = train(recipe_file(), *flags, f"--workdir={tmp_path / 'run'}")
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_missing_weights_are_reported_without_importing_jax():
    script = (
        "import sys, zoo.train as program; args = program.FLAGS; args(['', '--recipe=resnet18_finetune'])\n"
        "try: program.main(args)\n"
        "except program.ZooError as error: print(type(error).__name__, 'jax' in sys.modules)"
    )
    assert run_python("-c", script).stdout.strip() == "WeightsMissing False"


def test_the_list_of_recipes_has_those_for_fine_tuning():
    rows = json.loads(run_python("-m", "zoo.recipes", "*_finetune", "--json").stdout)
    assert [row["name"] for row in rows] == ["efficientnet_lite0_finetune", "resnet18_finetune"]
