"""Evaluation of a trained network on data by name: of a run, of a recipe with variables, or of a network alone."""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, overload

import flax.linen as nn
from flax import traverse_util

from zoo import parallel
from zoo.data import augment
from zoo.data.dataset import Dataset
from zoo.data.names import similar_name_hint
from zoo.data.normalization import Statistics
from zoo.data.pipeline import Corrupt, make_pipeline
from zoo.data.selection import select, with_classes
from zoo.data.sources import check_spec, open_data
from zoo.errors import ZooError, listed, short, shown
from zoo.models.registry import find_entry, name_of
from zoo.recipe import ChannelMeanStd, Data, Normalize, Recipe, Resize, SoftmaxCrossEntropy
from zoo.recipe.augmentation import Normalization, Transform
from zoo.recipe.loss import Loss
from zoo.training.evaluation import evaluate_pipeline
from zoo.training.experiment import compile_step
from zoo.training.prepare.data import check_kinds, measure
from zoo.training.prepare.network import abstract_variables, create_network
from zoo.training.step.inputs import make_constants
from zoo.training.step.step import make_eval_step


class Trained(Protocol):
    """What a run has come to: `zoo.fit` gives it, and `zoo.load_run`."""

    @property
    def recipe(self) -> Recipe: ...
    @property
    def variables(self) -> dict[str, Any]: ...
    @property
    def statistics(self) -> Statistics: ...
    @property
    def class_names(self) -> tuple[str, ...]: ...
    @property
    def feature_names(self) -> tuple[str, ...] | None: ...


Source = str | Dataset


@overload
def evaluate(
    trained: Trained,
    source: Source | None = None,
    /,
    *,
    split: str | None = None,
    model: nn.Module | None = None,
    on_corrupt: Callable[[Corrupt], None] = ...,
    on_progress: Callable[[int, int], None] = ...,
    on_data: Callable[[Dataset], None] = ...,
) -> dict[str, Any]: ...


@overload
def evaluate(
    trained: Recipe | nn.Module,
    variables: dict[str, Any],
    source: Source | None = None,
    *,
    split: str | None = None,
    model: nn.Module | None = None,
    statistics: Statistics | None = None,
    class_names: Sequence[str] | None = None,
    feature_names: Sequence[str] | None = None,
    on_corrupt: Callable[[Corrupt], None] = ...,
    on_progress: Callable[[int, int], None] = ...,
    on_data: Callable[[Dataset], None] = ...,
) -> dict[str, Any]: ...


def evaluate(
    trained: Trained | Recipe | nn.Module,
    variables: dict[str, Any] | Source | None = None,
    source: Source | None = None,
    *,
    split: str | None = None,
    model: nn.Module | None = None,
    statistics: Statistics | None = None,
    class_names: Sequence[str] | None = None,
    feature_names: Sequence[str] | None = None,
    on_corrupt: Callable[[Corrupt], None] = lambda corrupt: None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    on_data: Callable[[Dataset], None] = lambda dataset: None,
) -> dict[str, Any]:
    """Evaluates a trained network: `zoo.evaluate(run)`, `zoo.evaluate(run, "folder:more")`.

    Without a source it is the evaluation split of the data that it was trained on. Of another source everything is used, or
    what it has for evaluation if it has splits of its own; of a `Dataset`, its evaluation split.

    Args:
      trained: what `zoo.fit` or `zoo.load_run` gave, and then the source comes next, for all else is known. Or a recipe, which
        gives the network, the evaluation transforms and the normalization. Or a network of the zoo, which gets images of
        its canonical size, normalized to mean 0 and standard deviation 1 in every channel.
      variables: {"params": ..., "batch_stats": ...}; for a recipe or a network.
      source: the data; a recipe's own if None.
      split: which part of the data: "train", "val", "test" or "whole", see `zoo.data.sources.open_source`.
      model: a network of one's own instead of the recipe's.
      statistics: with which the network was trained; measured on the data itself, or its training split, if None.
      class_names, feature_names: for which the network was trained; not compared with the source's if None. The data may
        lack some of the classes.
      on_corrupt: called for each image that cannot be decoded; it is not counted.
      on_progress: called as (examples done, examples in all).
      on_data: called once with the data that was opened.

    Returns:
      See `evaluate_pipeline`.

    Raises:
      ZooError: recipe, variables and data do not fit together.
    """
    if not isinstance(trained, Recipe | nn.Module):
        if not hasattr(trained, "variables"):
            raise ZooError(f"evaluate: it takes a run, a recipe or a network, and not {shown(trained)}")
        if source is not None or isinstance(variables, Mapping):
            raise ZooError(
                "evaluate: a run has its variables: say evaluate(run, source), or evaluate(run.recipe, variables, ...)"
            )
        return evaluate(
            trained.recipe,
            trained.variables,
            getattr(trained, "dataset", None) if variables is None else variables,
            split=split,
            model=model or getattr(trained, "model", None),
            statistics=trained.statistics,
            class_names=trained.class_names,
            feature_names=trained.feature_names,
            on_corrupt=on_corrupt,
            on_progress=on_progress,
            on_data=on_data,
        )
    if not isinstance(variables, Mapping):
        raise ZooError("evaluate: which variables? Say evaluate(recipe, variables, ...), or evaluate(run, ...)")
    if isinstance(trained, Recipe):
        recipe = trained
    elif source is None:
        raise ZooError("evaluate: which data? A network by itself has none, say source=...")
    else:
        model, recipe = trained, None
    settings = _settings_of_network(trained, source) if recipe is None else _settings_of_recipe(recipe)
    if isinstance(source, Dataset):
        if split is not None:
            raise ZooError(f"evaluate: split={split!r} is for data by name; a Dataset is evaluated on its eval")
        dataset = source
    else:
        dataset = _open(settings.data, source, split, feature_names)
    on_data(dataset)
    dataset = dataset if class_names is None else with_classes(dataset, class_names)
    if class_names is not None and tuple(class_names) != tuple(dataset.class_names):
        others = [name for name in dataset.class_names if name not in class_names] or list(dataset.class_names)
        wanted, given = (listed([short(name) for name in names], 10) for names in (class_names, others))
        alike = similar_name_hint(others[0], class_names) if others[0] not in class_names else ""
        raise ZooError(f"the network was trained for the classes {wanted}; {dataset.spec} has {given}{alike}")
    if feature_names is not None and tuple(feature_names) != tuple(dataset.feature_names or ()):
        wanted, given = (listed(names, 10) for names in (feature_names, dataset.feature_names or ("images",)))
        raise ZooError(f"the network was trained for the features {wanted}; {dataset.spec} has {given}")
    mesh = parallel.make_mesh()
    parallel.check_batch_size(settings.batch_size, mesh)
    check_kinds(dataset, settings.normalization, settings.data)
    network = model
    if network is None:
        assert recipe is not None  # a network by itself is the model
        network = create_network(recipe, dataset, mesh)
    pipeline = _pipeline(dataset, dataset.eval, settings.transforms, on_corrupt)
    if statistics is None:
        selected, _ = select(settings.data, dataset)
        train = dataclasses.replace(pipeline, split=selected.train, resident=False)
        statistics = measure(settings.normalization, settings.data, selected, train, pipeline, _no_progress)
    input_shape = augment.output_shape(pipeline.transforms, pipeline.image_shape)
    abstract = abstract_variables(network, input_shape, len(dataset.class_names))
    if misfits := _misfits(variables, abstract):
        raise ZooError(f"the variables are not of this network for images of {dataset.spec}: {'; '.join(misfits)}")
    return evaluate_pipeline(
        compile_step(make_eval_step(network, pipeline.transforms, settings.loss), mesh),
        parallel.replicate(variables, mesh),
        parallel.replicate(make_constants(statistics, pipeline), mesh),
        pipeline,
        mesh,
        batch_size=settings.batch_size,
        on_progress=on_progress,
    )


def _no_progress(what, done, total):
    pass


def _pipeline(dataset, split, transforms, on_corrupt):
    classes = len(dataset.class_names)
    return make_pipeline(split, transforms, channels=dataset.channels, num_classes=classes, on_corrupt=on_corrupt)


def _open(data, source, split, feature_names):
    """The data to evaluate on: of what the recipe was trained on, the part that it was not."""
    if source is not None:
        check_spec(source)
    if split is None and source is not None and not _same_place(source, data.source):
        split = "whole"
    return open_data(data, source, split=split, feature_names=feature_names if split else None)


def _same_place(one, other):
    kind, _, path = one.partition(":")
    other_kind, _, other_path = other.partition(":")
    if kind != other_kind or kind not in ("folder", "csv"):
        return one == other
    return os.path.realpath(os.path.expanduser(path)) == os.path.realpath(os.path.expanduser(other_path))


class _Settings(NamedTuple):
    """Everything that decides how a network is evaluated, besides the network and its variables."""

    transforms: tuple[Transform, ...]
    normalization: Normalization
    data: Data
    loss: Loss
    batch_size: int


def _settings_of_recipe(recipe):
    batch_size = recipe.budget.batch_size // recipe.budget.accumulation
    return _Settings(recipe.augmentation.eval, recipe.normalization, recipe.data, recipe.loss, batch_size)


def _settings_of_network(network, source):
    name = name_of(network)
    if name is None:
        raise ZooError(
            f"{type(network).__name__} is not one of the zoo's networks: say evaluate(recipe, ..., model=model)"
        )
    spec = source if isinstance(source, str) else source.spec
    transforms = (Resize(find_entry(name).input_shape[0]), Normalize())
    return _Settings(transforms, ChannelMeanStd(), Data(spec), SoftmaxCrossEntropy(), batch_size=64)


def _misfits(found, wanted):
    """The first few variables that are missing, surplus or of another shape."""
    found, wanted = (
        {"/".join(path): list(leaf.shape) for path, leaf in traverse_util.flatten_dict(tree).items()}
        for tree in (found, wanted)
    )
    differing = [name for name in sorted({**found, **wanted}) if found.get(name) != wanted.get(name)]
    return [
        f"{name} is {found.get(name, 'missing')} instead of {wanted.get(name, 'nothing')}" for name in differing[:5]
    ]
