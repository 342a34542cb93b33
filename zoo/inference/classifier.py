"""A trained network with everything that is needed to classify images, or rows of a table."""

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
from scipy.special import expit, softmax

from zoo.data import augment
from zoo.data.normalization import Statistics
from zoo.data.pipeline import Batch, Corrupt, InputPipeline, evaluation_batches, make_pipeline
from zoo.data.resize_crop import output_size, split_host_transforms
from zoo.data.split import Split
from zoo.errors import ZooError, short
from zoo.inference.examples import open_examples
from zoo.inference.origin import Origin
from zoo.layers.lowering import convolution_lowering, lowering_of_programs
from zoo.recipe import Model, SigmoidCrossEntropy, SoftmaxCrossEntropy
from zoo.recipe.augmentation import Transform
from zoo.recipe.loss import Loss
from zoo.training.step.inputs import Constants
from zoo.training.step.step import logits_and_labels

SOFTMAX = SoftmaxCrossEntropy()
BATCH_SIZE = 32  # as many images as a CPU computes in about a second with the larger networks
Examples = str | os.PathLike[str] | np.ndarray | Sequence[str | os.PathLike[str]] | Sequence[np.ndarray]


class Prediction(NamedTuple):
    """The most probable classes of an example.

    Attributes:
      example: the path of its file, "FILE, line N" of a table, or "image N" of arrays.
      classes: names of the classes, the most probable first.
      probabilities: of these classes. They are the softmax of the logits; for a network that was trained with
        `SigmoidCrossEntropy` their sigmoid, which does not sum to 1.
    """

    example: str
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Classifier:
    """A trained network with the preprocessing of its evaluation; made by `zoo.load_classifier`.

    Images pass through the code that `zoo.evaluate` evaluates with: files are decoded, resized and cropped on the host,
    as those of a folder, and batches of arrays are resized by the transforms on the device, as a data set in memory.

    Attributes:
      network: the flax module; its dtype is that of the computation.
      variables: {"params": ..., "batch_stats": ...}.
      transforms: of evaluation, from the decoded image to the network's input, with `Normalize()`.
      statistics: that `Normalize()` normalizes with.
      class_names: logit i is for the class `class_names[i]`.
      feature_names: names of the columns of a table that the network takes; None for images.
      architecture: the name and options by which `zoo.create_model` creates the network; None for a custom one.
      loss: that the network was trained with.
      origin: where the weights are from.
    """

    network: nn.Module
    variables: dict[str, Any] = field(repr=False)
    transforms: tuple[Transform, ...]
    statistics: Statistics = field(repr=False)
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...] | None = None
    architecture: Model | None = None
    loss: Loss = SOFTMAX
    origin: Origin | None = None

    @property
    def channels(self) -> int:
        """Number of channels of an image, or of features."""
        return int(np.shape(self.statistics.scale)[-1])

    @functools.cached_property
    def host_and_device_transforms(self) -> tuple[tuple[Transform, ...], tuple[Transform, ...]]:
        """The transforms that bring an image of any size to `image_shape`, and those of the program after them.

        Raises:
          ZooError: the transforms do not fix the size.
        """
        return ((), self.transforms) if self.feature_names else split_host_transforms(self.transforms)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape (height, width, channels) of images after resize and crop; (1, 1, features) for features."""
        host, _ = self.host_and_device_transforms
        size = output_size(host) if host else 1
        return size, size, self.channels

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape (height, width, channels) of the network's input."""
        _, device = self.host_and_device_transforms
        return augment.output_shape(device, self.image_shape)

    def open(self, examples: Examples) -> Split:
        """Opens examples, see `logits`, without reading the images.

        Raises:
          ZooError: a file does not exist, or the examples are of another kind than the network takes.
        """
        return open_examples(
            examples, channels=self.channels, feature_names=self.feature_names, fills=self.statistics.fill is not None
        )

    def logits(self, examples: Examples, *, batch_size: int = BATCH_SIZE) -> np.ndarray:
        """Computes the logits of images or rows, float32 [N, classes].

        Args:
          examples: the path of an image, or a list of such paths; a folder means all images below it. Or uint8 images:
            [H, W, C], a list of those of different sizes, or a batch [N, H, W, C]. For a network of features, the path
            of a CSV file, or float32 rows [N, F].
          batch_size: number of examples that are computed together.

        Raises:
          ZooError: an image cannot be decoded, or as `open`.
        """
        split = self.open(examples)
        found = [logits for _, logits in self.batches(split, batch_size=batch_size, on_corrupt=_refuse)]
        return np.concatenate(found)

    def predict(
        self,
        examples: Examples,
        top: int = 5,
        *,
        batch_size: int = BATCH_SIZE,
        on_corrupt: Callable[[Corrupt], None] | None = None,
    ) -> list[Prediction]:
        """Returns the `top` most probable classes of each image or row, see `logits`.

        Args:
          examples, batch_size: as in `logits`.
          top: number of classes, at most all.
          on_corrupt: called for each image that cannot be decoded, which is then left out; None to raise an error.
        """
        return list(self.predictions(self.open(examples), top, batch_size=batch_size, on_corrupt=on_corrupt or _refuse))

    def predictions(
        self, split: Split, top: int = 5, *, batch_size: int = BATCH_SIZE, on_corrupt: Callable[[Corrupt], None]
    ) -> Iterator[Prediction]:
        """Yields the predictions for examples from `open`, batch by batch."""
        for indices, logits in self.batches(split, batch_size=batch_size, on_corrupt=on_corrupt):
            scores = expit(logits) if isinstance(self.loss, SigmoidCrossEntropy) else softmax(logits, axis=-1)
            order = np.argsort(-logits, axis=-1, kind="stable")[:, :top]
            for index, best, score in zip(indices.tolist(), order, scores, strict=True):
                names = tuple(self.class_names[label] for label in best)
                yield Prediction(split.describe(index), names, tuple(score[best].tolist()))

    def batches(
        self, split: Split, *, batch_size: int = BATCH_SIZE, on_corrupt: Callable[[Corrupt], None]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields (positions in the split, int [n]; logits, float32 [n, classes]) without images that are corrupt."""
        if not len(split):
            return
        pipeline = self.pipeline(split, on_corrupt)
        for batch in evaluation_batches(pipeline, min(batch_size, len(split))):
            good = batch.weight > 0
            yield batch.index[good], self._logits(pipeline, batch)[good]

    def pipeline(self, split: Split, on_corrupt: Callable[[Corrupt], None]) -> InputPipeline:
        """Returns the input pipeline of evaluation over examples; its batches carry the decoded images."""
        return make_pipeline(
            split,
            self.transforms,
            channels=self.channels,
            num_classes=len(self.class_names),
            on_corrupt=on_corrupt,
            decode_ahead=False,
            resident_bytes=0,
        )

    def _logits(self, pipeline: InputPipeline, batch: Batch) -> np.ndarray:
        with convolution_lowering(lowering_of_programs(jax.default_backend())):
            logits = self._program(pipeline.transforms, self._on_device, batch)
        return np.asarray(logits, np.float32)

    @functools.cached_property
    def _on_device(self) -> tuple[dict[str, Any], Statistics]:
        return jax.device_put((self.variables, self.statistics))

    @functools.cached_property
    def _program(self) -> Callable[..., jax.Array]:
        def logits(transforms, weights, batch):
            variables, statistics = weights
            constants = Constants(statistics, None, None)
            return logits_and_labels(self.network, transforms, variables, constants, batch)[0]

        return jax.jit(logits, static_argnums=0)


def _refuse(corrupt: Corrupt) -> None:
    raise ZooError(f"{short(corrupt.example)} cannot be decoded: {corrupt.reason}")
