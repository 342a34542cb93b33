"""He, Zhang, Ren, Sun 2016, section 4.2: networks of 6n + 2 layers for CIFAR-10."""

from verification.facts.arithmetic import BatchNorm, Conv, GlobalAvgPool, Linear, Table

# Stages of the table in section 4.2: (name, filters, stride of the first convolution), with 2n convolutions each.
ROWS = (("layer1", 16, 1), ("layer2", 32, 2), ("layer3", 64, 2))


def _stages(n):
    """Returns the pairs of 3x3 convolutions; all shortcuts are identities (option A), without layers."""
    layers = []
    for stage, filters, stride in ROWS:
        for index in range(n):
            name = f"{stage}_{index}"
            layers += [
                Conv(f"{name}/conv1", filters, kernel=3, stride=stride if index == 0 else 1, pad=1, bias=False),
                BatchNorm(f"{name}/bn1"),
                Conv(f"{name}/conv2", filters, kernel=3, pad=1, bias=False),
                BatchNorm(f"{name}/bn2"),
            ]
    return layers


PAPERS = {
    f"resnet{6 * n + 2}": Table(
        source=f"He, Zhang, Ren, Sun 2016, Deep Residual Learning, section 4.2, n = {n}",
        input_shape=(32, 32, 3),
        num_classes=10,
        layers=[
            Conv("conv1", 16, kernel=3, pad=1, bias=False),
            BatchNorm("bn1"),
            *_stages(n),
            GlobalAvgPool("avgpool"),
            Linear("fc", 10),
        ],
    )
    for n in (3, 5, 7, 9, 18)
}
