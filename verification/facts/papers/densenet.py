"""Huang, Liu, van der Maaten, Weinberger 2017: DenseNets with bottlenecks that halve the channels between blocks (BC).

The normalizations after the first convolution and before the classifier are not in table 1. They follow from its
caption, by which the convolutions of the blocks have normalized inputs, and from the authors' code.
"""

from verification.facts.arithmetic import AvgPool, BatchNorm, Branches, Conv, GlobalAvgPool, Linear, MaxPool, Table


def norm_conv(place, number, features, kernel):
    """The sequence BN-ReLU-Conv that is "conv" in table 1 (its caption)."""
    return [
        BatchNorm(f"{place}/norm{number}"),
        Conv(f"{place}/conv{number}", features, kernel, pad=kernel // 2, bias=False),
    ]


def dense_layer(place, growth):
    """The layer of section 3, "bottleneck layers" and "dense connectivity": appends `growth` channels to its input."""
    new = norm_conv(place, 1, 4 * growth, 1) + norm_conv(place, 2, growth, 3)
    return Branches([[], new])


def body(blocks, growth, channels):
    """Dense blocks and transition layers; `channels` is the input of the first block."""
    layers = []
    for number, length in enumerate(blocks, start=1):
        layers += [dense_layer(f"block{number}/layer{index}", growth) for index in range(1, length + 1)]
        channels += length * growth
        if number < len(blocks):
            channels //= 2  # theta = 0.5
            layers += norm_conv(f"transition{number}", "", channels, 1)
            layers.append(AvgPool(f"transition{number}/pool", 2, 2))
    return layers


def imagenet(name, blocks):
    """The network of a column of table 1."""
    return Table(
        source=f"Huang et al. 2017, table 1, column {name}, growth 32",
        input_shape=(224, 224, 3),
        num_classes=1000,
        layers=[
            Conv("conv0", 64, kernel=7, stride=2, pad=3, bias=False),
            BatchNorm("norm0"),
            MaxPool("pool0", 3, 2, pad=1),
            *body(blocks, growth=32, channels=64),
            BatchNorm("norm5"),
            GlobalAvgPool("avgpool"),
            Linear("classifier", 1000),
        ],
    )


PAPERS = {
    "densenet169": imagenet("DenseNet-169", (6, 12, 32, 32)),
    "densenet201": imagenet("DenseNet-201", (6, 12, 48, 32)),
    "densenet_bc_100_12": Table(
        source="Huang et al. 2017, section 3, implementation details, and table 2, DenseNet-BC of depth 100, growth 12",
        input_shape=(32, 32, 3),
        num_classes=10,
        layers=[
            Conv("conv0", 24, kernel=3, pad=1, bias=False),
            *body((16, 16, 16), growth=12, channels=24),
            BatchNorm("norm5"),
            GlobalAvgPool("avgpool"),
            Linear("classifier", 10),
        ],
    ),
}
