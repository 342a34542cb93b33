"""Simonyan, Zisserman 2015, table 1; batch normalization (Ioffe, Szegedy 2015) after each convolution for `_bn`."""

from verification.facts.arithmetic import BatchNorm, Conv, Keeps, Linear, MaxPool, Table

# Columns of table 1: features of the 3x3 convolutions in each of the five blocks, which end in a max pool.
COLUMNS = {
    "vgg11": ("A", [[64], [128], [256, 256], [512, 512], [512, 512]]),
    "vgg13": ("B", [[64, 64], [128, 128], [256, 256], [512, 512], [512, 512]]),
    "vgg16": ("D", [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]]),
    "vgg19": ("E", [[64, 64], [128, 128], [256, 256, 256, 256], [512, 512, 512, 512], [512, 512, 512, 512]]),
}


def _layers(blocks, batch_norm):
    layers = []
    for block, widths in enumerate(blocks, start=1):
        for index, features in enumerate(widths, start=1):
            layers.append(Conv(f"conv{block}_{index}", features, kernel=3, pad=1))
            if batch_norm:
                layers.append(BatchNorm(f"bn{block}_{index}"))
        layers.append(MaxPool(f"pool{block}", 2, 2))
    return [
        *layers,
        Keeps("avgpool", "AdaptiveAvgPool"),  # to 7x7, the size already reached from 224 pixels
        Linear("fc6", 4096),
        Keeps("drop6", "Dropout"),
        Linear("fc7", 4096),
        Keeps("drop7", "Dropout"),
        Linear("fc8", 1000),
    ]


PAPERS = {
    name + suffix: Table(
        source=f"Simonyan, Zisserman 2015, table 1, column {column}{normalized}",
        input_shape=(224, 224, 3),
        num_classes=1000,
        layers=_layers(blocks, bool(suffix)),
    )
    for name, (column, blocks) in COLUMNS.items()
    for suffix, normalized in (("", ""), ("_bn", ", with batch normalization after each convolution"))
    if name + suffix != "vgg16_bn"  # its facts come from third_party/references/torchvision, with torchvision's names
}
