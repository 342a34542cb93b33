"""Chollet 2017."""

import itertools

from verification.facts.arithmetic import (
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


def separable(name, inputs, outputs):
    """SeparableConv of the figure: depthwise 3x3 and pointwise convolution, without biases, and batch normalization."""
    return [
        Conv(f"{name}/depthwise", inputs, 3, pad=1, groups=inputs, bias=False),
        Conv(f"{name}/pointwise", outputs, 1, bias=False),
        BatchNorm(f"{name}/bn"),
    ]


def convolution(name, features, kernel, stride):
    """Conv of the figure: a convolution and batch normalization."""
    return [Conv(f"{name}/conv", features, kernel, stride, bias=False), BatchNorm(f"{name}/bn")]


def block(name, channels, reduces):
    """A block of separable convolutions through all `channels`, and its shortcut; if `reduces`, with strides of 2."""
    branch, shortcut = [], []
    for index, (inputs, outputs) in enumerate(itertools.pairwise(channels), start=1):
        branch += separable(f"{name}/conv{index}", inputs, outputs)
    if reduces:
        branch.append(MaxPool(f"{name}/pool", 3, 2, pad=1))
        shortcut = convolution(f"{name}/shortcut", channels[-1], 1, 2)
    return Branches([branch, shortcut], "add")


PAPERS = {
    "xception": Table(
        source="Chollet 2017, figure 5 and section 4.3",
        input_shape=(299, 299, 3),
        num_classes=1000,
        layers=[
            *convolution("conv1", 32, 3, 2),
            *convolution("conv2", 64, 3, 1),
            block("block1", [64, 128, 128], reduces=True),
            block("block2", [128, 256, 256], reduces=True),
            block("block3", [256, 728, 728], reduces=True),
            *[block(f"block{4 + index}", [728, 728, 728, 728], reduces=False) for index in range(8)],
            block("block12", [728, 728, 1024], reduces=True),
            *separable("conv3", 1024, 1536),
            *separable("conv4", 1536, 2048),
            GlobalAvgPool("avgpool"),
            Flatten(),
            Keeps("dropout", "Dropout"),
            Linear("fc", 1000),
        ],
    )
}
