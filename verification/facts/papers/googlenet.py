"""Szegedy et al. 2015."""

from verification.facts.arithmetic import (
    Aside,
    AvgPool,
    Branches,
    Conv,
    Flatten,
    GlobalAvgPool,
    Keeps,
    Linear,
    MaxPool,
    Table,
)


def inception(name, one, reduce3, three, reduce5, five, proj):
    """The module of figure 2b, with a row of table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj."""
    return Branches(
        [
            [Conv(f"{name}/branch1", one, 1)],
            [Conv(f"{name}/branch2_reduce", reduce3, 1), Conv(f"{name}/branch2_conv", three, 3, pad=1)],
            [Conv(f"{name}/branch3_reduce", reduce5, 1), Conv(f"{name}/branch3_conv", five, 5, pad=2)],
            [MaxPool(f"{name}/branch4_pool", 3, 1, pad=1), Conv(f"{name}/branch4_proj", proj, 1)],
        ]
    )


def head(name):
    """The auxiliary head of section 5: average pool 5x5/3, 128 kernels of 1x1, linear layers of 1024 and 1000."""
    return Aside(
        [
            AvgPool(f"{name}/pool", 5, 3),  # 4x4 pixels
            Conv(f"{name}/conv", 128, 1),
            Flatten(),
            Linear(f"{name}/fc1", 1024),
            Keeps(f"{name}/dropout", "Dropout"),
            Linear(f"{name}/fc2", 1000),
        ]
    )


def table(with_heads):
    return Table(
        source="Szegedy et al. 2015, table 1 and figures 2b and 3" + ("; section 5" if with_heads else ""),
        input_shape=(224, 224, 3),
        unconfirmed="constants of the response normalization, and padding, which are Caffe's",
        num_classes=1000,
        layers=[
            Conv("conv1", 64, 7, stride=2, pad=3),  # 112 pixels
            MaxPool("pool1", 3, 2, ceil=True),  # 56
            Keeps("norm1", "LocalResponseNorm"),
            Conv("conv2", 64, 1),
            Conv("conv3", 192, 3, pad=1),
            Keeps("norm2", "LocalResponseNorm"),
            MaxPool("pool2", 3, 2, ceil=True),  # 28
            inception("inception3a", 64, 96, 128, 16, 32, 32),
            inception("inception3b", 128, 128, 192, 32, 96, 64),
            MaxPool("pool3", 3, 2, ceil=True),  # 14
            inception("inception4a", 192, 96, 208, 16, 48, 64),
            *([head("aux1")] if with_heads else []),
            inception("inception4b", 160, 112, 224, 24, 64, 64),
            inception("inception4c", 128, 128, 256, 24, 64, 64),
            inception("inception4d", 112, 144, 288, 32, 64, 64),
            *([head("aux2")] if with_heads else []),
            inception("inception4e", 256, 160, 320, 32, 128, 128),
            MaxPool("pool4", 3, 2, ceil=True),  # 7
            inception("inception5a", 256, 160, 320, 32, 128, 128),
            inception("inception5b", 384, 192, 384, 48, 128, 128),
            GlobalAvgPool("avgpool"),  # 7x7/1
            Flatten(),
            Keeps("dropout", "Dropout"),
            Linear("fc", 1000),
        ],
    )


PAPERS = {"googlenet": table(with_heads=False)}
WITH_HEADS = {"googlenet": table(with_heads=True)}
