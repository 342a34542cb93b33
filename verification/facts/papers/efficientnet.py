"""Tan, Le 2019, and EfficientNet-Lite."""

import math

from verification.facts.arithmetic import (
    Aside,
    BatchNorm,
    Conv,
    Flatten,
    GlobalAvgPool,
    Keeps,
    Linear,
    Table,
)

# The stages of table 1 between the first convolution (32 channels) and the last (1280):
# (operator, channels, layers) and the stride that follows from the resolutions.
TABLE_1 = [
    ("MBConv1, k3x3", 16, 1, 1),
    ("MBConv6, k3x3", 24, 2, 2),
    ("MBConv6, k5x5", 40, 2, 2),
    ("MBConv6, k3x3", 80, 3, 2),
    ("MBConv6, k5x5", 112, 3, 1),
    ("MBConv6, k5x5", 192, 4, 2),
    ("MBConv6, k3x3", 320, 1, 1),
]

# (width, depth, resolution), in the authors' code.
SCALING = {
    "efficientnet_b3": (1.2, 1.4, 300),
    "efficientnet_b4": (1.4, 1.8, 380),
    "efficientnet_b5": (1.6, 2.2, 456),
    "efficientnet_b6": (1.8, 2.6, 528),
    "efficientnet_b7": (2.0, 3.1, 600),
}


def scaled(channels, width):
    """Returns channels times width, rounded half up to a multiple of 8, or up if that loses more than a tenth."""
    wanted = channels * width
    enough = [multiple for multiple in range(8, 4096, 8) if multiple >= 0.9 * wanted]
    return min(enough, key=lambda multiple: (abs(multiple - wanted), -multiple))


def normalized(conv):
    """A convolution without bias, followed by batch normalization."""
    return [conv._replace(name=f"{conv.name}/conv", bias=False), BatchNorm(f"{conv.name}/bn")]


def mbconv(name, expansion, kernel, stride, inputs, outputs, squeeze):
    """The MobileNetV2 block, with squeeze-and-excite to a quarter of the block's input channels."""
    inside = expansion * inputs
    layers = normalized(Conv(f"{name}/expand", inside, 1)) if expansion > 1 else []
    layers += normalized(Conv(f"{name}/depthwise", inside, kernel, stride, pad="same", groups=inside))
    if squeeze:
        se = [
            GlobalAvgPool(f"{name}/se/avgpool"),
            Conv(f"{name}/se/fc1", inputs // 4, 1),
            Conv(f"{name}/se/fc2", inside, 1),
        ]
        layers.append(Aside(se))
    layers += normalized(Conv(f"{name}/project", outputs, 1))
    if stride == 1 and inputs == outputs:
        layers.append(Keeps(f"{name}/drop_path", "DropPath"))
    return layers


def network(width, depth, squeeze=True):
    """The network of table 1, with channels times `width`, and numbers of layers times `depth`, rounded up."""
    channels = scaled(32, width)
    layers = normalized(Conv("stem", channels, 3, 2, pad="same"))
    for stage, (operator, outputs, count, stride) in enumerate(TABLE_1, start=1):
        expansion, kernel = int(operator[6]), int(operator[-1])
        for block in range(math.ceil(count * depth)):
            first = block == 0
            layers += mbconv(
                f"stage{stage}_{block}",
                expansion,
                kernel,
                stride if first else 1,
                channels,
                scaled(outputs, width),
                squeeze,
            )
            channels = scaled(outputs, width)
    layers += normalized(Conv("head", scaled(1280, width), 1))
    return [*layers, GlobalAvgPool("avgpool"), Flatten(), Keeps("dropout", "Dropout"), Linear("fc", 1000)]


PAPERS = {
    name: Table(
        source="Tan, Le 2019, table 1, with the coefficients and the rounding of the authors' code",
        input_shape=(resolution, resolution, 3),
        num_classes=1000,
        layers=network(width, depth),
    )
    for name, (width, depth, resolution) in SCALING.items()
} | {
    "efficientnet_lite0": Table(
        source="Tan, Le 2019, table 1, without squeeze-and-excite, as in the authors' EfficientNet-Lite0",
        input_shape=(224, 224, 3),
        num_classes=1000,
        layers=network(1.0, 1.0, squeeze=False),
    )
}
