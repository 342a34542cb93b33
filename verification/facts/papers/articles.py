"""Keras networks from articles on failures to converge."""

from verification.facts.arithmetic import BatchNorm, Conv, Linear, MaxPool, Table

PAPERS = {
    "bn_cnn": Table(
        source='the article "What causes TensorFlow CNN training errors?", example 3',
        input_shape=(28, 28, 1),
        num_classes=10,
        layers=[
            Conv("conv1", 32, kernel=3),
            BatchNorm("bn1"),
            MaxPool("pool1", 2, 2),
            Linear("fc2", 10),
        ],
    ),
    "mlp": Table(
        source=(
            'the article "Why does my TensorFlow 2.1 classification network fail to converge?", '
            "example 2, balanced model"
        ),
        input_shape=(1, 1, 20),
        num_classes=1,
        layers=[
            Linear("fc1", 64),
            Linear("fc2", 32),
            Linear("fc3", 1),
        ],
    ),
}
