"""Fashion-MNIST (Xiao et al. 2017), included in the project in `third_party/fashion_mnist/`."""

import gzip
import hashlib
import zlib
from pathlib import Path

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.split import ArraySplit
from zoo.errors import ZooError
from zoo.paths import THIRD_PARTY

FOLDER = THIRD_PARTY / "fashion_mnist"

CLASS_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

# SHA-256 of the decompressed files, and the offset of the data after the idx header, which gives the shape.
PAYLOADS = {
    "train-images-idx3-ubyte": ("c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", 16),
    "train-labels-idx1-ubyte": ("bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", 8),
    "t10k-images-idx3-ubyte": ("5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", 16),
    "t10k-labels-idx1-ubyte": ("0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", 8),
}


def open_fashion_mnist(folder: Path = FOLDER) -> Dataset:
    """Opens Fashion-MNIST: 60,000 training and 10,000 test images, 28x28x1, in ten classes.

    Raises:
      ZooError: a file is missing or its checksum is wrong.
    """
    train, test = (
        ArraySplit(
            images=_read(folder, f"{name}-images-idx3-ubyte").reshape(-1, 28, 28, 1),
            labels=_read(folder, f"{name}-labels-idx1-ubyte").astype(np.int32),
            name=f"fashion_mnist {name}",
        )
        for name in ("train", "t10k")
    )
    return Dataset("fashion_mnist", train, test, CLASS_NAMES, channels=1)


def _read(folder, name):
    path = folder / f"{name}.gz"
    checksum, start = PAYLOADS[name]
    try:
        payload = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ZooError(f"{path} cannot be read ({error}): reinstall zoo") from None
    if hashlib.sha256(payload).hexdigest() != checksum:
        raise ZooError(f"{path} is damaged (checksum mismatch): reinstall zoo")
    return np.frombuffer(payload, np.uint8, offset=start)
