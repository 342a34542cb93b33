"""LeCun, Bottou, Bengio, Haffner 1998."""

from verification.facts.arithmetic import AvgPool, Conv, Linear, Table

PAPERS = {
    "lenet5": Table(
        source=(
            "LeCun, Bottou, Bengio, Haffner 1998, section II.B, figure 2; "
            "S2 and S4 without parameters, C3 sees all of S2"
        ),
        input_shape=(32, 32, 1),
        num_classes=10,
        layers=[
            Conv("c1", 6, kernel=5),
            AvgPool("s2", 2, 2),
            Conv("c3", 16, kernel=5),
            AvgPool("s4", 2, 2),
            Conv("c5", 120, kernel=5),
            Linear("f6", 84),
            Linear("output", 10),
        ],
    )
}
