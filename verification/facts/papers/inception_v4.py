"""Szegedy, Ioffe, Vanhoucke, Alemi 2017."""

from verification.facts.arithmetic import (
    AvgPool,
    BatchNorm,
    Branches,
    Conv,
    Flatten,
    GlobalAvgPool,
    Keeps,
    Linear,
    MaxPool,
    Table,
)


def conv(name, features, kernel, stride=1, valid=False):
    """A convolution of the figures: keeps the image size, unless marked "V"."""
    pad = 0 if valid or stride > 1 else "same"
    return [Conv(f"{name}/conv", features, kernel, stride, pad, bias=False), BatchNorm(f"{name}/bn")]


def chain(name, *convs):
    """A sequence of convolutions."""
    return [layer for index, each in enumerate(convs) for layer in conv(f"{name}_{index}", *each)]


def average(name, features):
    """An average pool that keeps the size, followed by a 1x1 convolution."""
    return [AvgPool(f"{name}_0", 3, 1, 1), *conv(f"{name}_1", features, 1)]


def fork(name):
    """The parallel 1x3 and 3x1 convolutions at the end of two branches of Inception-C."""
    return Branches([conv(f"{name}a", 256, (1, 3)), conv(f"{name}b", 256, (3, 1))])


def stem():
    """The stem of figure 3."""
    return [
        *conv("conv1", 32, 3, 2),
        *conv("conv2", 32, 3, valid=True),
        *conv("conv3", 64, 3),
        Branches([[MaxPool("stem1/branch0", 3, 2)], conv("stem1/branch1", 96, 3, 2)]),
        Branches(
            [
                chain("stem2/branch0", (64, 1), (96, 3, 1, True)),
                chain("stem2/branch1", (64, 1), (64, (1, 7)), (64, (7, 1)), (96, 3, 1, True)),
            ]
        ),
        Branches([conv("stem3/branch0", 192, 3, 2), [MaxPool("stem3/branch1", 3, 2)]]),
    ]


def inception_a(name):
    """Inception-A, figure 4."""
    return Branches(
        [
            conv(f"{name}/branch0", 96, 1),
            chain(f"{name}/branch1", (64, 1), (96, 3)),
            chain(f"{name}/branch2", (64, 1), (96, 3), (96, 3)),
            average(f"{name}/branch3", 96),
        ]
    )


def inception_b(name):
    """Inception-B, figure 5."""
    return Branches(
        [
            conv(f"{name}/branch0", 384, 1),
            chain(f"{name}/branch1", (192, 1), (224, (1, 7)), (256, (7, 1))),
            chain(f"{name}/branch2", (192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7))),
            average(f"{name}/branch3", 128),
        ]
    )


def inception_c(name):
    """Inception-C, figure 6."""
    return Branches(
        [
            conv(f"{name}/branch0", 256, 1),
            [*chain(f"{name}/branch1", (384, 1)), fork(f"{name}/branch1_1")],
            [*chain(f"{name}/branch2", (384, 1), (448, (3, 1)), (512, (1, 3))), fork(f"{name}/branch2_3")],
            average(f"{name}/branch3", 256),
        ]
    )


def reduction_a(k, l, m, n):  # noqa: E741
    """Reduction-A, figure 7 and table 1."""
    return Branches(
        [
            conv("reduction_a/branch0", n, 3, 2),
            chain("reduction_a/branch1", (k, 1), (l, 3), (m, 3, 2)),
            [MaxPool("reduction_a/branch2", 3, 2)],
        ]
    )


def reduction_b():
    """Reduction-B, figure 8."""
    return Branches(
        [
            chain("reduction_b/branch0", (192, 1), (192, 3, 2)),
            chain("reduction_b/branch1", (256, 1), (256, (1, 7)), (320, (7, 1)), (320, 3, 2)),
            [MaxPool("reduction_b/branch2", 3, 2)],
        ]
    )


def residual(name, channels, *branches):
    """A residual block: branches, and a linear 1x1 convolution back to the input channels, added to the input."""
    inside = [
        chain(f"{name}/branch{index}", *convs) if len(convs) > 1 else conv(f"{name}/branch{index}", *convs[0])
        for index, convs in enumerate(branches)
    ]
    return Branches([[Branches(inside), Conv(f"{name}/project", channels, 1)], []], "add")


def resnet_layers():
    """The layers of the published code, with its scope names; its comments note output channels of 320, 1088, 2080."""
    a = [
        residual(f"inception_resnet_a{index}", 320, [(32, 1)], [(32, 1), (32, 3)], [(32, 1), (48, 3), (64, 3)])
        for index in range(10)
    ]
    b = [
        residual(f"inception_resnet_b{index}", 1088, [(192, 1)], [(128, 1), (160, (1, 7)), (192, (7, 1))])
        for index in range(20)
    ]
    c = [
        residual(f"inception_resnet_c{index}", 2080, [(192, 1)], [(192, 1), (224, (1, 3)), (256, (3, 1))])
        for index in range(10)
    ]
    mixed_5b = [
        conv("mixed_5b/branch0", 96, 1),
        chain("mixed_5b/branch1", (48, 1), (64, 5)),
        chain("mixed_5b/branch2", (64, 1), (96, 3), (96, 3)),
        average("mixed_5b/branch3", 64),
    ]
    mixed_7a = [
        chain("reduction_b/branch0", (256, 1), (384, 3, 2)),
        chain("reduction_b/branch1", (256, 1), (288, 3, 2)),
        chain("reduction_b/branch2", (256, 1), (288, 3), (320, 3, 2)),
        [MaxPool("reduction_b/branch3", 3, 2)],
    ]
    return [
        *conv("conv_1a", 32, 3, 2),
        *conv("conv_2a", 32, 3, valid=True),
        *conv("conv_2b", 64, 3),
        MaxPool("pool_3a", 3, 2),
        *conv("conv_3b", 80, 1),
        *conv("conv_4a", 192, 3, valid=True),
        MaxPool("pool_5a", 3, 2),
        Branches(mixed_5b),
        *a,
        reduction_a(256, 256, 384, 384),
        *b,
        Branches(mixed_7a),
        *c,
        *conv("conv_7b", 1536, 1),
    ]


# "Average pooling", "Dropout (keep 0.8)", "Softmax".
HEAD = [GlobalAvgPool("avgpool"), Flatten(), Keeps("dropout", "Dropout"), Linear("fc", 1000)]

PAPERS = {
    "inception_v4": Table(
        source="Szegedy et al. 2017, figures 3 to 9 and table 1",
        input_shape=(299, 299, 3),
        num_classes=1000,
        layers=[
            *stem(),
            *[inception_a(f"inception_a{index}") for index in range(4)],
            reduction_a(192, 224, 256, 384),
            *[inception_b(f"inception_b{index}") for index in range(7)],
            reduction_b(),
            *[inception_c(f"inception_c{index}") for index in range(3)],
            *HEAD,
        ],
    ),
    "inception_resnet_v2": Table(
        source="the code that Szegedy et al. 2017 published (tensorflow/models); their figures have another network",
        input_shape=(299, 299, 3),
        num_classes=1000,
        layers=[*resnet_layers(), *HEAD],
    ),
}
