"""`zoo.evaluate`: evaluation of a run, of a recipe with variables, or of a network alone."""

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
    """A trained network with its recipe and data description, as returned by `zoo.fit` and `zoo.load_run`."""

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

    The default is the evaluation split of the data that the network was trained on. Another source is evaluated as a
    whole, or on its evaluation split if it has splits; a `Dataset` is evaluated on its evaluation split.

    Args:
      trained: a result of `zoo.fit` or `zoo.load_run`; the source is then the second argument, and everything else is
        known. Or a recipe, which determines the network, the evaluation transforms and the normalization. Or a network
        of the zoo, which is evaluated on images of its canonical size, normalized to mean 0 and standard deviation 1 in
        every channel.
      variables: {"params": ..., "batch_stats": ...}; for a recipe or a network.
      source: the data; None for the recipe's.
      split: the part of the data: "train", "val", "test" or "whole", see `zoo.data.sources.open_source`.
      model: a custom network instead of the recipe's.
      statistics: normalization statistics of the training; None to measure them on the data or its training split.
      class_names, feature_names: classes and features that the network was trained for; None to skip the comparison
        with the source's. The data may lack some of the classes.
      on_corrupt: called for each image that cannot be decoded; it is not counted.
      on_progress: called as (examples done, total examples).
      on_data: called once with the opened data.

    Returns:
      Metrics, see `evaluate_pipeline`.

    Raises:
      ZooError: recipe, variables and data do not match.
    """
    if not isinstance(trained, Recipe | nn.Module):
        if not hasattr(trained, "variables"):
            raise ZooError(f"evaluate: expected a run, a recipe or a network, got {shown(trained)}")
        if source is not None or isinstance(variables, Mapping):
            raise ZooError(
                "evaluate: a run already has variables: call evaluate(run, source) or"
                " evaluate(run.recipe, variables, ...)"
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
        raise ZooError("evaluate: missing variables: call evaluate(recipe, variables, ...) or evaluate(run, ...)")
    if isinstance(trained, Recipe):
        recipe = trained
    elif source is None:
        raise ZooError("evaluate: missing source=..., which a network without a recipe needs")
    else:
        model, recipe = trained, None
    settings = _settings_of_network(trained, source) if recipe is None else _settings_of_recipe(recipe)
    if isinstance(source, Dataset):
        if split is not None:
            raise ZooError(f"evaluate: split={split!r} needs data by name; a Dataset is evaluated on its eval split")
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
        assert recipe is not None  # otherwise `trained` is the model
        network = create_network(recipe, dataset, mesh)
    pipeline = _pipeline(dataset, dataset.eval, settings.transforms, on_corrupt)
    if statistics is None:
        selected, _ = select(settings.data, dataset)
        train = _pipeline(selected, selected.train, settings.transforms, on_corrupt, decode_ahead=False)
        statistics = measure(settings.normalization, settings.data, selected, train, pipeline, _no_progress)
    input_shape = augment.output_shape(pipeline.transforms, pipeline.image_shape)
    abstract = abstract_variables(network, input_shape, len(dataset.class_names))
    if mismatches := _mismatches(variables, abstract):
        raise ZooError(f"the variables do not match the network for {dataset.spec}: {'; '.join(mismatches)}")
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


def _pipeline(dataset, split, transforms, on_corrupt, decode_ahead=True):
    return make_pipeline(
        split,
        transforms,
        channels=dataset.channels,
        num_classes=len(dataset.class_names),
        on_corrupt=on_corrupt,
        decode_ahead=decode_ahead,
    )


def _open(data, source, split, feature_names):
    """Opens the data to evaluate on: the evaluation split of the training data, or all of another source."""
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
    """The settings of an evaluation, apart from the network and its variables."""

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
        raise ZooError(f"{type(network).__name__} is not a network of the zoo: call evaluate(recipe, ..., model=model)")
    spec = source if isinstance(source, str) else source.spec
    transforms = (Resize(find_entry(name).input_shape[0]), Normalize())
    return _Settings(transforms, ChannelMeanStd(), Data(spec), SoftmaxCrossEntropy(), batch_size=64)


def _mismatches(found, wanted):
    """Describes the first few variables that are missing, unexpected or of the wrong shape."""
    found, wanted = (
        {"/".join(path): list(leaf.shape) for path, leaf in traverse_util.flatten_dict(tree).items()}
        for tree in (found, wanted)
    )
    differing = [name for name in sorted({**found, **wanted}) if found.get(name) != wanted.get(name)]
    return [f"{name} is {found.get(name, 'missing')}, expected {wanted.get(name, 'none')}" for name in differing[:5]]
