"""Whether recipe, data and network fit together, and the experiment that they make."""

import dataclasses
import fnmatch
import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import traverse_util
from jax.sharding import Mesh

from zoo import parallel
from zoo.data import augment, features, imbalance
from zoo.data.dataset import Dataset, check_dataset, check_trainable
from zoo.data.inspection import inspect
from zoo.data.normalization import Statistics
from zoo.data.pipeline import Corrupt, make_pipeline
from zoo.data.selection import check_all_values, check_kind, select
from zoo.data.statistics import measure_split
from zoo.errors import ZooError
from zoo.layers.lowering import lowering_of_programs
from zoo.models.registry import create_model
from zoo.recipe import Recipe
from zoo.recipe.metric import TOP5_CLASSES
from zoo.training.experiment import Experiment
from zoo.training.interruption import SkippedImages
from zoo.training.run.environment import memory
from zoo.training.step.freezing import around_optimizer, frozen_parameters
from zoo.training.step.initialization import distribution_of, own_initializers
from zoo.training.step.optimizer import make_optimizer
from zoo.training.step.schedule import learning_rate
from zoo.training.transfer import load_start

LARGEST_INITIAL_FRACTION = 0.5  # of an average of weights


def prepare(
    recipe: Recipe,
    dataset: Dataset,
    *,
    model: nn.Module | None = None,
    mesh: Mesh | None = None,
    strategy: str = "shard_map",
    on_corrupt: Callable[[Corrupt], None] | None = None,
    on_progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    known_statistics: Statistics | None = None,
    training: bool = True,
    decode_ahead: bool = True,
    workers: int = 0,
    steps_per_execution: int = 1,
) -> Experiment:
    """Checks that recipe, data and network fit together, reads what has to be read, and measures the statistics.

    Args:
      recipe: what to do.
      dataset: opened with `zoo.data.sources.open_source`.
      model: a network of one's own instead of the recipe's.
      mesh: devices; all there are if None.
      strategy: see `zoo.parallel.data_parallel`.
      on_corrupt: called for each image that cannot be decoded; None counts them against the recipe's limit.
      on_progress: called as (what, images done, images in all) while images are decoded.
      known_statistics: of an earlier run, instead of measuring them.
      training: whether it will train: if not, training images are read only as far as statistics need them.
      decode_ahead: whether to decode at once what fits in memory and is gone through again and again.
      workers: processes that decode; 0 for threads of this one.
      steps_per_execution: see `Experiment`.

    Raises:
      ZooError: they do not fit together, or too many images cannot be decoded.
    """
    mesh = mesh or parallel.make_mesh()
    on_corrupt = on_corrupt or SkippedImages(recipe.data, len(dataset.train) + len(dataset.eval), None)
    parallel.check_strategy(strategy)
    parallel.check_batch_size(
        recipe.budget.batch_size, mesh, recipe.budget.accumulation, pairs=recipe.augmentation.mixing is not None
    )
    check_dataset(dataset)
    check_kind(dataset, recipe.normalization)
    check_all_values(dataset, recipe.data.missing)
    if training:
        check_trainable(dataset)
        dataset = dataclasses.replace(dataset, notes=(*dataset.notes, *inspect(dataset)))
    validation = None
    if training or known_statistics is None:
        dataset, validation = select(recipe.data, dataset)
    classes = len(dataset.class_names)
    _check_metrics(recipe, classes)
    if recipe.model.num_classes not in (None, classes):
        raise ZooError(f"model.num_classes is {recipe.model.num_classes}, but {dataset.spec} has {classes} classes")
    network = model
    if network is None:
        dtype = getattr(recipe.precision, mesh.devices.flat[0].platform, recipe.precision.cpu)
        network = create_model(recipe.model.name, classes, jnp.dtype(dtype), **recipe.model.options)

    def pipeline_of(name, split, transforms):
        return make_pipeline(
            split,
            transforms,
            channels=dataset.channels,
            num_classes=classes,
            on_corrupt=on_corrupt,
            on_progress=lambda done: on_progress(f"reading {name} images", done, len(split)),
            workers=workers,
            decode_ahead=decode_ahead and (training or name == "eval"),
        )

    train_pipeline = pipeline_of("train", dataset.train, recipe.augmentation.train)
    if steps_per_execution != 1 and not train_pipeline.resident:
        raise ZooError(
            f"steps_per_execution is {steps_per_execution}, which is for data that is kept on the devices: {dataset.spec} is"
            " too large for them, or its images are cut out at random; leave it at 1"
        )
    eval_pipeline = pipeline_of("eval", dataset.eval, recipe.augmentation.eval)
    validation_pipeline = pipeline_of("validation", validation, recipe.augmentation.eval) if validation else None
    input_shape = augment.output_shape(train_pipeline.transforms, train_pipeline.image_shape)
    with own_initializers() as recorded:
        variables = _check_network(network, input_shape, classes)
    params = traverse_util.flatten_dict(variables["params"], sep="/")
    _check_sizes(recipe, params, input_shape, mesh)
    heads = getattr(network, "aux_heads", False)
    if training and heads != (recipe.auxiliary_weight is not None) and (heads or model is None):
        raise ZooError(
            f"auxiliary_weight is {recipe.auxiliary_weight} and the network's aux_heads are {heads}: a recipe has both, as in"
            " model.options.aux_heads=True, or neither"
        )
    if model is None:  # the patterns of a recipe are for the layers of its own network
        _check_patterns(recipe, params)
    start = None
    if recipe.transfer and training:
        start = load_start(recipe.transfer, network, variables, input_shape, classes)
    frozen = frozen_parameters(recipe.transfer, params, start.drawn if start else ())
    measured = known_statistics
    if measured is None and dataset.feature_names is not None:
        measured = features.measure(recipe.normalization, recipe.data.missing, recipe.data.outliers, dataset)
    elif measured is None:
        measured = measure_split(
            recipe.normalization, dataset.train, train_pipeline, eval_pipeline, on_corrupt, on_progress, workers
        )
    weights = None
    if training:
        train_pipeline = imbalance.resample(recipe.imbalance, train_pipeline, measured)
        weights = imbalance.class_weights(recipe.imbalance, train_pipeline, dataset.class_names)
    total_steps = recipe.budget.total_steps(train_pipeline.epoch)
    _check_average(recipe.weight_average, total_steps)
    rate = learning_rate(recipe.schedule, total_steps)
    return Experiment(
        recipe=recipe,
        dataset=dataset,
        mesh=mesh,
        model=network,
        train_pipeline=train_pipeline,
        eval_pipeline=eval_pipeline,
        validation_pipeline=validation_pipeline,
        statistics=measured,
        class_weights=weights,
        input_shape=input_shape,
        total_steps=total_steps,
        optimizer=around_optimizer(
            make_optimizer(recipe.optimizer, recipe.regularization, rate, recipe.clipping), recipe.transfer, frozen
        ),
        learning_rate=rate,
        strategy=strategy,
        convolution=lowering_of_programs(mesh.devices.flat[0].platform),
        own_initializers=recorded,
        start=start,
        frozen=frozen,
        steps_per_execution=steps_per_execution,
    )


def _check_metrics(recipe, classes):
    for field in ("target", "early_stopping", "schedule"):
        if getattr(getattr(recipe, field), "metric", None) == "top5" and classes < TOP5_CLASSES:
            raise ZooError(
                f"{field}.metric is top5, which takes {TOP5_CLASSES} classes or more, and here are {classes}"
            )


def _check_network(network, input_shape, classes):
    """Traces the network once, for its own complaints about the image and for the number of its logits; its variables."""

    def init():
        return network.init_with_output(jax.random.key(0), jnp.zeros((1, *input_shape)), train=False)

    logits, variables = jax.eval_shape(init)
    if logits.shape != (1, classes):
        raise ZooError(
            f"{type(network).__name__} gives {list(logits.shape[1:])} logits an image, and the data has {classes} classes"
        )
    return variables


def _check_sizes(recipe, params, input_shape, mesh):
    """What is empty, and what no memory has room for, is said before it is allocated."""
    for path, parameter in params.items():
        if 0 in parameter.shape:
            raise ZooError(f"{path} would have the shape {list(parameter.shape)}: a layer of the network has no width")
    room = memory(mesh.devices.flat[0])
    if room is None:
        return
    weights = 4 * sum(math.prod(parameter.shape) for parameter in params.values())
    batch = 4 * math.prod(input_shape) * recipe.budget.batch_size // (recipe.budget.accumulation * mesh.size)
    for what, needed, remedy in (
        ("the parameters and their gradients", 2 * weights, "a smaller network"),
        ("the images of a step", batch, "a smaller budget.batch_size, or a larger budget.accumulation"),
    ):
        if needed > room:
            raise ZooError(
                f"{what} take {needed / 1e9:,.1f} GB, and there are {room / 1e9:,.1f} GB of memory: choose {remedy}"
            )


def _check_average(averaging, total_steps):
    if averaging is None or averaging.ramp:
        return
    initial = averaging.decay**total_steps  # the part of the initial weights in what is evaluated at the end
    if initial > LARGEST_INITIAL_FRACTION:
        raise ZooError(
            f"weight_average.decay is {averaging.decay:g}: after {total_steps:,} steps {initial:.0%} of the average would be"
            " initial weights; set weight_average.ramp=True, a smaller decay, or weight_average=None"
        )


def _penalized(regularization):
    return regularization.weight_decay or regularization.l1


def _check_patterns(recipe, params):
    for field, patterns in (
        ("initialization.exceptions", recipe.initialization.exceptions),
        ("regularization.decayed", recipe.regularization.decayed if _penalized(recipe.regularization) else ()),
    ):
        for pattern in patterns:
            if not any(fnmatch.fnmatchcase(path, pattern) for path in params):
                raise ZooError(f"{field}: no parameter of {recipe.model.name} matches {pattern!r}")
    for path, parameter in params.items():
        distribution = distribution_of(recipe.initialization, path)
        if distribution and distribution.of_kernels and parameter.ndim < 2:
            raise ZooError(f"initialization: {path} is a vector, and {type(distribution).__name__} is for kernels")
