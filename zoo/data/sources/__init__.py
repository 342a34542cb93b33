"""Where data sets come from, by name."""

import dataclasses
import os
from collections.abc import Sequence

from zoo.data.dataset import Dataset, check_dataset
from zoo.errors import ZooError, short, shown
from zoo.recipe import Data

SPLITS = ("whole", "train", "val", "test")


def open_data(
    data: Data, source: str | None = None, *, split: str | None = None, feature_names: Sequence[str] | None = None
) -> Dataset:
    """Opens the data of a recipe, or of another source as the recipe would; arguments as of `open_source`."""
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
      spec: "fashion_mnist" (the project carries it), "folder:PATH" (a sub-folder of images for each class),
        "tfds:NAME" (a TensorFlow Datasets set, prepared in the ArrayRecord format), "csv:PATH" (a table of features) or
        "synthetic:NAME" (see `zoo.data.sources.synthetic.open_synthetic`).
      label: the column of a table that names the class; its last one if None.
      drop: columns of a table that are left out.
      splits: which folders of a folder are for training and evaluation, see `zoo.data.sources.folder.tree.read_tree`.
      split: None for data to train with. Data that is only evaluated is one split alone, and both of the result are the same:
        "train", "val" or "test"; or "whole", which is all of a folder or table without splits of its own, and of other
        data what is there to evaluate with.
      feature_names: of a table that is only evaluated: what the network was trained on, so that columns of texts have the
        same values.

    Raises:
      ZooError: there is no such data set, or it cannot be learned from: no images, one class, labels out of range.
    """
    check_spec(spec)
    if not isinstance(splits, str | None):
        raise ZooError(f"{short(spec)}: splits is {shown(splits)}; it is 'none', or 'TRAIN', or 'TRAIN,EVALUATION'")
    if split is not None and split not in SPLITS:
        raise ZooError(f"{spec}: there is no split {shown(split)}; it is one of {', '.join(SPLITS)}")
    kind, _, argument = spec.partition(":")
    if spec == "fashion_mnist":
        from zoo.data.sources.fashion_mnist import open_fashion_mnist

        dataset = _only(open_fashion_mnist(), split)
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

        dataset = _only(open_synthetic(argument), split)
    else:
        if os.path.isdir(os.path.expanduser(spec)):
            raise ZooError(f"unknown data set {shown(spec)}: say folder:{short(spec)} if you mean the folder")
        if os.path.isfile(os.path.expanduser(spec)):
            raise ZooError(f"unknown data set {shown(spec)}: say csv:{short(spec)} if you mean the file")
        raise ZooError(
            f"unknown data set {shown(spec)}: it is fashion_mnist, folder:PATH, tfds:NAME, csv:PATH or synthetic:NAME"
        )
    if split is None:
        check_dataset(dataset)
    return dataset


def check_spec(spec: str) -> None:
    """Raises `ZooError` if a name of a data set is none, such as a path."""
    if not isinstance(spec, str):
        raise ZooError(f"a data set is named by a text, such as 'folder:flowers', and not by {shown(spec)}")


def _only(dataset: Dataset, split: str | None) -> Dataset:
    """A data set that has one split to train with and one to evaluate with, with but the one that is asked for."""
    if split is None:
        return dataset
    only = dataset.train if split == "train" else dataset.eval
    return dataclasses.replace(dataset, train=only, eval=only)
