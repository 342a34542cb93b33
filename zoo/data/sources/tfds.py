"""TensorFlow Datasets prepared in the ArrayRecord format, read without TensorFlow."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.dataset import Dataset
from zoo.errors import DataNotPrepared, ZooError, printable, reason, shown, unknown
from zoo.extras import install_command
from zoo.json_files import parse

# NAME, NAME/CONFIG, NAME:VERSION or NAME/CONFIG:VERSION. Other forms, such as kaggle:NAME, run downloaded code.
NAME = re.compile(r"(?P<set>[A-Za-z]\w*)(/[\w.+-]+)?(:\d[\d.*]*)?", re.ASCII)
# Keys for the class that decodes a feature: the two JSON forms of a protocol buffer, and TFDS's older format.
CLASS_KEYS = ("pythonClassName", "python_class_name", "type")
OWN_CLASSES = re.compile(r"tensorflow_datasets\.(core\.)?features\.[\w.]+", re.ASCII)
# test comes last, since many test splits, such as that of ImageNet, have no labels.
EVAL_SPLITS = ("validation", "val", "test")


@dataclass(frozen=True)
class TFDSSplit:
    """A split of a prepared data set, whose images are read as encoded files."""

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
            raise OSError(f"{self.describe(index)} cannot be read; the file may be damaged: {reason(error)}") from error

    def describe(self, index: int) -> str:
        return f"{self.name}[{index}]"

    def identify(self, update: Callable[[bytes], None]) -> None:
        """Calls `update` with the name, including the version, and the length of the split; see `Split`."""
        update(f"{self.name}: {len(self)}".encode())


def open_tfds(name: str, split: str | None = None) -> Dataset:
    """Opens a data set by its TFDS name, such as "cifar10" or "imagenet2012:5.1.0", from the folder $TFDS_DATA_DIR.

    Args:
      name: TFDS name of the data set.
      split: None for a training and an evaluation split. Else the single split to open as both: "train", "val", "test",
        or "whole", which is the evaluation split.

    Raises:
      ZooError: the name is unknown, the data set is not prepared (the message gives the command that prepares it), or
        it does not consist of images with labels.
    """
    import tensorflow_datasets as tfds
    from absl import logging

    logging.set_verbosity(logging.ERROR)  # TFDS warns about missing folders; the error below reports them
    spec = f"tfds:{name}"
    named = NAME.fullmatch(name)
    if named is None:
        raise ZooError(
            f"{printable(spec)}: expected NAME, NAME/CONFIG, NAME:VERSION or NAME/CONFIG:VERSION after tfds:"
        )
    # TFDS itself reads the variable only once, on import.
    folder = Path(os.path.expanduser(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"))
    prepared = folder / tfds.core.naming.camelcase_to_snakecase(named["set"])
    check_features(prepared)
    try:
        builder = tfds.builder(name, data_dir=str(folder))
    except tfds.core.DatasetNotFoundError:
        if os.path.isdir(prepared):  # unlike Path.is_dir, accepts names that are too long
            raise ZooError(f"{spec}: no such version with a features.json in {printable(prepared)}") from None
        raise unknown("TFDS data set", name, tfds.list_builders(with_community_datasets=False)) from None
    except ImportError as error:
        raise DataNotPrepared(
            f"{spec} is not prepared, and TFDS cannot describe it without {error.name}: {_prepare(name)}"
        ) from None
    except Exception as error:  # TFDS and protocol buffers raise various types for damaged files
        raise _unreadable(spec, folder, error) from error
    splits = builder.info.splits
    evaluation = next((split for split in EVAL_SPLITS if split in splits), None)
    if "train" not in splits or evaluation is None:
        if splits:
            raise ZooError(
                f"{spec} has the splits {', '.join(splits)}; expected train and one of {', '.join(EVAL_SPLITS)}"
            )
        raise DataNotPrepared(f"{spec} is not prepared: {_prepare(name)}")
    features = builder.info.features
    wanted = {"image": tfds.features.Image, "label": tfds.features.ClassLabel}
    is_dict = isinstance(features, tfds.features.FeaturesDict)
    if not is_dict or not all(name in features and isinstance(features[name], kind) for name, kind in wanted.items()):
        listed = ", ".join(features) if is_dict else type(features).__name__
        raise ZooError(f"{spec} has the features {printable(listed)}; expected an image, and a class as the label")

    def open_split(split):
        try:
            source = builder.as_data_source(split=split, decoders={"image": tfds.decode.SkipDecoding()})
        except NotImplementedError:
            raise DataNotPrepared(f"{spec} is prepared in a format without random access: {_prepare(name)}") from None
        except Exception as error:  # as above, and those of ArrayRecord
            raise _unreadable(spec, folder, error) from error
        return TFDSSplit(source, f"{spec} {split}")

    names, shape = features["label"].names, features["image"].shape
    if not names or shape is None or len(shape) != 3:
        raise ZooError(f"{spec}: class names or image shape are missing in the files in {printable(folder)}")
    if split is not None:
        alternatives = {"val": EVAL_SPLITS[:2], "test": EVAL_SPLITS[2:], "train": ("train",), "whole": (evaluation,)}[
            split
        ]
        evaluation = next((each for each in alternatives if each in splits), None)
        if evaluation is None:
            raise ZooError(f"{spec} has the splits {', '.join(splits)}, but not {' or '.join(alternatives)}")
    train = "train" if split is None else evaluation
    return Dataset(spec, open_split(train), open_split(evaluation), tuple(names), channels=shape[-1])


def check_features(folder: Path) -> None:
    """Checks that the files of a prepared data set refer only to TFDS's own classes for decoding features.

    TFDS imports the module of any class that `features.json` names, which may run code in the current folder.

    Args:
      folder: folder of the data set, with its versions and configurations.

    Raises:
      ZooError: a file names another class or cannot be read.
    """
    try:
        paths = sorted(folder.rglob("features.json"))
    except OSError as error:  # the name is too long
        raise ZooError(f"{shown(str(folder))} cannot be read: {error.strerror}") from None
    for path in paths:
        try:
            named = [name for name in _class_names(parse(path.read_bytes())) if not OWN_CLASSES.fullmatch(name)]
        except (OSError, ValueError, RecursionError) as error:
            raise ZooError(f"{printable(path)} cannot be read: {reason(error)}") from None
        if named:
            raise ZooError(
                f"{printable(path)}: the class {shown(named[0])} of a feature is not one of TFDS's own: refused, since"
                " loading it may run arbitrary code"
            )


def _class_names(content: Any) -> Iterator[str]:
    """Yields every string, at any depth, that TFDS might treat as a class name."""
    if isinstance(content, dict):
        yield from (content[key] for key in CLASS_KEYS if isinstance(content.get(key), str))
    if isinstance(content, dict | list):
        for item in content.values() if isinstance(content, dict) else content:
            yield from _class_names(item)


def _unreadable(spec, folder, error):
    return ZooError(
        f"{printable(spec)} in {printable(folder)} cannot be read; the files may be damaged: {reason(error)}"
    )


def _prepare(name):
    return f"{install_command('prepare')} && tfds build {name} --file_format=array_record"
