"""TensorFlow Datasets, read without TensorFlow: sets that were prepared in the ArrayRecord format."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.dataset import Dataset
from zoo.errors import DataNotPrepared, ZooError, printable, reason, shown, unknown
from zoo.json_files import parse

# NAME, NAME/CONFIG, NAME:VERSION or NAME/CONFIG:VERSION. Others, such as kaggle:NAME, run code from elsewhere.
NAME = re.compile(r"(?P<set>[A-Za-z]\w*)(/[\w.+-]+)?(:\d[\d.*]*)?", re.ASCII)
# What says of a feature which class reads it, in the two ways to write a protocol buffer as JSON and in TFDS's older one.
CLASS_KEYS = ("pythonClassName", "python_class_name", "type")
OWN_CLASSES = re.compile(r"tensorflow_datasets\.(core\.)?features\.[\w.]+", re.ASCII)
EVAL_SPLITS = ("validation", "val", "test")  # test comes last: many, as that of ImageNet, have no labels


@dataclass(frozen=True)
class TFDSSplit:
    """A split of a prepared set; images come as the encoded files that the set has."""

    source: Any
    name: str
    images: None = None
    labels: None = None

    def __len__(self) -> int:
        return len(self.source)

    def read(self, index: int) -> tuple[bytes, int]:
        try:
            example = self.source[index]
            return example["image"], int(example["label"])
        except Exception as error:  # ArrayRecord and protocol buffers raise several types for damaged files
            raise OSError(f"{self.describe(index)} cannot be read, its file may be damaged: {reason(error)}") from error

    def describe(self, index: int) -> str:
        return f"{self.name}[{index}]"

    def identify(self, update: Callable[[bytes], None]) -> None:
        """Passes on what makes it this split: its name, with the version, and its length."""
        update(f"{self.name}: {len(self)}".encode())


def open_tfds(name: str, split: str | None = None) -> Dataset:
    """Opens a set by its TFDS name, such as "cifar10" or "imagenet2012:5.1.0", from the folder $TFDS_DATA_DIR.

    Args:
      name: of the set.
      split: None for training and evaluation. Else only one is opened, and is both: "train", "val", "test", or "whole", the
        one for evaluation.

    Raises:
      ZooError: the name is unknown; the set is not prepared, and then the message gives the command that prepares it;
        or it has no images with labels.
    """
    import tensorflow_datasets as tfds
    from absl import logging

    logging.set_verbosity(logging.ERROR)  # TFDS warns of every folder that is not there yet; the error below says it
    spec = f"tfds:{name}"
    named = NAME.fullmatch(name)
    if named is None:
        raise ZooError(f"{printable(spec)}: a TFDS data set is NAME, NAME/CONFIG, NAME:VERSION or NAME/CONFIG:VERSION")
    # TFDS itself reads the variable once, when it is imported.
    folder = Path(os.path.expanduser(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"))
    prepared = folder / tfds.core.naming.camelcase_to_snakecase(named["set"])
    check_features(prepared)
    try:
        builder = tfds.builder(name, data_dir=str(folder))
    except tfds.core.DatasetNotFoundError:
        if os.path.isdir(prepared):  # which takes names that are too long
            raise ZooError(
                f"{spec}: in {printable(prepared)} is no version of this name with its features.json"
            ) from None
        raise unknown("TFDS data set", name, tfds.list_builders(with_community_datasets=False)) from None
    except ImportError as error:
        raise DataNotPrepared(
            f"{spec} is not prepared, and TFDS cannot describe it without {error.name}: {_prepare(name)}"
        ) from None
    except Exception as error:  # TFDS and protocol buffers raise a dozen types for files that are damaged
        raise _unreadable(spec, folder, error) from error
    splits = builder.info.splits
    evaluation = next((split for split in EVAL_SPLITS if split in splits), None)
    if "train" not in splits or evaluation is None:
        if splits:
            raise ZooError(
                f"{spec} has the splits {', '.join(splits)}; it takes train and one of {', '.join(EVAL_SPLITS)}"
            )
        raise DataNotPrepared(f"{spec} is not prepared: {_prepare(name)}")
    features = builder.info.features
    wanted = {"image": tfds.features.Image, "label": tfds.features.ClassLabel}
    is_dict = isinstance(features, tfds.features.FeaturesDict)
    if not is_dict or not all(name in features and isinstance(features[name], kind) for name, kind in wanted.items()):
        listed = ", ".join(features) if is_dict else type(features).__name__
        raise ZooError(f"{spec} has the features {printable(listed)}; it takes an image and a class as its label")

    def open_split(split):
        try:
            source = builder.as_data_source(split=split, decoders={"image": tfds.decode.SkipDecoding()})
        except NotImplementedError:
            raise DataNotPrepared(f"{spec} is prepared in a format without random access: {_prepare(name)}") from None
        except Exception as error:  # as above, and ArrayRecord's own
            raise _unreadable(spec, folder, error) from error
        return TFDSSplit(source, f"{spec} {split}")

    names, shape = features["label"].names, features["image"].shape
    if not names or shape is None or len(shape) != 3:
        raise ZooError(f"{spec}: the files in {printable(folder)} do not name its classes, or the shape of its images")
    if split is not None:
        alternatives = {"val": EVAL_SPLITS[:2], "test": EVAL_SPLITS[2:], "train": ("train",), "whole": (evaluation,)}[
            split
        ]
        evaluation = next((each for each in alternatives if each in splits), None)
        if evaluation is None:
            raise ZooError(f"{spec} has the splits {', '.join(splits)}, and none called {' or '.join(alternatives)}")
    train = "train" if split is None else evaluation
    return Dataset(spec, open_split(train), open_split(evaluation), tuple(names), channels=shape[-1])


def check_features(folder: Path) -> None:
    """Makes sure that the files of a prepared set name no class but TFDS's own as the reader of a feature.

    TFDS imports the module of whatever class `features.json` names, and so runs code that may lie in the current folder.

    Args:
      folder: of the set; with its versions and configurations below.

    Raises:
      ZooError: a file names another class, or cannot be read.
    """
    try:
        paths = sorted(folder.rglob("features.json"))
    except OSError as error:  # a name that is too long
        raise ZooError(f"{shown(str(folder))} cannot be read: {error.strerror}") from None
    for path in paths:
        try:
            named = [name for name in _class_names(parse(path.read_bytes())) if not OWN_CLASSES.fullmatch(name)]
        except (OSError, ValueError, RecursionError) as error:
            raise ZooError(f"{printable(path)} cannot be read: {reason(error)}") from None
        if named:
            raise ZooError(
                f"{printable(path)} has {shown(named[0])} read a feature: only TFDS's own classes are, as others may be"
                " anybody's code"
            )


def _class_names(content: Any) -> Iterator[str]:
    """Every text at any depth that TFDS might take for the name of a class."""
    if isinstance(content, dict):
        yield from (content[key] for key in CLASS_KEYS if isinstance(content.get(key), str))
    if isinstance(content, dict | list):
        for item in content.values() if isinstance(content, dict) else content:
            yield from _class_names(item)


def _unreadable(spec, folder, error):
    return ZooError(
        f"{printable(spec)} in {printable(folder)} cannot be read, its files may be damaged: {reason(error)}"
    )


def _prepare(name):
    return f"python -m pip install 'zoo[prepare]' && tfds build {name} --file_format=array_record"
