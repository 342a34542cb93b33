"""From a recipe to everything that a run needs: data, network, devices, compiled steps. Nothing has been trained yet."""

import fnmatch
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import traverse_util
from jax.sharding import Mesh

from zoo import parallel
from zoo.data import augment, features, sampling
from zoo.data.augment import Statistics
from zoo.data.dataset import Dataset, check_dataset
from zoo.data.loader import Corrupt, Feed, make_feed
from zoo.data.selection import check_all_values, check_kind, select
from zoo.data.statistics import measure_split
from zoo.errors import ZooError
from zoo.initialization import distribution_of, draw_parameters, own_laws
from zoo.layers.initializers import OwnLaw
from zoo.models.registry import create_model
from zoo.optimizer import make_optimizer
from zoo.recipe import Recipe, ReduceOnPlateau
from zoo.recipe.metric import TOP5_CLASSES
from zoo.schedule import learning_rate
from zoo.training.freezing import around_optimizer, frozen_parameters
from zoo.training.objective import Objective
from zoo.training.state import TrainState, create_state
from zoo.training.step import Constants, make_eval_step, make_train_step
from zoo.training.stopping import SkippedImages
from zoo.training.transfer import Start, load_start


@dataclass(frozen=True)
class Experiment:
    """A recipe with its data, its network and its devices. Its steps are compiled once, however many seeds are trained.

    Attributes:
      recipe, mesh: as given to `prepare`.
      dataset: the same, with what the recipe leaves of the training split.
      model: the network, with as many classes as the data has.
      train_feed, eval_feed: the splits with the transforms that are left for the device.
      validation_feed: what was held out of the training split, for evaluations on the way; None if nothing was.
      statistics: of the training images.
      class_weights: of the loss, float32 [K]; None if all are 1.
      input_shape: (height, width, channels) that the network is fed.
      total_steps: of the run.
      optimizer, learning_rate: the recipe's, for that many steps.
      strategy: see `zoo.parallel.data_parallel`.
      laws: that the network draws its parameters by where the recipe says nothing, by path, as far as they are known.
      start: what the network starts from besides its initialization; None for nothing.
      frozen: the parameters that do not move, such as "conv1/kernel".
    """

    recipe: Recipe
    dataset: Dataset
    mesh: Mesh
    model: nn.Module
    train_feed: Feed
    eval_feed: Feed
    validation_feed: Feed | None
    statistics: Statistics
    class_weights: np.ndarray | None
    input_shape: tuple[int, int, int]
    total_steps: int
    optimizer: optax.GradientTransformation
    learning_rate: Callable[[jax.Array], jax.Array]
    strategy: str
    laws: Mapping[str, OwnLaw]
    start: Start | None = None
    frozen: frozenset[str] = frozenset()

    def initial_state(self, seed: int) -> TrainState:
        """The state before the first step, on every device."""
        params = traverse_util.flatten_dict(self.abstract_state.params, sep="/")
        started = self.start.variables if self.start else {}
        left = {path: shape for path, shape in params.items() if ("params", *path.split("/")) not in started}
        drawn = draw_parameters(self.recipe.initialization, self.laws, seed, left)
        taken = {("params", *path.split("/")): values for path, values in drawn.items()} | started
        return parallel.make_replicated(self._create_state, self.mesh, jnp.uint32(seed), taken)

    @functools.cached_property
    def abstract_state(self) -> TrainState:
        """The shapes and dtypes of a state."""
        return jax.eval_shape(self._create_state, jnp.uint32(0), {})

    def _create_state(self, seed, taken):
        recipe = self.recipe
        return create_state(
            self.model,
            self.optimizer,
            seed,
            self.input_shape,
            taken=taken,
            average=recipe.weight_average is not None,
            rate_factor=isinstance(recipe.schedule, ReduceOnPlateau),
            best=recipe.early_stopping is not None,
        )

    @property
    def objective(self) -> Objective:
        """What a training step makes small."""
        recipe = self.recipe
        return Objective(
            recipe.loss, recipe.regularization.label_smoothing, recipe.auxiliary_weight, self.class_weights
        )

    def constants(self, feed: Feed) -> Constants:
        """What every step over a feed gets: statistics, and the images if they are resident."""
        images, labels = (feed.split.images, feed.split.labels) if feed.resident else (None, None)
        return parallel.replicate(Constants(self.statistics, images, labels), self.mesh)

    @functools.cached_property
    def train_step(self) -> Callable:
        """The compiled training step (state, constants, batch) -> (state, metrics); the old state is used up."""
        body = make_train_step(
            self.model,
            self.train_feed.transforms,
            self.optimizer,
            self.learning_rate,
            self.objective,
            accumulation=self.recipe.budget.accumulation,
            mixing=self.recipe.augmentation.mixing,
            weight_average=self.recipe.weight_average,
            frozen=self.frozen,
        )
        return parallel.data_parallel(body, self.mesh, donate=True, strategy=self.strategy)

    @functools.cached_property
    def eval_step(self) -> Callable:
        """The compiled evaluation step (variables, constants, batch) -> Sums, for `eval_feed`."""
        return self._eval_step(self.eval_feed)

    @functools.cached_property
    def validation_step(self) -> Callable:
        """The same for `validation_feed`, whose images may be framed elsewhere."""
        return self._eval_step(self.validation_feed)

    def _eval_step(self, feed):
        body = make_eval_step(self.model, feed.transforms, self.recipe.loss)
        return parallel.data_parallel(body, self.mesh, donate=False, strategy=self.strategy)


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

    Raises:
      ZooError: they do not fit together, or too many images cannot be decoded.
    """
    mesh = mesh or parallel.make_mesh()
    on_corrupt = on_corrupt or SkippedImages(recipe.data.corrupt_limit, None)
    parallel.check_strategy(strategy)
    parallel.check_batch_size(
        recipe.budget.batch_size, mesh, recipe.budget.accumulation, pairs=recipe.augmentation.mixing is not None
    )
    check_dataset(dataset)
    check_kind(dataset, recipe.normalization)
    check_all_values(dataset, recipe.data.missing)
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

    def feed_of(name, split, transforms):
        return make_feed(
            split,
            transforms,
            channels=dataset.channels,
            num_classes=classes,
            on_corrupt=on_corrupt,
            on_progress=lambda done: on_progress(f"reading {name} images", done, len(split)),
            workers=workers,
            decode_ahead=decode_ahead and (training or name == "eval"),
        )

    train_feed = feed_of("train", dataset.train, recipe.augmentation.train)
    eval_feed = feed_of("eval", dataset.eval, recipe.augmentation.eval)
    validation_feed = validation and feed_of("validation", validation, recipe.augmentation.eval)
    input_shape = augment.output_shape(train_feed.transforms, train_feed.image_shape)
    with own_laws() as laws:
        variables = _check_network(network, input_shape, classes)
    params = traverse_util.flatten_dict(variables["params"], sep="/")
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
            recipe.normalization, dataset.train, train_feed, eval_feed, on_corrupt, on_progress, workers
        )
    weights = None
    if training:
        train_feed = sampling.resample(recipe.imbalance, train_feed, measured)
        weights = sampling.class_weights(recipe.imbalance, train_feed, dataset.class_names)
    total_steps = recipe.budget.total_steps(train_feed.epoch)
    rate = learning_rate(recipe.schedule, total_steps)
    return Experiment(
        recipe=recipe,
        dataset=dataset,
        mesh=mesh,
        model=network,
        train_feed=train_feed,
        eval_feed=eval_feed,
        validation_feed=validation_feed,
        statistics=measured,
        class_weights=weights,
        input_shape=input_shape,
        total_steps=total_steps,
        optimizer=around_optimizer(
            make_optimizer(recipe.optimizer, recipe.regularization, rate, recipe.clipping), recipe.transfer, frozen
        ),
        learning_rate=rate,
        strategy=strategy,
        laws=laws,
        start=start,
        frozen=frozen,
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
