"""Page 2018, How to Train Your ResNet: the network of the repository davidcpage/cifar10-fast."""

from verification.facts.arithmetic import BatchNorm, Conv, Linear, MaxPool, Table


def _layer(name, filters):
    return [Conv(f"{name}/conv", filters, kernel=3, pad=1, bias=False), BatchNorm(f"{name}/bn")]


PAPERS = {
    "resnet9": Table(
        source="Page 2018, How to Train Your ResNet, part 4; davidcpage/cifar10-fast, dawn.py, `net`",
        input_shape=(32, 32, 3),
        num_classes=10,
        layers=[
            *_layer("prep", 64),
            *_layer("layer1", 128),
            MaxPool("pool1", window=2, stride=2),
            *_layer("residual1_1", 128),
            *_layer("residual1_2", 128),
            *_layer("layer2", 256),
            MaxPool("pool2", window=2, stride=2),
            *_layer("layer3", 512),
            MaxPool("pool3", window=2, stride=2),
            *_layer("residual3_1", 512),
            *_layer("residual3_2", 512),
            MaxPool("pool4", window=4, stride=4),
            Linear("fc", 10, bias=False),
        ],
    )
}
