"""How images are prepared for published weights: the resize, the crop and the value range that they are evaluated with.

Sources: torchvision 0.29, `torchvision.models.get_model_weights(name).DEFAULT.transforms()`; timm 1.0,
`timm.models.get_pretrained_cfg(name)` with `timm.data.transforms_factory.transforms_imagenet_eval`; keras 3.15,
`keras.applications.*.preprocess_input`.

Some networks of torchvision have several published weights, which a file does not tell apart. Those of torchvision's
`DEFAULT` are taken; `IMAGENET1K_V1` of the same networks differs in `resize` alone, which is 256 there.
"""

import math
from dataclasses import dataclass
from typing import Literal

from zoo.recipe.augmentation import Normalize, PresetCrop, ReverseChannels, Transform

Color = tuple[float, float, float]

# Means and standard deviations of ImageNet's training images in red, green and blue, as everybody rounds them.
IMAGENET_MEAN: Color = (255 * 0.485, 255 * 0.456, 255 * 0.406)
IMAGENET_STD: Color = (255 * 0.229, 255 * 0.224, 255 * 0.225)
HALF: Color = (127.5, 127.5, 127.5)  # as mean and divisor: values from -1 to 1


@dataclass(frozen=True)
class Preprocessing:
    """The preparation of an image for weights that were trained on ImageNet's 1,000 classes.

    Attributes:
      resize: pixels of the shorter side after resizing, keeping the aspect ratio; antialiased.
      crop: height and width of the central crop in pixels, the network's input.
      interpolation: of resizing, "bilinear" or "bicubic".
      mean, std: subtracted from, and divisor of, pixel values from 0 to 255, in red, green and blue.
      bgr: whether the network takes blue, green and red instead of red, green and blue.
    """

    resize: int = 256
    crop: int = 224
    interpolation: str = "bilinear"
    mean: Color = IMAGENET_MEAN
    std: Color = IMAGENET_STD
    bgr: bool = False

    @property
    def transforms(self) -> tuple[Transform, ...]:
        """The transforms of evaluation, as in a recipe; `Normalize` is by `mean` and `std`."""
        crop = PresetCrop(self.resize, self.crop, self.interpolation)
        return (crop, Normalize(), ReverseChannels()) if self.bgr else (crop, Normalize())


TORCHVISION = Preprocessing()  # of most networks; the others say theirs next to their layout

# The authors' evaluation of EfficientNet-Lite: the central crop of size / (size + 32) of the shorter side, bicubic, and
# MEAN_RGB and STDDEV_RGB (github.com/tensorflow/tpu, models/official/efficientnet: preprocessing.py and
# lite/efficientnet_lite_builder.py).
EFFICIENTNET_LITE = Preprocessing(interpolation="bicubic", mean=(127.0,) * 3, std=(128.0,) * 3)


def timm(crop: int, fraction: float) -> Preprocessing:
    """Returns timm's evaluation of weights with values from -1 to 1; `fraction` of the resized image is cropped."""
    return Preprocessing(math.floor(crop / fraction), crop, "bicubic", HALF, HALF)


def keras(crop: int, mode: Literal["caffe", "tf", "torch"]) -> Preprocessing:
    """Returns the value range of a mode of `keras.applications.imagenet_utils.preprocess_input`.

    keras.applications states accuracies of "single center crop" without resize or interpolation (README of
    keras-team/keras-applications). The resize by 8/7, and bilinear, are the usual ones for such crops, and ours.
    """
    values = {
        "caffe": ((123.68, 116.779, 103.939), (1.0, 1.0, 1.0)),
        "tf": (HALF, HALF),
        "torch": (IMAGENET_MEAN, IMAGENET_STD),
    }
    mean, std = values[mode]
    return Preprocessing(round(crop * 8 / 7), crop, "bilinear", mean, std, bgr=mode == "caffe")
