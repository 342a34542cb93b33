"""Krizhevsky, Sutskever, Hinton 2012."""

from verification.facts.arithmetic import Conv, Keeps, Linear, MaxPool, Table

PAPERS = {
    "alexnet": Table(
        source=(
            "Krizhevsky, Sutskever, Hinton 2012, sections 3.3 to 3.5 and 4.2, figure 2; "
            "227 pixels, see zoo/models/alexnet.py"
        ),
        input_shape=(227, 227, 3),
        num_classes=1000,
        layers=[
            Conv("conv1", 96, kernel=11, stride=4),
            Keeps("norm1", "LocalResponseNorm"),
            MaxPool("pool1", 3, 2),
            Conv("conv2", 256, kernel=5, pad=2, groups=2),
            Keeps("norm2", "LocalResponseNorm"),
            MaxPool("pool2", 3, 2),
            Conv("conv3", 384, kernel=3, pad=1),
            Conv("conv4", 384, kernel=3, pad=1, groups=2),
            Conv("conv5", 256, kernel=3, pad=1, groups=2),
            MaxPool("pool5", 3, 2),
            Linear("fc6", 4096),
            Keeps("drop6", "Dropout"),
            Linear("fc7", 4096),
            Keeps("drop7", "Dropout"),
            Linear("fc8", 1000),
        ],
    )
}
