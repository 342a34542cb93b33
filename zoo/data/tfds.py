"""TensorFlow Datasets, read without TensorFlow: sets that were prepared in the ArrayRecord format."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zoo.data.dataset import Dataset
from zoo.errors import DataNotPrepared, ZooError, unknown

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
        example = self.source[index]
        return example["image"], int(example["label"])

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
    try:
        # TFDS itself reads the variable once, when it is imported.
        builder = tfds.builder(name, data_dir=os.environ.get("TFDS_DATA_DIR"))
    except tfds.core.DatasetNotFoundError:
        raise unknown("TFDS data set", name, tfds.list_builders(with_community_datasets=False)) from None
    except ImportError as error:
        raise DataNotPrepared(
            f"{spec} is not prepared, and TFDS cannot describe it without {error.name}: {_prepare(name)}"
        ) from None
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
    if not all(name in features and isinstance(features[name], kind) for name, kind in wanted.items()):
        raise ZooError(f"{spec} has the features {', '.join(features)}; it takes an image and a class as its label")

    def open_split(split):
        try:
            source = builder.as_data_source(split=split, decoders={"image": tfds.decode.SkipDecoding()})
        except NotImplementedError:
            raise DataNotPrepared(f"{spec} is prepared in a format without random access: {_prepare(name)}") from None
        return TFDSSplit(source, f"{spec} {split}")

    if split is not None:
        names = {"val": EVAL_SPLITS[:2], "test": EVAL_SPLITS[2:], "train": ("train",), "whole": (evaluation,)}[split]
        evaluation = next((each for each in names if each in splits), None)
        if evaluation is None:
            raise ZooError(f"{spec} has the splits {', '.join(splits)}, and none called {' or '.join(names)}")
    return Dataset(
        spec,
        open_split("train" if split is None else evaluation),
        open_split(evaluation),
        tuple(features["label"].names),
        channels=features["image"].shape[-1],
    )


def _prepare(name):
    return f"python -m pip install 'zoo[prepare]' && tfds build {name} --file_format=array_record"
