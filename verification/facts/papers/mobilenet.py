"""Howard et al. 2017: MobileNet, with batch normalization after each depthwise and 1x1 convolution (figure 3)."""

from verification.facts.arithmetic import BatchNorm, Conv, GlobalAvgPool, Linear, Table

# The pairs "Conv dw" and "Conv / s1" of table 1: (input channels, output channels, stride of "Conv dw").
# The last "Conv dw" is printed with "s2"; its 7x7 input and the 7x7 input of the next row imply a stride of 1.
PAIRS = [
    (32, 64, 1),
    (64, 128, 2),
    (128, 128, 1),
    (128, 256, 2),
    (256, 256, 1),
    (256, 512, 2),
    *5 * [(512, 512, 1)],
    (512, 1024, 2),
    (1024, 1024, 1),
]


def conv_norm(place, features, kernel, stride=1, groups=1):
    return [
        Conv(f"{place}/conv", features, kernel, stride, pad="same", groups=groups, bias=False),
        BatchNorm(f"{place}/bn"),
    ]


def layers():
    yield from conv_norm("conv1", 32, 3, stride=2)
    for number, (before, after, stride) in enumerate(PAIRS, start=1):
        yield from conv_norm(f"block{number}/depthwise", before, 3, stride, groups=before)
        yield from conv_norm(f"block{number}/pointwise", after, 1)
    yield GlobalAvgPool("avgpool")
    yield Linear("fc", 1000)


PAPERS = {
    "mobilenet_v1": Table(
        source="Howard et al. 2017, table 1 and figure 3",
        input_shape=(224, 224, 3),
        num_classes=1000,
        layers=[*layers()],
    )
}
