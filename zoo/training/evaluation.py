"""Counts how often a network is right, every example exactly once."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, overload

import flax.linen as nn
import jax
import numpy as np
from flax import traverse_util
from jax.sharding import Mesh

from zoo import parallel
from zoo.data.dataset import Dataset
from zoo.data.names import similar_name_hint
from zoo.data.normalization import Statistics
from zoo.data.pipeline import Corrupt, InputPipeline, evaluation_batches
from zoo.data.selection import with_classes
from zoo.data.sources import check_spec, open_data
from zoo.errors import ZooError, listed, short, shown
from zoo.models.registry import find_entry, name_of
from zoo.recipe import (
    SGD,
    Augmentation,
    Budget,
    ChannelMeanStd,
    ConstantRate,
    Data,
    Initialization,
    Model,
    Normalize,
    Recipe,
    Regularization,
    Resize,
)
from zoo.training.prepare import prepare
from zoo.training.step.objective import Sums
from zoo.training.step.step import Constants

LARGER = 4  # without a backward pass there is room for it, and large weights are read less often
BY_CLASS = ("recall", "confusion")  # the metrics that are lists, and too long for a line of records


def evaluate_pipeline(
    eval_step: Callable,
    variables: dict[str, Any],
    constants: Constants,
    pipeline: InputPipeline,
    mesh: Mesh,
    *,
    batch_size: int,
    indices: np.ndarray | None = None,
    on_corrupt: Callable[[Corrupt], None] = lambda corrupt: None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    workers: int = 0,
) -> dict[str, Any]:
    """Evaluates on a split.

    Args:
      eval_step: from `Experiment.eval_step`.
      variables: of the network.
      constants, pipeline: of the split; see `Experiment`.
      mesh: devices.
      batch_size: of training, or of a part of its batches, all devices together; here, batches are up to `LARGER` times
        as large.
      indices: the examples to take; None for all.
      on_corrupt: called for each image that cannot be decoded; it is not counted.
      on_progress: called as (examples done, examples in all); what it raises ends the evaluation.
      workers: processes that decode; 0 for threads of this one.

    Returns:
      Numbers: `loss` (mean of the recipe's), `top1` (accuracy), `balanced_accuracy` (mean over classes), `majority` (share
      of the most frequent class, which is the accuracy of always answering it), `examples` (how many were counted) and,
      for ten classes or more, `top5` (how often the class is among the five largest logits).

      Lists, named in `BY_CLASS`: `recall`, the share of right answers for each class, None where there is no example;
      and for up to 100 classes `confusion`, a list for each class with the number of its examples by answer.
    """
    total = len(pipeline.split) if indices is None else len(indices)
    batch_size *= min(LARGER, math.ceil(total / batch_size))
    batches = evaluation_batches(
        pipeline,
        batch_size,
        indices,
        on_corrupt=on_corrupt,
        host=jax.process_index(),
        hosts=jax.process_count(),
        workers=workers,
    )
    totals: Sums | None = None
    for done, batch in enumerate(batches, start=1):
        sums = jax.device_get(eval_step(variables, constants, parallel.shard_batch(batch, mesh)))
        # Summed in float64: float32 cannot count past 16,777,216.
        sums = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), sums)
        totals = sums if totals is None else jax.tree.map(np.add, totals, sums)
        on_progress(min(done * batch_size, total), total)
    assert totals is not None  # a split has at least one example
    correct, count = totals.correct, totals.count
    examples = max(float(count.sum()), 1.0)
    recall = [float(right / number) if number else None for right, number in zip(correct, count, strict=True)]
    present = [share for share in recall if share is not None]
    metrics: dict[str, Any] = {
        "loss": float(totals.loss / examples),
        "top1": float(correct.sum() / examples),
        "balanced_accuracy": float(np.mean(present)) if present else 0.0,
        "majority": float(count.max() / examples),
        "examples": int(count.sum()),
    }
    if totals.top5 is not None:
        metrics["top5"] = float(totals.top5 / examples)
    metrics["recall"] = recall
    if totals.confusion is not None:
        metrics["confusion"] = totals.confusion.astype(int).tolist()
    return metrics


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
        model, recipe = trained, _plain_recipe(trained)
    if isinstance(source, Dataset):
        if split is not None:
            raise ZooError(f"evaluate: split={split!r} is for data by name; a Dataset is evaluated on its eval")
        dataset = source
    else:
        dataset = _open(recipe, source, split, feature_names)
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
    experiment = prepare(
        recipe, dataset, model=model, known_statistics=statistics, training=False, on_corrupt=on_corrupt
    )
    abstract = experiment.abstract_state.variables
    if misfits := _misfits(variables, abstract):
        raise ZooError(f"the variables are not of this network for images of {dataset.spec}: {'; '.join(misfits)}")
    return evaluate_pipeline(
        experiment.eval_step,
        parallel.replicate(variables, experiment.mesh),
        experiment.constants(experiment.eval_pipeline),
        experiment.eval_pipeline,
        experiment.mesh,
        batch_size=recipe.budget.batch_size // recipe.budget.accumulation,
        on_corrupt=on_corrupt,
        on_progress=on_progress,
    )


def _open(recipe, source, split, feature_names):
    """The data to evaluate on: of what the recipe was trained on, the part that it was not."""
    if source is not None:
        check_spec(source)
    if split is None and source is not None and not _same_place(source, recipe.data.source):
        split = "whole"
    return open_data(recipe.data, source, split=split, feature_names=feature_names if split else None)


def _same_place(one, other):
    kind, _, path = one.partition(":")
    other_kind, _, other_path = other.partition(":")
    if kind != other_kind or kind not in ("folder", "csv"):
        return one == other
    return os.path.realpath(os.path.expanduser(path)) == os.path.realpath(os.path.expanduser(other_path))


def _plain_recipe(model):
    name = name_of(model)
    if name is None:
        raise ZooError(
            f"{type(model).__name__} is not one of the zoo's networks: say evaluate(recipe, ..., model=model)"
        )
    transforms = (Resize(find_entry(name).input_shape[0]), Normalize())
    return Recipe(
        model=Model(name),
        data=Data("fashion_mnist"),
        normalization=ChannelMeanStd(),
        augmentation=Augmentation(train=transforms, eval=transforms),
        initialization=Initialization(),
        optimizer=SGD(),
        schedule=ConstantRate(1.0),
        regularization=Regularization(),
        budget=Budget(batch_size=64, steps=1),
    )


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
