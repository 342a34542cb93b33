"""He, Zhang, Ren, Sun 2016, both papers: the networks that third_party/references/torchvision does not contain.

Table 1 of the first paper lists, for each stage, the channels of a bottleneck's 1x1, 3x3 and 1x1 convolutions and the
number of blocks. The stride of a stage is in the 3x3 convolution of its first block, as in torchvision and timm.
"""

from verification.facts.arithmetic import BatchNorm, Branches, Conv, GlobalAvgPool, Linear, MaxPool, Table

# Stages of table 1: (name, channels of the three convolutions, stride of the first block).
ROWS = (
    ("layer1", (64, 64, 256), 1),
    ("layer2", (128, 128, 512), 2),
    ("layer3", (256, 256, 1024), 2),
    ("layer4", (512, 512, 2048), 2),
)
BLOCKS_50 = (3, 4, 6, 3)
BLOCKS_152 = (3, 8, 36, 3)


def _stages(block, counts):
    """Returns the layers of all blocks; the first of each stage has the stride and a projection shortcut."""
    layers = []
    for (stage, channels, stride), count in zip(ROWS, counts, strict=True):
        for index in range(count):
            layers += block(f"{stage}_{index}", channels, stride if index == 0 else 1, projected=index == 0)
    return layers


def _bottleneck(name, channels, stride, projected):
    """The block of figure 5, right: batch normalization after each convolution, including the projection."""
    reduce, middle, expand = channels
    main = [
        Conv(f"{name}/conv1", reduce, kernel=1, bias=False),
        BatchNorm(f"{name}/bn1"),
        Conv(f"{name}/conv2", middle, kernel=3, stride=stride, pad=1, bias=False),
        BatchNorm(f"{name}/bn2"),
        Conv(f"{name}/conv3", expand, kernel=1, bias=False),
        BatchNorm(f"{name}/bn3"),
    ]
    if not projected:
        return main
    projection = [
        Conv(f"{name}/downsample_conv", expand, kernel=1, stride=stride, bias=False),
        BatchNorm(f"{name}/downsample_bn"),
    ]
    return [Branches([main, projection], "add")]


def _preactivated(name, channels, stride, projected):
    """The block of figure 4 (e) of the second paper: pre-activation, of which the projection shares the first."""
    reduce, middle, expand = channels
    main = [
        Conv(f"{name}/conv1", reduce, kernel=1, bias=False),
        BatchNorm(f"{name}/bn2"),
        Conv(f"{name}/conv2", middle, kernel=3, stride=stride, pad=1, bias=False),
        BatchNorm(f"{name}/bn3"),
        Conv(f"{name}/conv3", expand, kernel=1, bias=False),
    ]
    projection = Conv(f"{name}/downsample", expand, kernel=1, stride=stride, bias=False)
    branches = [Branches([[projection], main], "add")] if projected else main
    return [BatchNorm(f"{name}/bn1"), *branches]


PAPERS = {
    "resnet152": Table(
        source="He, Zhang, Ren, Sun 2016, Deep Residual Learning, table 1 and section 3.4; strides as in torchvision",
        input_shape=(224, 224, 3),
        num_classes=1000,
        layers=[
            Conv("conv1", 64, kernel=7, stride=2, pad=3, bias=False),
            BatchNorm("bn1"),
            MaxPool("maxpool", 3, 2, pad=1),
            *_stages(_bottleneck, BLOCKS_152),
            GlobalAvgPool("avgpool"),
            Linear("fc", 1000),
        ],
    ),
    "resnetv2_50": Table(
        source=(
            "He, Zhang, Ren, Sun 2016, Deep Residual Learning, table 1, with the blocks of Identity Mappings in Deep "
            "Residual Networks, figure 4 (e) and section 3; stem and strides as in timm"
        ),
        input_shape=(224, 224, 3),
        num_classes=1000,
        layers=[
            Conv("conv1", 64, kernel=7, stride=2, pad=3, bias=False),
            MaxPool("maxpool", 3, 2, pad=1),
            *_stages(_preactivated, BLOCKS_50),
            BatchNorm("bn"),
            GlobalAvgPool("avgpool"),
            Linear("fc", 1000),
        ],
    ),
}
