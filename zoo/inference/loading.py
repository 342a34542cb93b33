"""`zoo.load_classifier`: classifiers from run folders, results of training, weight files and exported folders."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from safetensors import safe_open

from zoo.data.normalization import Statistics
from zoo.data.resize_crop import split_host_transforms
from zoo.data.sources import open_data
from zoo.errors import ZooError, reason, short, shown
from zoo.files import check_file, expand
from zoo.inference.classifier import Classifier
from zoo.inference.description import Description, parse_description
from zoo.inference.origin import FromFile, FromRun
from zoo.models.class_names import imagenet_class_names
from zoo.models.preprocessing import Preprocessing
from zoo.models.registry import create_model, find_entry
from zoo.recipe import Model, Recipe
from zoo.recipe.augmentation import Resize
from zoo.training.evaluate import Trained
from zoo.training.prepare.network import network_of_recipe
from zoo.training.run.files import RunFiles
from zoo.training.run.load_run import load_run
from zoo.weights import import_weights
from zoo.weights.detection import find_layout, layouts_of
from zoo.weights.tensors import READ_ERRORS

KEY = "zoo"  # of the description in the metadata of a .safetensors file, and in config.json
MAX_CONFIG_BYTES = 64 * 2**20
WEIGHTS = "model.safetensors"  # in an exported folder
CONFIG = "config.json"


def load_classifier(
    source: str | os.PathLike[str] | Trained,
    *,
    model: str | nn.Module | None = None,
    layout: str | None = None,
    preprocessing: Preprocessing | None = None,
    class_names: Sequence[str] | None = None,
    on_damaged: Callable[[str], None] | None = None,
) -> Classifier:
    """Loads a trained network with the preprocessing of its evaluation and its class names.

    Args:
      source: a run folder, or a result of `zoo.fit` or `zoo.load_run`; the preprocessing is that of the run's
        evaluation. Or a weight file, see `zoo.import_weights`, with that of the framework's published weights, see
        `zoo.models.preprocessing`. Or a `.safetensors` file or a folder written by `zoo.export`, which have their own.
      model: for a weight file, the name of the network; for a run with a custom network, the network.
      layout: of a weight file; None to find it from the names in the file.
      preprocessing: of a weight file, instead of that of the published weights.
      class_names: of a weight file; None for ImageNet's if there are 1,000 classes, else for numbers.
      on_damaged: called with a line about each damaged checkpoint of a run that is skipped; by default issues a
        `ZooWarning`.

    Raises:
      ZooError: the source cannot be read, its network is not known, or the weights do not match the network.
    """
    if not isinstance(source, str | os.PathLike):
        if not hasattr(source, "variables"):
            raise ZooError(f"load_classifier: expected a path, a run or a result of zoo.fit, got {shown(source)}")
        return _of_run(source, FromRun(source.recipe, verdict=getattr(source, "verdict", None)), model)
    path = expand(os.fspath(source))
    if not os.path.isdir(path):
        return _of_file(path, model, layout, preprocessing, class_names)
    only_files = {"layout": layout, "preprocessing": preprocessing, "class_names": class_names}
    if given := [name for name, value in only_files.items() if value is not None]:
        raise ZooError(f"{given[0]} is for weight files, but {short(str(path))} is a folder")
    if not (path / "recipe.json").is_file() and (path / CONFIG).is_file():
        return _of_export(path)
    files = RunFiles(path)
    run = load_run(path) if on_damaged is None else load_run(path, on_damaged)
    identity, environment = files.read_identity(), files.read_remarks("environment.json")
    origin = FromRun(run.recipe, run.step, identity["seed"], files.read_verdict(), identity["data"], environment)
    return _of_run(run, origin, model)


def _of_run(run: Trained, origin: FromRun, model: str | nn.Module | None) -> Classifier:
    if isinstance(model, str):
        raise ZooError("model=... is for weight files: the recipe of a run names its network")
    recipe = run.recipe
    model = model or getattr(run, "model", None)
    network = model or network_of_recipe(recipe, len(run.class_names), jax.default_backend())
    return Classifier(
        network,
        jax.device_get(dict(run.variables)),
        recipe.augmentation.eval if run.feature_names else _of_one_size(recipe, getattr(run, "dataset", None)),
        jax.device_get(run.statistics),
        tuple(run.class_names),
        run.feature_names and tuple(run.feature_names),
        None if model else dataclasses.replace(recipe.model, num_classes=len(run.class_names)),
        recipe.loss,
        origin,
    )


def _of_one_size(recipe: Recipe, dataset: Any) -> tuple[Any, ...]:
    """Returns a recipe's evaluation transforms, which resize images of any size.

    A recipe for a data set whose images are all of one size need not fix it; images of other sizes are first resized
    to that of the data, or to the network's canonical input if the data is not available.
    """
    transforms = recipe.augmentation.eval
    with contextlib.suppress(ZooError):
        split_host_transforms(transforms)
        return transforms
    shape = find_entry(recipe.model.name).input_shape
    with contextlib.suppress(ZooError, OSError):
        images = (dataset or open_data(recipe.data)).eval.images
        shape = shape if images is None else images.shape[1:]
    if shape[0] != shape[1]:
        raise ZooError(
            f"the network was trained on images of {shape[0]}x{shape[1]} pixels, and its recipe does not say how others"
            " are resized: put Resize(SIZE) first in augmentation.eval and augmentation.train"
        )
    return (Resize(shape[0]), *transforms)


def _of_file(path, model, layout, preprocessing, class_names):
    if model is None and layout is None and (described := _metadata(path)):
        return _of_description(path, parse_description(described, short(str(path))))
    if not isinstance(model, str):
        check_file(path)
        raise ZooError(f"{short(str(path))}: pass the network whose weights they are, model=NAME, or --model=NAME")
    found = find_layout(model, path, layout)
    known = layouts_of(model)[found.layout]
    num_classes = found.num_classes or find_entry(model).num_classes
    origin = FromFile(path, found.layout, "published" if preprocessing is None else "given")
    preprocessing = preprocessing or known.preprocessing
    if preprocessing is None:
        raise ZooError(
            f"{model} has no published weights in the layout {found.layout}, so their preprocessing is not known: in"
            " Python, pass zoo.load_classifier(..., preprocessing=...)"
        )
    if class_names is not None and len(class_names) != num_classes:
        raise ZooError(f"{short(str(path))} has {num_classes:,} classes, but {len(class_names):,} names are given")
    names = imagenet_class_names() if num_classes == len(imagenet_class_names()) else map(str, range(num_classes))
    network = create_model(model, num_classes, **known.options)
    zeros = np.zeros((3, 3), np.float32)
    return Classifier(
        network,
        import_weights(network, path, found.layout),
        preprocessing.transforms,
        Statistics(np.array(preprocessing.mean, np.float32), np.array(preprocessing.std, np.float32), zeros),
        tuple(names if class_names is None else class_names),
        architecture=Model(model, num_classes, known.options),
        origin=origin,
    )


def _of_export(folder):
    path = folder / CONFIG
    check_file(path, MAX_CONFIG_BYTES)
    described = parse_description(path.read_bytes(), short(str(path)), KEY)
    return _of_description(folder / WEIGHTS, described)


def _of_description(path: Path, found: Description) -> Classifier:
    network = create_model(found.architecture.name, len(found.class_names), **found.architecture.options)
    return Classifier(
        network,
        import_weights(network, path, found.layout, input_shape=found.input_shape),
        found.transforms,
        found.statistics,
        found.class_names,
        found.feature_names,
        found.architecture,
        found.loss,
        FromFile(path, found.layout, "file"),
    )


def _metadata(path):
    """Returns the description in the metadata of a .safetensors file; None if there is none."""
    if path.suffix.lower() != ".safetensors":
        return None
    check_file(path)
    try:
        with safe_open(path, "numpy") as file:
            return (file.metadata() or {}).get(KEY)
    except READ_ERRORS as error:
        raise ZooError(f"{path} cannot be read: {reason(error)}") from None
