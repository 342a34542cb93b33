"""Szegedy et al. 2015."""

from verification.facts.arithmetic import Branches, Conv, Flatten, GlobalAvgPool, Keeps, Linear, MaxPool, Table


def inception(name, one, reduce3, three, reduce5, five, proj):
    """Figure 2b with a row of table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj."""
    return Branches(
        [
            [Conv(f"{name}/branch1", one, 1)],
            [Conv(f"{name}/branch2_reduce", reduce3, 1), Conv(f"{name}/branch2_conv", three, 3, pad=1)],
            [Conv(f"{name}/branch3_reduce", reduce5, 1), Conv(f"{name}/branch3_conv", five, 5, pad=2)],
            [MaxPool(f"{name}/branch4_pool", 3, 1, pad=1), Conv(f"{name}/branch4_proj", proj, 1)],
        ]
    )


# The auxiliary heads of section 5 are not in the table: on the 14x14 pixels of 4a (512 channels) and of 4d (528), an
# average pool 5x5/3 (4x4 pixels), 128 kernels of 1x1, linear layers of 1024 and 1000. With biases that is
#   4a: 512 * 128 + 128 + 16 * 128 * 1024 + 1024 + 1024 * 1000 + 1000 = 3,188,840
#   4d: 528 * 128 + 128 + the same                                   = 3,190,888
# and 6,998,552 + 3,188,840 + 3,190,888 = 13,378,280 with both.
PAPERS = {
    "googlenet": Table(
        source="Szegedy et al. 2015, table 1 and figures 2b and 3",
        input_shape=(224, 224, 3),
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
            inception("inception4b", 160, 112, 224, 24, 64, 64),
            inception("inception4c", 128, 128, 256, 24, 64, 64),
            inception("inception4d", 112, 144, 288, 32, 64, 64),
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
}
