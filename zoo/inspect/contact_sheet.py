"""Contact sheets: training images as the network receives them, and the same images without augmentation."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.pipeline import Corrupt, evaluation_batches, make_pipeline, training_batches
from zoo.errors import ZooError, printable
from zoo.picture_files import save_picture
from zoo.recipe import Recipe, TenCrop
from zoo.training.prepare.data import check_kinds, prepare_data
from zoo.training.step.inputs import inputs_and_labels, make_constants, mixed_inputs, step_keys
from zoo.training.step.state import TrainState

COLUMNS = 6
MAX_LINE_LENGTH = 26  # characters that fit above an image


class Example(NamedTuple):
    """One training image.

    Attributes:
      plain: resized and cropped as in evaluation, float32 [H, W, C] from 0 to 255.
      received: as the network receives it in training, but with normalization undone, float32 [H', W', C].
      class_name: of the plain image.
      parts: for a mixed image, its two classes with their fractions, a line each; otherwise empty.
    """

    plain: np.ndarray
    received: np.ndarray
    class_name: str
    parts: str


def first_examples(
    recipe: Recipe,
    dataset: Dataset,
    count: int,
    *,
    seed: int = 0,
    on_corrupt: Callable[[Corrupt], None] = lambda corrupt: None,
    on_progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> list[Example]:
    """Returns the first `count` images of the first training step with this seed, without corrupt images.

    Args:
      recipe, dataset, seed: see `zoo.fit`.
      count: at most the batch size of the recipe.
      on_corrupt: called for each of the images that cannot be decoded.
      on_progress: called as (activity, images done, total images) while statistics are measured.

    Raises:
      ZooError: recipe and data do not match, or a step has fewer images.
    """
    if count > recipe.budget.batch_size:
        raise ZooError(f"the first step has {recipe.budget.batch_size} images (budget.batch_size), not {count}")
    check_kinds(dataset, recipe.normalization, recipe.data)
    if dataset.feature_names is not None:
        raise ZooError(f"{dataset.spec} has vectors of features, which cannot be drawn: choose a data set of images")
    data = prepare_data(
        recipe,
        dataset,
        known_statistics=None,
        on_corrupt=_ignore,  # only images that are drawn are reported
        on_progress=on_progress,
        workers=0,
        decode_ahead=False,
    )
    dataset, measured, augmentation = data.dataset, data.statistics, recipe.augmentation
    train_pipeline = dataclasses.replace(data.train_pipeline, on_corrupt=on_corrupt)
    plain_pipeline = make_pipeline(
        dataset.train,
        tuple(each for each in augmentation.eval if not isinstance(each, TenCrop)),
        channels=dataset.channels,
        num_classes=len(dataset.class_names),
        on_corrupt=_ignore,
        decode_ahead=False,
    )
    unmeasured = measured._replace(mean=jnp.zeros(dataset.channels), scale=jnp.ones(dataset.channels))
    # A mean image cannot be added back after later transforms, so it is not subtracted in the first place.
    shown = unmeasured if measured.mean.ndim == 3 else measured

    batch = next(training_batches(train_pipeline, count + count % 2, seed=seed))
    key, _ = step_keys(
        TrainState(
            jnp.int32(0), jnp.uint32(seed), params=None, batch_stats=None, opt_state=None, failed=jnp.bool_(False)
        )
    )
    constants = make_constants(shown, train_pipeline)
    images, labels, coefficient = jax.jit(mixed_inputs, static_argnums=(0, 1))(
        train_pipeline.transforms, augmentation.mixing, constants, batch, key
    )
    received = np.asarray(images * shown.scale + shown.mean)
    plain_batch = next(evaluation_batches(plain_pipeline, len(batch.index), batch.index))
    plain, _ = jax.jit(inputs_and_labels, static_argnums=0)(
        plain_pipeline.transforms, make_constants(unmeasured, plain_pipeline), plain_batch, key
    )
    names = [printable(dataset.class_names[label]) for label in np.asarray(labels)]
    examples = [
        Example(*pictures, names[place], _parts(names, place, coefficient))
        for place, pictures in enumerate(zip(np.asarray(plain), received, strict=True))
        if batch.weight[place]
    ]
    return examples[:count]


def _ignore(corrupt):
    pass


def _parts(names, place, coefficient):
    if coefficient is None or coefficient[place] == 1:
        return ""
    own = float(coefficient[place])
    return f"{own:.2f} {names[place]}\n{1 - own:.2f} {names[place ^ 1]}"


def draw_contact_sheet(examples: Sequence[Example], path: Path, *, title: str) -> None:
    """Draws each image above the network's input made from it, to a PNG file.

    Args:
      examples: from `first_examples`.
      path: of the PNG file.
      title: of the sheet.

    Raises:
      ZooError: there are no examples.
    """
    from matplotlib.figure import Figure

    if not examples:
        raise ZooError("no images to draw: none of them could be decoded")
    columns = min(COLUMNS, len(examples))
    rows = -(-len(examples) // columns)
    figure = Figure(figsize=(1.7 * columns + 0.4, 3.9 * rows + 0.6), layout="constrained", dpi=120)
    figure.suptitle(title, fontsize=9)
    cells = figure.subplots(2 * rows, columns, squeeze=False)
    for axes in cells.flat:
        axes.set_axis_off()
    for number, example in enumerate(examples):
        row, column = divmod(number, columns)
        above, below = cells[2 * row, column], cells[2 * row + 1, column]
        above.set_title(_shortened(example.class_name), fontsize=8)
        below.set_title(_shortened(example.parts), fontsize=8)
        for axes, image in ((above, example.plain), (below, example.received)):
            pixels = np.clip(image, 0, 255).astype(np.uint8)
            axes.imshow(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, cmap="gray", vmin=0, vmax=255)
    save_picture(figure, path)


def _shortened(text):
    lines = (line if len(line) <= MAX_LINE_LENGTH else f"{line[: MAX_LINE_LENGTH - 1]}…" for line in text.splitlines())
    return "\n".join(lines)
