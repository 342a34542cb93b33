"""From a recipe to everything that a run needs: data, network, devices, compiled steps. Nothing has been trained yet."""

import dataclasses
import fnmatch
import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import traverse_util
from jax.sharding import Mesh

from zoo import parallel
from zoo.data import augment, statistics
from zoo.data.augment import Statistics
from zoo.data.dataset import Dataset, Split, check_dataset
from zoo.data.loader import Corrupt, Feed, decoded, make_feed
from zoo.errors import ZooError
from zoo.models.registry import create_model
from zoo.optimizer import learning_rate, make_optimizer
from zoo.recipe import Normalize, Recipe
from zoo.recipe.augmentation import Normalization
from zoo.training.state import TrainState, create_state
from zoo.training.step import Constants, make_eval_step, make_train_step


@dataclass(frozen=True)
class Experiment:
    """A recipe with its data, its network and its devices.

    Attributes:
      recipe, dataset, mesh: as given to `prepare`.
      model: the network, with as many classes as the data has.
      train_feed, eval_feed: the splits with the transforms that are left for the device.
      statistics: of the training images.
      input_shape: (height, width, channels) that the network is fed.
      total_steps: of the run.
      optimizer, learning_rate: the recipe's, for that many steps.
      strategy: see `zoo.parallel.data_parallel`.
    """

    recipe: Recipe
    dataset: Dataset
    mesh: Mesh
    model: nn.Module
    train_feed: Feed
    eval_feed: Feed
    statistics: Statistics
    input_shape: tuple[int, int, int]
    total_steps: int
    optimizer: optax.GradientTransformation
    learning_rate: Callable[[jax.Array], jax.Array]
    strategy: str

    def initial_state(self, seed: int) -> TrainState:
        """The state before the first step, on every device."""
        create = functools.partial(
            create_state, self.model, self.recipe.initialization, self.optimizer, input_shape=self.input_shape
        )
        return parallel.make_replicated(create, self.mesh, jnp.uint32(seed))

    def constants(self, feed: Feed) -> Constants:
        """What every step over a feed gets: statistics, and the images if they are resident."""
        images, labels = (feed.split.images, feed.split.labels) if feed.resident else (None, None)
        return parallel.replicate(Constants(self.statistics, images, labels), self.mesh)

    def train_step(self) -> Callable:
        """The compiled training step (state, constants, batch) -> (state, metrics); the old state is used up."""
        body = make_train_step(
            self.model,
            self.train_feed.transforms,
            self.optimizer,
            self.learning_rate,
            self.recipe.regularization.label_smoothing,
            self.recipe.budget.accumulation,
        )
        return parallel.data_parallel(body, self.mesh, donate=True, strategy=self.strategy)

    def eval_step(self) -> Callable:
        """The compiled evaluation step (variables, constants, batch) -> Sums."""
        body = make_eval_step(self.model, self.eval_feed.transforms)
        return parallel.data_parallel(body, self.mesh, donate=False, strategy=self.strategy)


def prepare(
    recipe: Recipe,
    dataset: Dataset,
    *,
    model: nn.Module | None = None,
    mesh: Mesh | None = None,
    strategy: str = "shard_map",
    on_corrupt: Callable[[Corrupt], None] = lambda corrupt: None,
    on_progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    known_statistics: Statistics | None = None,
    training: bool = True,
    workers: int = 0,
) -> Experiment:
    """Checks that recipe, data and network fit together, reads what has to be read, and measures the statistics.

    Args:
      recipe: what to do.
      dataset: opened with `zoo.data.sources.open_source`.
      model: a network of one's own instead of the recipe's.
      mesh: devices; all there are if None.
      strategy: see `zoo.parallel.data_parallel`.
      on_corrupt: called for each image that cannot be decoded.
      on_progress: called as (what, images done, images in all) while images are decoded.
      known_statistics: of an earlier run, instead of measuring them.
      training: whether it will train: if not, training images are read only as far as statistics need them.
      workers: processes that decode; 0 for threads of this one.

    Raises:
      ZooError: they do not fit together.
    """
    mesh = mesh or parallel.make_mesh()
    parallel.check_strategy(strategy)
    parallel.check_batch_size(recipe.budget.batch_size, mesh, recipe.budget.accumulation)
    check_dataset(dataset)
    classes = len(dataset.class_names)
    if recipe.model.num_classes not in (None, classes):
        raise ZooError(f"model.num_classes is {recipe.model.num_classes}, but {dataset.spec} has {classes} classes")
    network = model
    if network is None:
        dtype = getattr(recipe.precision, mesh.devices.flat[0].platform, recipe.precision.cpu)
        network = create_model(recipe.model.name, classes, jnp.dtype(dtype), **recipe.model.options)

    def feed_of(name):
        split = getattr(dataset, name)
        return make_feed(
            split,
            getattr(recipe.augmentation, name),
            channels=dataset.channels,
            num_classes=classes,
            on_corrupt=on_corrupt,
            on_progress=lambda done: on_progress(f"reading {name} images", done, len(split)),
            workers=workers,
            decode_ahead=training or name == "eval",
        )

    train_feed, eval_feed = feed_of("train"), feed_of("eval")
    input_shape = augment.output_shape(train_feed.transforms, train_feed.image_shape)
    params = _check_network(network, input_shape, classes)
    if model is None:  # the patterns of a recipe are for the layers of its own network
        _check_patterns(recipe, params)
    measured = known_statistics or measure_statistics(
        recipe.normalization, dataset.train, train_feed, eval_feed, on_corrupt, on_progress, workers
    )
    total_steps = recipe.budget.total_steps(len(train_feed.split))
    rate = learning_rate(recipe.schedule, total_steps)
    return Experiment(
        recipe=recipe,
        dataset=dataset,
        mesh=mesh,
        model=network,
        train_feed=train_feed,
        eval_feed=eval_feed,
        statistics=measured,
        input_shape=input_shape,
        total_steps=total_steps,
        optimizer=make_optimizer(recipe.optimizer, recipe.regularization, rate),
        learning_rate=rate,
        strategy=strategy,
    )


def _check_network(network, input_shape, classes):
    """Traces the network once, for its own complaints about the image and for the number of its logits; its parameters."""

    def init():
        return network.init_with_output(jax.random.key(0), jnp.zeros((1, *input_shape)), train=False)

    logits, variables = jax.eval_shape(init)
    if logits.shape != (1, classes):
        raise ZooError(
            f"{type(network).__name__} gives {list(logits.shape[1:])} logits an image, and the data has {classes} classes"
        )
    return traverse_util.flatten_dict(variables["params"], sep="/")


def _check_patterns(recipe, params):
    for field, patterns in (
        ("initialization.exceptions", recipe.initialization.exceptions),
        ("regularization.decayed", recipe.regularization.decayed if recipe.regularization.weight_decay else ()),
    ):
        for pattern in patterns:
            if not any(fnmatch.fnmatchcase(path, pattern) for path in params):
                raise ZooError(f"{field}: no parameter of {recipe.model.name} matches {pattern!r}")


def measure_statistics(
    normalization: Normalization,
    train: Split,
    train_feed: Feed,
    eval_feed: Feed,
    on_corrupt: Callable[[Corrupt], None],
    on_progress: Callable[[str, int, int], None],
    workers: int,
) -> Statistics:
    """Statistics of training images as evaluation frames them, which is the same each time."""
    sample = statistics.sample_size(normalization)
    if train_feed.resident and train_feed.framing == eval_feed.framing:
        images = train_feed.split.images
        images = images[statistics.sample_indices(len(images), sample)]
        batches = np.array_split(images, max(1, images.size // 2**24))
    else:
        indices = statistics.sample_indices(len(train), sample)
        batches = _images(dataclasses.replace(eval_feed, split=train), indices, on_corrupt, on_progress, workers)
    measured = statistics.measure(normalization, batches)
    if measured.mean.ndim == 3:  # a mean image goes the way of the images up to Normalize()
        before = itertools.takewhile(lambda transform: not isinstance(transform, Normalize), eval_feed.transforms)
        mean = augment.apply(tuple(before), measured.mean, jax.random.key(0), measured)
        measured = measured._replace(mean=jax.device_get(mean))
    return measured


def _images(feed, indices, on_corrupt, on_progress, workers):
    done = 0
    for images, _ in decoded(feed, indices, on_corrupt, workers):
        yield images
        done += len(images)
        on_progress("measuring training images", done, len(indices))
