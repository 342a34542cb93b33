"""Preparation of a run: makes an experiment from a recipe, data, a network and devices."""

from collections.abc import Callable

import flax.linen as nn
import jax
import optax
from jax.sharding import Mesh

from zoo import parallel
from zoo.data import augment
from zoo.data.dataset import Dataset
from zoo.data.normalization import Statistics
from zoo.data.pipeline import Corrupt
from zoo.errors import ZooError
from zoo.layers.lowering import lowering_of_programs
from zoo.recipe import Recipe
from zoo.recipe.metric import TOP5_CLASSES
from zoo.training.experiment import Experiment
from zoo.training.interruption import SkippedImages
from zoo.training.prepare.data import Progress, check_kinds, prepare_data
from zoo.training.prepare.network import create_network, prepare_network
from zoo.training.step.freezing import freeze_and_scale
from zoo.training.step.optimizer import make_optimizer
from zoo.training.step.schedule import learning_rate
from zoo.training.transfer import check_start

MAX_INITIAL_FRACTION = 0.5  # of the initial weights in the average at the end of a run


def prepare(
    recipe: Recipe,
    dataset: Dataset,
    *,
    model: nn.Module | None = None,
    mesh: Mesh | None = None,
    strategy: str = "shard_map",
    on_corrupt: Callable[[Corrupt], None] | None = None,
    on_progress: Progress = lambda what, done, total: None,
    known_statistics: Statistics | None = None,
    decode_ahead: bool = True,
    workers: int = 0,
    steps_per_execution: int = 1,
) -> Experiment:
    """Prepares data, network and optimizer, and checks that they match.

    Args:
      recipe: of the run.
      dataset: opened with `zoo.data.sources.open_source`.
      model: a custom network instead of the recipe's.
      mesh: devices; None for all.
      strategy: see `zoo.parallel.data_parallel`.
      on_corrupt: called for each image that cannot be decoded; None counts them against the recipe's limits.
      on_progress: called as (activity, images done, total images) while images are decoded.
      known_statistics: statistics from an earlier start of the run; None to measure them.
      decode_ahead: whether to decode in advance the images that fit in memory and are read in every epoch.
      workers: number of processes that decode images; 0 for threads of this process.
      steps_per_execution: see `Experiment`.

    Raises:
      ZooError: the arguments do not match, or too many images cannot be decoded.
    """
    check_start(recipe)
    mesh = mesh or parallel.make_mesh()
    parallel.check_strategy(strategy)
    parallel.check_batch_size(
        recipe.budget.batch_size, mesh, recipe.budget.accumulation, pairs=recipe.augmentation.mixing is not None
    )
    check_kinds(dataset, recipe.normalization, recipe.data)
    _check_metrics(recipe, len(dataset.class_names))
    network = create_network(recipe, dataset, mesh) if model is None else model
    data = prepare_data(
        recipe,
        dataset,
        known_statistics=known_statistics,
        on_corrupt=on_corrupt or SkippedImages(recipe.data, len(dataset.train) + len(dataset.eval), None),
        on_progress=on_progress,
        workers=workers,
        decode_ahead=decode_ahead,
    )
    train = data.train_pipeline
    if steps_per_execution != 1 and not train.resident:
        raise ZooError(
            f"steps_per_execution is {steps_per_execution}, but {dataset.spec} is not resident on the devices: it is"
            " too large, or its images are cropped at random; set steps_per_execution to 1"
        )
    input_shape = augment.output_shape(train.transforms, train.image_shape)
    classes = len(dataset.class_names)
    prepared = prepare_network(recipe, network, input_shape, classes, mesh, custom=model is not None)
    total_steps = recipe.budget.total_steps(train.epoch)
    _check_average(recipe.weight_average, total_steps)
    optimizer, rate = make_updates(recipe, total_steps, prepared.frozen)
    return Experiment(
        recipe=recipe,
        mesh=mesh,
        **vars(data),
        **prepared._asdict(),
        input_shape=input_shape,
        total_steps=total_steps,
        optimizer=optimizer,
        learning_rate=rate,
        strategy=strategy,
        convolution=lowering_of_programs(mesh.devices.flat[0].platform),
        steps_per_execution=steps_per_execution,
    )


def make_updates(
    recipe: Recipe, total_steps: int, frozen: frozenset[str]
) -> tuple[optax.GradientTransformation, Callable[[jax.Array], jax.Array]]:
    """Returns the optimizer of a recipe and its learning rate as a function of the step, for a run of some steps."""
    rate = learning_rate(recipe.schedule, total_steps)
    optimizer = make_optimizer(recipe.optimizer, recipe.regularization, rate, recipe.clipping)
    return freeze_and_scale(optimizer, recipe.transfer, frozen), rate


def _check_metrics(recipe, classes):
    for field in ("target", "early_stopping", "schedule"):
        if getattr(getattr(recipe, field), "metric", None) == "top5" and classes < TOP5_CLASSES:
            raise ZooError(
                f"{field}.metric is top5, which needs at least {TOP5_CLASSES} classes; the data has {classes}"
            )


def _check_average(averaging, total_steps):
    if averaging is None or averaging.ramp:
        return
    initial = averaging.decay**total_steps  # weight of the initial weights in the final average
    if initial > MAX_INITIAL_FRACTION:
        raise ZooError(
            f"weight_average.decay is {averaging.decay:g}: after {total_steps:,} steps, {initial:.0%} of the average"
            " would still be initial weights; set weight_average.ramp=True, a smaller decay, or weight_average=None"
        )
