"""Springenberg, Dosovitskiy, Brox, Riedmiller 2015."""

from verification.facts.arithmetic import Conv, GlobalAvgPool, Keeps, Table

PAPERS = {
    "all_cnn_c": Table(
        source=(
            "Springenberg, Dosovitskiy, Brox, Riedmiller 2015, tables 1 and 2, All-CNN-C; "
            "every 3x3 convolution is padded"
        ),
        input_shape=(32, 32, 3),
        unconfirmed="padding, and the window of the last average",
        num_classes=10,
        layers=[
            Keeps("drop0", "Dropout"),
            Conv("conv1", 96, kernel=3, pad=1),
            Conv("conv2", 96, kernel=3, pad=1),
            Conv("conv3", 96, kernel=3, stride=2, pad=1),
            Keeps("drop1", "Dropout"),
            Conv("conv4", 192, kernel=3, pad=1),
            Conv("conv5", 192, kernel=3, pad=1),
            Conv("conv6", 192, kernel=3, stride=2, pad=1),
            Keeps("drop2", "Dropout"),
            Conv("conv7", 192, kernel=3, pad=1),
            Conv("conv8", 192, kernel=1),
            Conv("conv9", 10, kernel=1),
            GlobalAvgPool("avgpool"),
        ],
    )
}
