"""Zeiler, Fergus 2014."""

from verification.facts.arithmetic import Conv, Keeps, Linear, MaxPool, Table

PAPERS = {
    "zfnet": Table(
        source=(
            "Zeiler, Fergus 2014, figure 3 and section 3.1; padding from the figure's sizes, see zoo/models/zfnet.py"
        ),
        input_shape=(224, 224, 3),
        unconfirmed="constants of the response normalization, which are AlexNet's",
        num_classes=1000,
        layers=[
            Conv("conv1", 96, kernel=7, stride=2, pad=1),  # 110 pixels
            MaxPool("pool1", 3, 2, pad=1),  # 55
            Keeps("norm1", "LocalResponseNorm"),
            Conv("conv2", 256, kernel=5, stride=2),  # 26
            MaxPool("pool2", 3, 2, pad=1),  # 13
            Keeps("norm2", "LocalResponseNorm"),
            Conv("conv3", 384, kernel=3, pad=1),
            Conv("conv4", 384, kernel=3, pad=1),
            Conv("conv5", 256, kernel=3, pad=1),
            MaxPool("pool5", 3, 2),  # 6
            Linear("fc6", 4096),
            Keeps("drop6", "Dropout"),
            Linear("fc7", 4096),
            Keeps("drop7", "Dropout"),
            Linear("fc8", 1000),
        ],
    )
}
