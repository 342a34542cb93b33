"""Opens data sets by name."""

import dataclasses
import os
from collections.abc import Callable, Sequence

from zoo.data.dataset import Dataset, check_dataset
from zoo.errors import ZooError, short, shown
from zoo.recipe import Data

SPLITS = ("whole", "train", "val", "test")
KINDS = ("fashion_mnist", "folder", "tfds", "csv", "synthetic")
_custom_sources: dict[str, Callable[[str], Dataset]] = {}


def register_source(kind: str, open_custom: Callable[[str], Dataset]) -> None:
    """Registers a custom source, whose data sets can then be opened as "KIND:NAME" wherever a data set is named.

    Registering a kind again replaces it, so that a notebook cell can be run again.

    Args:
      kind: an identifier, such as "database".
      open_custom: called with NAME; returns the data set.

    Raises:
      ZooError: the kind is not an identifier, or a built-in kind.
    """
    if not isinstance(kind, str) or not kind.isidentifier() or kind in KINDS:
        raise ZooError(f"the kind of a source must be an identifier other than {', '.join(KINDS)}, not {shown(kind)}")
    _custom_sources[kind] = open_custom


def open_data(
    data: Data, source: str | None = None, *, split: str | None = None, feature_names: Sequence[str] | None = None
) -> Dataset:
    """Opens the data of a recipe, or another source with the recipe's options; see `open_source` for the arguments."""
    spec = data.source if source is None else source
    check_spec(spec)
    table, folder = spec.startswith("csv:"), spec.startswith("folder:")
    return open_source(
        spec,
        data.label if table else None,
        data.drop if table else (),
        splits=data.splits if folder else None,
        split=split,
        feature_names=feature_names,
    )


def open_source(
    spec: str,
    label: str | None = None,
    drop: Sequence[str] = (),
    *,
    splits: str | None = None,
    split: str | None = None,
    feature_names: Sequence[str] | None = None,
) -> Dataset:
    """Opens a data set.

    Args:
      spec: "fashion_mnist" (included in the project), "folder:PATH" (a sub-folder of images for each class),
        "tfds:NAME" (a TensorFlow Datasets set, prepared in the ArrayRecord format), "csv:PATH" (a table of features) or
        "synthetic:NAME" (see `zoo.data.sources.synthetic.open_synthetic`).
      label: column of a table with the class; None for the last one.
      drop: columns of a table to leave out.
      splits: which sub-folders are the training and evaluation split, see `zoo.data.sources.folder.tree.read_tree`.
      split: None for a training and an evaluation split. For evaluation only, the name of a single split, which is both
        splits of the result: "train", "val" or "test"; or "whole", which is all of a folder or table without splits,
        and the evaluation split of other data.
      feature_names: for a table that is only evaluated, the feature names of training, which fix the categories of text
        columns.

    Raises:
      ZooError: the data set does not exist or cannot be trained on: no images, a single class, or labels out of range.
    """
    check_spec(spec)
    if not isinstance(splits, str | None):
        raise ZooError(f"{short(spec)}: splits must be 'none', 'TRAIN' or 'TRAIN,EVALUATION', not {shown(splits)}")
    if split is not None and split not in SPLITS:
        raise ZooError(f"{spec}: unknown split {shown(split)}: expected one of {', '.join(SPLITS)}")
    kind, _, argument = spec.partition(":")
    if spec == "fashion_mnist":
        from zoo.data.sources.fashion_mnist import open_fashion_mnist

        dataset = _single_split(open_fashion_mnist(), split)
    elif kind == "folder" and argument:
        from zoo.data.sources.folder import open_folder

        dataset = open_folder(argument, splits, split)
    elif kind == "tfds" and argument:
        from zoo.data.sources.tfds import open_tfds

        dataset = open_tfds(argument, split)
    elif kind == "csv" and argument:
        from zoo.data.sources.table import open_table

        dataset = open_table(argument, label, drop, split, feature_names)
    elif kind == "synthetic" and argument:
        from zoo.data.sources.synthetic import open_synthetic

        dataset = _single_split(open_synthetic(argument), split)
    elif kind in _custom_sources and argument:
        dataset = _single_split(_custom_sources[kind](argument), split)
    else:
        if os.path.isdir(os.path.expanduser(spec)):
            raise ZooError(f"unknown data set {shown(spec)}: for the folder, use folder:{short(spec)}")
        if os.path.isfile(os.path.expanduser(spec)):
            raise ZooError(f"unknown data set {shown(spec)}: for the file, use csv:{short(spec)}")
        custom = "".join(f", {short(name)}:NAME" for name in _custom_sources)
        raise ZooError(
            f"unknown data set {shown(spec)}: expected fashion_mnist, folder:PATH, tfds:NAME, csv:PATH{custom} or"
            " synthetic:NAME"
        )
    if split is None:
        check_dataset(dataset)
    return dataset


def check_spec(spec: str) -> None:
    """Raises `ZooError` if the name of a data set is not a string, for example a `Path`."""
    if not isinstance(spec, str):
        raise ZooError(f"the name of a data set must be a string, such as 'folder:flowers', not {shown(spec)}")


def _single_split(dataset: Dataset, split: str | None) -> Dataset:
    """Returns a data set whose splits are both the requested one; unchanged for None."""
    if split is None:
        return dataset
    only = dataset.train if split == "train" else dataset.eval
    return dataclasses.replace(dataset, train=only, eval=only)
