"""Lin, Chen, Yan 2014."""

from verification.facts.arithmetic import AvgPool, Conv, GlobalAvgPool, Keeps, MaxPool, Table

PAPERS = {
    "nin_cifar": Table(
        source="Lin, Chen, Yan 2014, section 4, and the authors' definition in Caffe for CIFAR-10",
        input_shape=(32, 32, 3),
        num_classes=10,
        layers=[
            Conv("conv1", 192, kernel=5, pad=2),
            Conv("cccp1", 160, kernel=1),
            Conv("cccp2", 96, kernel=1),
            MaxPool("pool1", 3, 2, ceil=True),  # 16 pixels
            Keeps("drop1", "Dropout"),
            Conv("conv2", 192, kernel=5, pad=2),
            Conv("cccp3", 192, kernel=1),
            Conv("cccp4", 192, kernel=1),
            AvgPool("pool2", 3, 2, pad=((0, 1), (0, 1))),  # 8; the last window crosses the edge
            Keeps("drop2", "Dropout"),
            Conv("conv3", 192, kernel=3, pad=1),
            Conv("cccp5", 192, kernel=1),
            Conv("cccp6", 10, kernel=1),
            GlobalAvgPool("avgpool"),
        ],
    )
}
