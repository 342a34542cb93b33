"""The input pipeline: reproducible batches of a split, resumable at any step, on any number of hosts."""

import dataclasses
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import grain
import numpy as np
from absl import flags

from zoo.data.array_checks import check_labels
from zoo.data.decoding import CorruptImage, Picture
from zoo.data.resize_crop import is_random, output_size, resize_and_crop, split_host_transforms
from zoo.data.split import Split
from zoo.data.splitting import SubSplit
from zoo.errors import ZooError
from zoo.recipe.augmentation import Transform

RESIDENT_BYTES = 2 * 2**30  # a split of at most this size as uint8 is kept on every device


class Batch(NamedTuple):
    """The input of one step: the n examples of this host's part of the global batch.

    Attributes:
      index: int32 [n], positions of the examples in the split.
      position: int32 [n], positions of the examples in the global batch, from which their random numbers are derived.
      weight: float32 [n]; 1, or 0 for padding and corrupt images.
      image: uint8 [n, H, W, C], or float32 for features; None if the split is resident on the device.
      label: int32 [n]; None if the split is resident on the device.
    """

    index: np.ndarray  # type: ignore[assignment]  # shadows the method of tuples
    position: np.ndarray
    weight: np.ndarray
    image: np.ndarray | None = None
    label: np.ndarray | None = None


class Corrupt(NamedTuple):
    """An image that could not be decoded: its source and the reason."""

    example: str
    reason: str


@dataclass(frozen=True)
class InputPipeline:
    """A split with a recipe's transforms, ready to be batched.

    Attributes:
      split: with images in memory if resident, else read and decoded batch by batch.
      resident: whether the images are kept on the device.
      host_transforms: the transforms applied by the host, or already applied to a resident split.
      transforms: the remaining transforms, applied on the device.
      image_shape: (height, width, channels) of the images transferred to the device.
      num_classes: number of classes; labels are 0 ... num_classes - 1.
      examples: int [epoch], positions in the split that make up a training epoch, possibly repeated; None for every
        example once.
      on_corrupt: called for each image that cannot be decoded; it gets weight 0 and a neighbour's pixels in its batch.
      workers: number of decoding processes; 0 for threads of this process.
    """

    split: Split
    resident: bool
    host_transforms: tuple[Transform, ...]
    transforms: tuple[Transform, ...]
    image_shape: tuple[int, int, int]
    num_classes: int
    examples: np.ndarray | None = None
    on_corrupt: Callable[[Corrupt], None] = field(default=lambda corrupt: None, repr=False)
    workers: int = 0

    @property
    def epoch(self) -> int:
        """Number of examples in a training epoch."""
        return len(self.split) if self.examples is None else len(self.examples)


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
    """Makes an input pipeline: decodes a split once if the result is deterministic and fits in memory, else streams it.

    Args:
      split: a split of the data set.
      transforms: the recipe's transforms for this split.
      channels, num_classes: attributes of the data set.
      on_corrupt: called for each image that cannot be decoded; such images are left out.
      on_progress: called with the number of images decoded so far.
      workers: number of decoding processes; 0 for threads of this process.
      decode_ahead: whether to decode now a split that fits in memory.
      resident_bytes: size in bytes up to which a split is kept on the device.

    Raises:
      ZooError: the transforms do not make all images the same size, a label is out of range, or no image can be
        decoded.
    """
    if split.images is not None:
        resident = split.images.nbytes <= resident_bytes
        shape = split.images.shape[1:]
        return InputPipeline(split, resident, (), transforms, shape, num_classes, None, on_corrupt, workers)
    host_transforms, rest = split_host_transforms(transforms)
    size = output_size(host_transforms)
    shape = (size, size, channels)
    pipeline = InputPipeline(split, False, host_transforms, rest, shape, num_classes, None, on_corrupt, workers)
    if not decode_ahead or is_random(host_transforms) or len(split) * size * size * channels > resident_bytes:
        return pipeline
    images, labels, done = np.empty((len(split), *pipeline.image_shape), np.uint8), np.empty(len(split), np.int32), 0
    intact: list[int] = []
    for some_images, some_labels, some in decoded(pipeline, np.arange(len(split))):
        images[done : done + len(some_images)] = some_images
        labels[done : done + len(some_images)] = some_labels
        intact += some.tolist()
        done += len(some_images)
        on_progress(done)
    if not done:
        raise ZooError(f"none of the {len(split)} images can be decoded, for example {split.describe(0)}")
    kept = SubSplit(split, np.array(intact), labels[:done], images[:done])
    return dataclasses.replace(pipeline, split=kept, resident=True)


def decoded(pipeline: InputPipeline, indices: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yields batches of the given examples without corrupt images.

    Each is uint8 images [n, H, W, C], int32 labels [n], and int32 positions in the split [n].
    """
    pipeline = dataclasses.replace(pipeline, resident=False)
    for batch in evaluation_batches(pipeline, min(64, len(indices)), indices):
        assert batch.image is not None and batch.label is not None  # since the pipeline is not resident
        good = batch.weight > 0
        yield batch.image[good], batch.label[good], batch.index[good]


class Order:
    """The order of examples on one host: a random-access source of (step, `Batch` without images)."""

    def __init__(
        self, examples: Sequence[int] | np.ndarray, batch_size: int, host: int, hosts: int, fill: int = 0
    ) -> None:
        self.examples, self.batch_size, self.fill = examples, batch_size, fill
        self.position = np.array_split(np.arange(batch_size, dtype=np.int32), hosts)[host]

    def __len__(self) -> int:
        # In integers: the order of training is nearly endless, and as a float too large for a length.
        return (len(self.examples) - 1) // self.batch_size + 1

    def __getitem__(self, step: int) -> tuple[int, Batch]:
        places = [step * self.batch_size + int(position) for position in self.position]
        inside = np.array([place < len(self.examples) for place in places])
        index = [self.examples[place] if here else self.fill for place, here in zip(places, inside, strict=True)]
        return step, Batch(np.array(index, np.int32), self.position, inside.astype(np.float32))


class _Load(grain.transforms.Map):
    """Reads, resizes and crops the images of a batch, with random numbers from the seed, the step and the position."""

    def __init__(
        self, split: Split, transforms: tuple[Transform, ...], image_shape: tuple[int, int, int], seed: int
    ) -> None:
        self.split, self.transforms, self.image_shape, self.seed = split, transforms, image_shape, seed

    def map(self, element: tuple[int, Batch]) -> tuple[Batch, list[tuple[int, str]]]:
        step, batch = element
        in_memory = self.split.images
        dtype = np.uint8 if in_memory is None else in_memory.dtype
        image = np.zeros((len(batch.index), *self.image_shape), dtype)
        label = np.zeros(len(batch.index), np.int32)
        corrupt = []
        for slot, (index, position) in enumerate(zip(batch.index, batch.position, strict=True)):
            random = np.random.Generator(np.random.Philox(key=[self.seed, step], counter=[0, 0, 0, int(position)]))
            try:
                pixels, label[slot] = self.split.read(int(index))
                image[slot] = resize_and_crop(Picture(pixels, self.image_shape[-1]), self.transforms, random)
            except (CorruptImage, OSError) as error:
                corrupt.append((slot, str(error)))
        return batch._replace(image=image, label=label), corrupt


def training_batches(
    pipeline: InputPipeline,
    batch_size: int,
    *,
    seed: int,
    first_step: int = 0,
    host: int = 0,
    hosts: int = 1,
) -> Generator[Batch]:
    """Yields shuffled batches indefinitely; every epoch has every example once, and a batch may span two epochs.

    The order depends only on `seed`, so that a run is resumed by `first_step`.

    Args:
      pipeline: the training pipeline, see `make_pipeline`.
      batch_size: global batch size, over all hosts.
      seed: seed of the order and of random host_transforms.
      first_step: step of the first batch.
      host, hosts: index of this host, and number of hosts; each gets consecutive positions of the batch.
    """
    order = training_order(pipeline, batch_size, seed, host, hosts)
    return _batches(pipeline, order, seed, first_step)


def training_order(pipeline: InputPipeline, batch_size: int, seed: int, host: int = 0, hosts: int = 1) -> Order:
    """Returns the order of `training_batches`, with the same arguments: (step, batch without images) at each step."""
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
    host: int = 0,
    hosts: int = 1,
) -> Generator[Batch]:
    """Yields batches with every example once; the last batch is padded with examples of weight 0.

    Args:
      pipeline: the evaluation pipeline, see `make_pipeline`.
      batch_size: global batch size, over all hosts.
      indices: int [N], positions of the examples in the split; None for the whole split.
      host, hosts: see `training_batches`.
    """
    indices = np.arange(len(pipeline.split)) if indices is None else indices
    order = Order(indices, batch_size, host, hosts, fill=int(indices[0]))
    return _batches(pipeline, order, 0, 0)


def _batches(pipeline, order, seed, first_step):
    if pipeline.resident:
        for step in range(first_step, len(order)):
            yield order[step][1]
        return
    steps = grain.MapDataset.source(order)[first_step:].map(
        _Load(pipeline.split, pipeline.host_transforms, pipeline.image_shape, seed)
    )
    threads = 1 if pipeline.workers else 4
    batches = steps.to_iter_dataset(grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads))
    if pipeline.workers:
        if not flags.FLAGS.is_parsed():  # Grain's worker processes read absl flags, which a notebook never parses
            flags.FLAGS.mark_as_parsed()
        options = grain.MultiprocessingOptions(num_workers=pipeline.workers)
        batches = batches.mp_prefetch(options, worker_init_fn=_leave_interrupts_to_the_main_process)
    iterator = iter(batches)
    try:
        for batch, corrupt in iterator:
            _check_labels(batch, pipeline)
            yield _mask_corrupt(batch, corrupt, pipeline) if corrupt else batch
    finally:
        iterator.close()


def _check_labels(batch, pipeline):
    inside = batch.weight > 0
    index = batch.index[inside]
    check_labels(batch.label[inside], pipeline.num_classes, lambda place: pipeline.split.describe(int(index[place])))


def _leave_interrupts_to_the_main_process(worker: int, workers: int) -> None:
    """Ignores Ctrl-C in a worker: the main process gets it too, and needs its workers until the run is saved."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _mask_corrupt(batch, corrupt, pipeline):
    """The batch with weight 0 for corrupt images, which get a neighbour's pixels: black would bias batch statistics."""
    image, weight = batch.image.copy(), batch.weight.copy()
    slots = [slot for slot, _ in corrupt]
    for slot, reason in corrupt:
        if weight[slot]:
            pipeline.on_corrupt(Corrupt(pipeline.split.describe(int(batch.index[slot])), reason))
    weight[slots] = 0
    image[slots] = image[next((slot for slot in range(len(weight)) if slot not in slots), 0)]
    return batch._replace(image=image, weight=weight)
