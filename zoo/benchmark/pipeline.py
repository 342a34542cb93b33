"""Timing of input pipelines on image files: decoding, a random resized crop to 224 pixels, and a horizontal flip.

The zoo flips on the device, not on the host; the others flip on the host.
"""

import io
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from zoo.benchmark.timing import Side, compare
from zoo.data.pipeline import Corrupt, make_pipeline, training_batches
from zoo.data.sources import open_source
from zoo.data.sources.folder import FolderSplit
from zoo.data.split import Split
from zoo.errors import ZooError
from zoo.extras import install_command
from zoo.recipe import Data, HorizontalFlip, Normalize, RandomResizedCrop
from zoo.references.torch_libraries import load
from zoo.training.run.environment import cores

PIXELS = 224
# Images in a step. Each step starts a new iterator, so that no side benefits from prefetching while the others are
# timed.
IMAGES = 2048


def zoo_pipeline(spec: str, batch_size: int, workers: int) -> Side:
    """Returns a side that produces batches with the input pipeline of `zoo.fit`."""
    dataset = open_source(spec)
    corrupt = CorruptLimit(spec, len(dataset.train))
    transforms = (RandomResizedCrop(PIXELS), HorizontalFlip(), Normalize())
    pipeline = make_pipeline(
        dataset.train,
        transforms,
        channels=dataset.channels,
        num_classes=len(dataset.class_names),
        on_corrupt=corrupt,
        workers=workers,
    )
    if pipeline.resident or not pipeline.host_transforms:
        raise ZooError(
            f"--pipeline={spec}: these images are in memory; expected folder:PATH or tfds:NAME with image files"
        )
    return _side(
        lambda seed: training_batches(pipeline, batch_size, seed=seed),
        batch_size,
    )


class CorruptLimit:
    """Callback that raises `ZooError` if too many images cannot be decoded, so that the timing would be meaningless.

    The limit is the default of `Data.corrupt_limit`, and at most all images but one.
    """

    def __init__(self, spec: str, images: int) -> None:
        self.spec, self.examples = spec, set[str]()
        self.limit = min(Data(spec).corrupt_limit, images - 1)

    def __call__(self, corrupt: Corrupt) -> None:
        self.examples.add(corrupt.example)
        if len(self.examples) > self.limit:
            raise ZooError(
                f"--pipeline={self.spec}: {len(self.examples)} images cannot be decoded, most recently"
                f" {corrupt.example} ({corrupt.reason})"
            )


def torch_loader(spec: str, batch_size: int) -> Side:
    """Returns a side with PyTorch's DataLoader, PIL, torchvision's transforms, and one worker process per core."""
    torch, data = load("torch"), load("torch.utils.data")
    transforms = load("torchvision.transforms")
    host_transforms = transforms.Compose(
        [transforms.RandomResizedCrop(PIXELS), transforms.RandomHorizontalFlip(), transforms.PILToTensor()]
    )
    files = _Files(open_source(spec).train, host_transforms)
    sampler = data.RandomSampler(
        files, replacement=True, num_samples=IMAGES, generator=torch.Generator().manual_seed(0)
    )
    loader = data.DataLoader(
        files,
        batch_size,
        sampler=sampler,
        num_workers=cores(),
        persistent_workers=True,
        multiprocessing_context="fork" if hasattr(os, "fork") else None,
    )
    return _side(lambda seed: loader, batch_size)


class _Files:
    """A split as a PyTorch map-style data set."""

    def __init__(self, split: Split, host_transforms: Callable) -> None:
        self.split, self.host_transforms = split, host_transforms

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        encoded, label = self.split.read(int(index))
        if not isinstance(encoded, bytes):
            raise ZooError("--against=torch reads only image files, such as folder:PATH")
        return self.host_transforms(Image.open(io.BytesIO(encoded)).convert("RGB")), label


def tensorflow_pipeline(spec: str, batch_size: int) -> Side:
    """Returns a side with tf.data as in its performance guide: parallel map with fused decoding and cropping."""
    try:
        import tensorflow as tf
    except ImportError:
        raise ZooError(f"--against=tf requires TensorFlow: {install_command('prepare')}") from None
    split = open_source(spec).train
    if not isinstance(split, FolderSplit):
        raise ZooError("--against=tf reads only folder:PATH")

    def decode_and_crop(path, label):
        encoded = tf.io.read_file(path)
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            tf.image.extract_jpeg_shape(encoded),
            tf.zeros([1, 0, 4]),
            min_object_covered=0.0,
            aspect_ratio_range=(3 / 4, 4 / 3),
            area_range=(0.08, 1.0),
            use_image_if_no_bounding_boxes=True,
        )
        window = tf.stack([begin[0], begin[1], size[0], size[1]])
        image = tf.image.decode_and_crop_jpeg(encoded, window, channels=3)
        image = tf.image.resize(image, (PIXELS, PIXELS), antialias=True)
        return tf.cast(tf.image.random_flip_left_right(image), tf.uint8), label

    files = tf.data.Dataset.from_tensor_slices((list(split.paths), split.labels))

    def batches(seed):
        shuffled = files.shuffle(len(split), seed=seed).repeat()
        batched = shuffled.map(decode_and_crop, num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size)
        return batched.prefetch(tf.data.AUTOTUNE).as_numpy_iterator()

    return _side(batches, batch_size)


def _side(batches: Callable[[int], Any], batch_size: int) -> Side:
    """Returns a side whose step reads `IMAGES` images from a new iterator of batches."""
    seeds = iter(range(2**31))

    def step():
        source = iter(batches(next(seeds)))
        try:
            for _ in range(IMAGES // batch_size):
                batch = next(source)
        finally:  # otherwise its worker processes would be orphaned
            if hasattr(source, "close"):
                source.close()
        return float(np.asarray(batch[-1])[0])

    return Side(step, 0.0)


def measure(
    spec: str, batch_size: int, against: str | None, *, workers: int, rounds: int, console: Console
) -> dict[str, Any]:
    """Times the input pipeline on a data set's training images and returns the result as a JSON object.

    Args:
      spec: the data set, folder:PATH or tfds:NAME.
      batch_size: images in a batch.
      against: "torch", "tf" or None.
      workers: as for `zoo.fit`.
      rounds: number of rounds of alternating timings.
      console: where the progress is shown.
    """
    if batch_size > IMAGES:
        raise ZooError(f"--batch={batch_size}: must be at most {IMAGES:,}, the images that --pipeline reads in a round")
    makers: dict[str, tuple[Any, ...]] = {"zoo": (zoo_pipeline, spec, batch_size, workers)}
    if against == "torch":
        makers["PyTorch DataLoader"] = (torch_loader, spec, batch_size)
    if against == "tf":
        makers["tf.data"] = (tensorflow_pipeline, spec, batch_size)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"reading {spec}", total=rounds)
        result = compare(
            makers, rounds=rounds, steps=1, images=IMAGES, on_round=lambda done: progress.update(task, completed=done)
        )
    for side in result["sides"]:
        side["images_per_second_and_core"] = side["images_per_second"] / cores()
    return {"pipeline": spec, "batch": batch_size, "workers": workers, "pixels": PIXELS, **result}


def show(result: dict[str, Any], console: Console) -> None:
    """Prints the result as a table."""
    title = f"{result['pipeline']} to {PIXELS} pixels, median of {result['rounds']} rounds of {IMAGES:,} images"
    table = Table(box=box.SIMPLE_HEAD, title=title)
    for column, heading in enumerate(("", "images/s", "images/s/core", "peak MB", "ratio")):
        table.add_column(heading, justify="right" if column else "left")
    for row in result["sides"]:
        numbers = [f"{row[name]:,.0f}" for name in ("images_per_second", "images_per_second_and_core", "peak_mb")]
        table.add_row(
            row["side"], *numbers, f"{result['ratio']:.2f}" if row["side"] == "zoo" and "ratio" in result else ""
        )
    console.print(table)
