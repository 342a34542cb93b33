"""From a split to batches: in a fixed order, from any step on, on any number of hosts."""

import dataclasses
import math
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import grain
import numpy as np
from absl import flags

from zoo.data.array_checks import check_labels
from zoo.data.decoding import CorruptImage, Picture
from zoo.data.resize_crop import frame, is_random, output_size, split_host_transforms
from zoo.data.split import ArraySplit, Split
from zoo.errors import ZooError
from zoo.recipe.augmentation import Transform

RESIDENT_BYTES = 2 * 2**30  # a split that takes no more than this as uint8 is kept on every device


class Batch(NamedTuple):
    """What one step gets; every array's first axis is this host's part of the batch, n examples.

    Attributes:
      index: int32, the example's place in the split.
      position: int32, the example's place in the global batch; its randomness comes from this.
      weight: float32, 1, or 0 for an example that only fills the batch up.
      image: uint8 [n, H, W, C], or float32 for features; None where the split is resident on the device.
      label: int32; None likewise.
    """

    index: np.ndarray  # type: ignore[assignment]  # and not the method of tuples
    position: np.ndarray
    weight: np.ndarray
    image: np.ndarray | None = None
    label: np.ndarray | None = None


@dataclass(frozen=True)
class InputPipeline:
    """A split with a recipe's transforms, ready to be batched.

    Attributes:
      split: an `ArraySplit` if it is resident, else read and decoded on the way.
      resident: whether the images are kept on the device.
      host_transforms: the transforms that the host applies, or has applied to a resident split.
      transforms: those that are left for the device.
      image_shape: (height, width, channels) of what reaches the device.
      num_classes: labels are 0 ... num_classes - 1.
      examples: the positions in the split that make an epoch of training, some perhaps twice; None for each once.
    """

    split: Split
    resident: bool
    host_transforms: tuple[Transform, ...]
    transforms: tuple[Transform, ...]
    image_shape: tuple[int, int, int]
    num_classes: int
    examples: np.ndarray | None = None

    @property
    def epoch(self) -> int:
        """How many examples an epoch of training has."""
        return len(self.split) if self.examples is None else len(self.examples)


class Corrupt(NamedTuple):
    """An image that could not be decoded: where it is from and why."""

    example: str
    reason: str


def make_pipeline(
    split: Split,
    transforms: tuple[Transform, ...],
    *,
    channels: int,
    num_classes: int,
    on_corrupt: Callable[[Corrupt], None],
    on_progress: Callable[[int], None] = lambda done: None,
    workers: int = 0,
    decode_ahead: bool = True,
    resident_bytes: int = RESIDENT_BYTES,
) -> InputPipeline:
    """Decodes a split once and for all if the result is always the same and fits in memory; else arranges to stream it.

    Args:
      split: of a data set.
      transforms: the recipe's, for this split.
      channels, num_classes: of the data set.
      on_corrupt: called for each image that cannot be decoded; such images are left out.
      on_progress: called with the number of images decoded so far.
      workers: processes that decode; 0 for threads of this one.
      decode_ahead: whether to decode a split that fits in memory at once.
      resident_bytes: the largest split, in bytes, that is kept on the device.

    Raises:
      ZooError: the transforms cannot bring the images to one size, a label is out of range, or no image is left.
    """
    if split.images is not None:
        resident = split.images.nbytes <= resident_bytes
        return InputPipeline(split, resident, (), transforms, split.images.shape[1:], num_classes)
    host_transforms, rest = split_host_transforms(transforms)
    size = output_size(host_transforms)
    pipeline = InputPipeline(split, False, host_transforms, rest, (size, size, channels), num_classes)
    if not decode_ahead or is_random(host_transforms) or len(split) * size * size * channels > resident_bytes:
        return pipeline
    images, labels, done = np.empty((len(split), *pipeline.image_shape), np.uint8), np.empty(len(split), np.int32), 0
    for some_images, some_labels in decoded(pipeline, np.arange(len(split)), on_corrupt, workers):
        images[done : done + len(some_images)] = some_images
        labels[done : done + len(some_images)] = some_labels
        done += len(some_images)
        on_progress(done)
    if not done:
        raise ZooError(f"none of the {len(split)} images can be decoded, such as {split.describe(0)}")
    return dataclasses.replace(pipeline, split=ArraySplit(images[:done], labels[:done]), resident=True)


def decoded(
    pipeline: InputPipeline, indices: np.ndarray, on_corrupt: Callable[[Corrupt], None], workers: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Some of a split, batch by batch: uint8 images [n, H, W, C] and int32 labels [n], without those that are corrupt."""
    pipeline = dataclasses.replace(pipeline, resident=False)
    for batch in evaluation_batches(pipeline, min(64, len(indices)), indices, on_corrupt=on_corrupt, workers=workers):
        assert batch.image is not None and batch.label is not None  # as the pipeline is not resident
        good = batch.weight > 0
        yield batch.image[good], batch.label[good]


class Order:
    """Which example is where in which step, for one host: a random-access source of `Batch`es without images."""

    def __init__(
        self, examples: Sequence[int] | np.ndarray, batch_size: int, host: int, hosts: int, fill: int = 0
    ) -> None:
        self.examples, self.batch_size, self.fill = examples, batch_size, fill
        self.position = np.array_split(np.arange(batch_size, dtype=np.int32), hosts)[host]

    def __len__(self) -> int:
        return math.ceil(len(self.examples) / self.batch_size)

    def __getitem__(self, step: int) -> tuple[int, Batch]:
        places = [step * self.batch_size + int(position) for position in self.position]
        inside = np.array([place < len(self.examples) for place in places])
        index = [self.examples[place] if here else self.fill for place, here in zip(places, inside, strict=True)]
        return step, Batch(np.array(index, np.int32), self.position, inside.astype(np.float32))


class _Load(grain.transforms.Map):
    """Reads and frames the images of a batch. The random numbers of host_transforms follow from seed, step and position."""

    def __init__(self, pipeline: InputPipeline, seed: int) -> None:
        self.pipeline, self.seed = pipeline, seed

    def map(self, element: tuple[int, Batch]) -> tuple[Batch, list[tuple[int, str]]]:
        step, batch = element
        in_memory = self.pipeline.split.images
        dtype = np.uint8 if in_memory is None else in_memory.dtype
        image = np.zeros((len(batch.index), *self.pipeline.image_shape), dtype)
        label = np.zeros(len(batch.index), np.int32)
        corrupt = []
        for slot, (index, position) in enumerate(zip(batch.index, batch.position, strict=True)):
            random = np.random.Generator(np.random.Philox(key=[self.seed, step], counter=[0, 0, 0, int(position)]))
            try:
                pixels, label[slot] = self.pipeline.split.read(int(index))
                image[slot] = frame(
                    Picture(pixels, self.pipeline.image_shape[-1]), self.pipeline.host_transforms, random
                )
            except (CorruptImage, OSError) as error:
                corrupt.append((slot, str(error)))
        return batch._replace(image=image, label=label), corrupt


def training_batches(
    pipeline: InputPipeline,
    batch_size: int,
    *,
    seed: int,
    first_step: int = 0,
    on_corrupt: Callable[[Corrupt], None],
    host: int = 0,
    hosts: int = 1,
    workers: int = 0,
) -> Generator[Batch]:
    """Endless shuffled batches. An epoch has every example once; a batch may lie across the end of one.

    The order follows from `seed` alone, so that `first_step` goes on where an earlier run was.

    Args:
      pipeline: see `make_pipeline`.
      batch_size: of all hosts together.
      seed: of the order and of random host_transforms.
      first_step: where to begin.
      on_corrupt: called for each image that cannot be decoded; it gets weight 0 and its neighbour's pixels.
      host, hosts: this host's number, and how many share a batch: each gets consecutive positions.
      workers: processes that decode; 0 for threads of this one.
    """
    order = training_order(pipeline, batch_size, seed, host, hosts)
    return _batches(pipeline, order, seed, first_step, on_corrupt, workers)


def training_order(pipeline: InputPipeline, batch_size: int, seed: int, host: int = 0, hosts: int = 1) -> Order:
    """Which examples `training_batches` takes: at each step (step, the batch without images); arguments as there."""
    every = (
        grain.MapDataset.range(len(pipeline.split))
        if pipeline.examples is None
        else grain.MapDataset.source(pipeline.examples)
    )
    return Order(every.seed(seed).shuffle().repeat(), batch_size, host, hosts)


def evaluation_batches(
    pipeline: InputPipeline,
    batch_size: int,
    indices: np.ndarray | None = None,
    *,
    on_corrupt: Callable[[Corrupt], None],
    host: int = 0,
    hosts: int = 1,
    workers: int = 0,
) -> Generator[Batch]:
    """Batches in which each of `indices` (None for the whole split) has weight 1 once; arguments as above."""
    indices = np.arange(len(pipeline.split)) if indices is None else indices
    order = Order(indices, batch_size, host, hosts, fill=int(indices[0]))
    return _batches(pipeline, order, 0, 0, on_corrupt, workers)


def _batches(pipeline, order, seed, first_step, on_corrupt, workers):
    if pipeline.resident:
        for step in range(first_step, len(order)):
            yield order[step][1]
        return
    steps = grain.MapDataset.source(order)[first_step:].map(_Load(pipeline, seed))
    threads = 1 if workers else 4
    batches = steps.to_iter_dataset(grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads))
    if workers:
        if not flags.FLAGS.is_parsed():  # Grain's worker processes read absl flags, which a notebook never parses
            flags.FLAGS.mark_as_parsed()
        options = grain.MultiprocessingOptions(num_workers=workers)
        batches = batches.mp_prefetch(options, worker_init_fn=_leave_interrupts_to_the_main_process)
    iterator = iter(batches)
    try:
        for batch, corrupt in iterator:
            _check_labels(batch, pipeline)
            yield _without(batch, corrupt, pipeline, on_corrupt) if corrupt else batch
    finally:
        iterator.close()


def _check_labels(batch, pipeline):
    inside = batch.weight > 0
    index = batch.index[inside]
    check_labels(batch.label[inside], pipeline.num_classes, lambda place: pipeline.split.describe(int(index[place])))


def _leave_interrupts_to_the_main_process(worker: int, workers: int) -> None:
    """Ctrl-C reaches every process of the terminal; the main one has yet to save, and needs its workers for that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _without(batch, corrupt, pipeline, on_corrupt):
    """The batch with weight 0 for corrupt images, which get a neighbour's pixels: black would bias batch statistics."""
    image, weight = batch.image.copy(), batch.weight.copy()
    slots = [slot for slot, _ in corrupt]
    for slot, reason in corrupt:
        if weight[slot]:
            on_corrupt(Corrupt(pipeline.split.describe(int(batch.index[slot])), reason))
    weight[slots] = 0
    image[slots] = image[next((slot for slot in range(len(weight)) if slot not in slots), 0)]
    return batch._replace(image=image, weight=weight)
