"""Tests of data sources: contents, and errors for each kind of damage."""

import gzip
import shutil
import sys

import numpy as np
import pytest
from programs import ROOT, run_python

import zoo
from zoo.data.dataset import Dataset, check_dataset
from zoo.data.sources.fashion_mnist import FOLDER, PAYLOADS, open_fashion_mnist
from zoo.data.split import ArraySplit
from zoo.errors import ZooError
from zoo.extras import install_command


def test_fashion_mnist_is_complete_and_as_published():
    dataset = zoo.open_source("fashion_mnist")
    assert dataset.train.images.shape == (60_000, 28, 28, 1) and dataset.eval.images.shape == (10_000, 28, 28, 1)
    assert np.bincount(dataset.train.labels).tolist() == [6000] * 10
    assert np.bincount(dataset.eval.labels).tolist() == [1000] * 10
    pixels = dataset.train.images / 255
    assert pixels.mean() == pytest.approx(0.28604, abs=1e-5) and pixels.std() == pytest.approx(0.35302, abs=1e-5)
    assert len(dataset.class_names) == 10 and dataset.class_names[dataset.train.labels[0]] == "Ankle boot"


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "missing"])
def test_damaged_fashion_mnist_is_noticed(tmp_path, damage):
    for name in PAYLOADS:
        shutil.copy(FOLDER / f"{name}.gz", tmp_path)
    victim = tmp_path / "t10k-images-idx3-ubyte.gz"
    content = victim.read_bytes()
    if damage == "flip":
        pixels = bytearray(gzip.decompress(content))
        pixels[1000] ^= 1
        victim.write_bytes(gzip.compress(bytes(pixels)))
    elif damage == "missing":
        victim.unlink()
    else:
        victim.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    with pytest.raises(ZooError, match="t10k-images-idx3-ubyte.gz .*: reinstall zoo"):
        open_fashion_mnist(tmp_path)


def test_folders_that_cannot_be_trained_on(image_folder, tmp_path):
    def problem(path):
        with pytest.raises(ZooError) as error:
            zoo.open_source(f"folder:{path}")
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "nothing: folder not found" in problem(tmp_path / "nothing")
    assert "no images in the folder; expected a sub-folder for each class" in problem(tmp_path)
    (tmp_path / "one").mkdir()
    shutil.copy(image_folder / "train" / "red" / "00.jpg", tmp_path / "one")
    assert "needs at least two classes; found one" in problem(tmp_path)
    shutil.copytree(image_folder / "train", tmp_path / "b" / "train")
    shutil.copytree(image_folder / "train" / "red", tmp_path / "b" / "val" / "yellow")
    assert "class 'yellow' is in val/ but not in train/" in problem(tmp_path / "b")


def test_labels_out_of_range():
    split = ArraySplit(np.zeros((3, 4, 4, 1), np.uint8), np.array([0, 2, 1], np.int32))
    with pytest.raises(ZooError, match=r"array\[1\] has label 2, outside the range 0 to 1"):
        check_dataset(Dataset("mine", split, split, ("a", "b"), 1))


@pytest.mark.parametrize("spec", ["fashion_mnits", "folder:", "tfds:", "csv:", "synthetic:", "s3:bucket", ""])
def test_unknown_kinds_of_data(spec):
    with pytest.raises(ZooError, match="expected fashion_mnist, folder:PATH, tfds:NAME, csv:PATH or synthetic:NAME"):
        zoo.open_source(spec)


PREPARE = """
import io, sys
import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

class TinyColors(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {"image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
                    "label": tfds.features.ClassLabel(names=["dark", "bright"])}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, downloads):
        return {"train": self._generate_examples(40), "test": self._generate_examples(10)}

    def _generate_examples(self, count):
        for number in range(count):
            file = io.BytesIO()
            Image.new("RGB", (70 + number, 80), (200 * (number % 2), 20, 20)).save(file, "PNG")
            file.seek(0)
            yield number, {"image": file, "label": number % 2}

TinyColors(data_dir=sys.argv[1], file_format=sys.argv[2]).download_and_prepare()
"""


@pytest.fixture(scope="module")
def tfds_folder(tmp_path_factory):
    """Returns a TFDS folder with a data set prepared in the ArrayRecord format, without TensorFlow."""
    folder = tmp_path_factory.mktemp("tfds")
    script = folder / "prepare.py"
    script.write_text(PREPARE)
    done = run_python(script, folder, "array_record", PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    return folder


def test_tfds_without_tensorflow(tfds_folder, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tfds_folder))
    script = (
        "import sys, zoo; d = zoo.open_source('tfds:tiny_colors');"
        "encoded, label = d.train.read(3);"
        "print(len(d.train), len(d.eval), d.class_names, d.channels, encoded[:4], label, 'tensorflow' in sys.modules)"
    )
    done = run_python("-c", script)
    assert done.stdout.split("\n")[0].startswith("40 10 ('dark', 'bright') 3 b'\\x89PNG'"), done.stderr
    assert done.stdout.strip().endswith("False")


def test_unprepared_and_unknown_tfds_data_sets():
    with pytest.raises(ZooError) as error:
        zoo.open_source("tfds:cifar10")
    assert str(error.value).endswith(f"{install_command('prepare')} && tfds build cifar10 --file_format=array_record")
    with pytest.raises(ZooError, match="unknown TFDS data set 'cifr10': did you mean 'cifar10'"):
        zoo.open_source("tfds:cifr10")


def test_tensorflow_is_not_imported():
    assert "tensorflow" not in sys.modules
