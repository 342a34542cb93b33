"""Howard et al. 2017: MobileNet. Figure 3: a batch normalization after each convolution, depthwise and 1x1."""

from verification.facts.arithmetic import BatchNorm, Conv, GlobalAvgPool, Linear, Table

# Table 1, the pairs "Conv dw" and "Conv / s1": channels in, channels out, stride of the depthwise one. The last "Conv dw"
# has "s2" in print; its 7x7 input and the 7x7 input of the row that follows make it 1.
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
