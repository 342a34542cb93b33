"""EfficientNet-B0."""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("efficientnet_b0", options={"dropout": 0.2, "drop_path": 0.2}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(64), HorizontalFlip(), Normalize()),
        eval=(Resize(64), Normalize()),
    ),
    initialization=Initialization(),
    optimizer=RMSprop(
        decay=0.9, momentum=0.9, epsilon=1e-3, epsilon_in_root=True, initial_average=1.0, rate_in_momentum=True
    ),
    weight_average=WeightAverage(0.98),
    schedule=Step(peak=0.005, warmup=0.1, every=0.02, factor=0.95),
    regularization=Regularization(weight_decay=1e-5, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=250, evaluate_every=0.25, interim_examples=500),
)
