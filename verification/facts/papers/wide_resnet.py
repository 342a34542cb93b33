"""Zagoruyko, Komodakis 2016."""

from verification.facts.arithmetic import BatchNorm, Branches, Conv, GlobalAvgPool, Keeps, Linear, Table

# Groups of table 1 (there conv2, conv3 and conv4): (name, channels for k = 1, stride of the first convolution).
ROWS = (("layer1", 16, 1), ("layer2", 32, 2), ("layer3", 64, 2))


def _groups(n, k):
    """Returns the groups of n pre-activated blocks B(3,3), with dropout between the convolutions (section 2.4).

    A block that changes the number of channels has a 1x1 convolution in its shortcut, after the first normalization.
    """
    layers, channels = [], 16
    for group, base, stride in ROWS:
        for index in range(n):
            name, first = f"{group}_{index}", stride if index == 0 else 1
            main = [
                Conv(f"{name}/conv1", base * k, kernel=3, stride=first, pad=1, bias=False),
                BatchNorm(f"{name}/bn2"),
                Keeps(f"{name}/dropout", "Dropout"),
                Conv(f"{name}/conv2", base * k, kernel=3, pad=1, bias=False),
            ]
            layers.append(BatchNorm(f"{name}/bn1"))
            if channels != base * k:
                projection = Conv(f"{name}/downsample", base * k, kernel=1, stride=first, bias=False)
                layers.append(Branches([[projection], main], "add"))
            else:
                layers += main
            channels = base * k
    return layers


PAPERS = {
    f"wrn_{depth}_{k}": Table(
        source=f"Zagoruyko, Komodakis 2016, Wide Residual Networks, table 1 and section 2, WRN-{depth}-{k}",
        input_shape=(32, 32, 3),
        num_classes=10,
        layers=[
            Conv("conv1", 16, kernel=3, pad=1, bias=False),
            *_groups((depth - 4) // 6, k),
            BatchNorm("bn"),
            GlobalAvgPool("avgpool"),
            Linear("fc", 10),
        ],
    )
    for depth, k in ((16, 4), (28, 10))
}
