"""Where data sets come from, by name."""

from collections.abc import Sequence

from zoo.data.dataset import Dataset, check_dataset
from zoo.errors import ZooError


def open_source(spec: str, label: str | None = None, drop: Sequence[str] = ()) -> Dataset:
    """Opens a data set.

    Args:
      spec: "fashion_mnist" (the project carries it), "folder:PATH" (a sub-folder of images for each class),
        "tfds:NAME" (a TensorFlow Datasets set, prepared in the ArrayRecord format), "csv:PATH" (a table of features) or
        "synthetic:NAME" (see `zoo.data.synthetic.open_synthetic`).
      label: the column of a table that names the class; its last one if None.
      drop: columns of a table that are left out.

    Raises:
      ZooError: there is no such data set, or it cannot be learned from: no images, one class, labels out of range.
    """
    kind, _, argument = spec.partition(":")
    if spec == "fashion_mnist":
        from zoo.data.fashion_mnist import open_fashion_mnist

        dataset = open_fashion_mnist()
    elif kind == "folder" and argument:
        from zoo.data.folder import open_folder

        dataset = open_folder(argument)
    elif kind == "tfds" and argument:
        from zoo.data.tfds import open_tfds

        dataset = open_tfds(argument)
    elif kind == "csv" and argument:
        from zoo.data.table import open_table

        dataset = open_table(argument, label, drop)
    elif kind == "synthetic" and argument:
        from zoo.data.synthetic import open_synthetic

        dataset = open_synthetic(argument)
    else:
        raise ZooError(
            f"unknown data set {spec!r}: it is fashion_mnist, folder:PATH, tfds:NAME, csv:PATH or synthetic:NAME"
        )
    check_dataset(dataset)
    return dataset
