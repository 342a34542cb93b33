"""MobileNet v2."""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("mobilenet_v2", options={"dropout": 0.2}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(64), HorizontalFlip(), Normalize()),
        eval=(Resize(64), Normalize()),
    ),
    initialization=Initialization(),
    optimizer=RMSprop(
        decay=0.9, momentum=0.9, epsilon=1.0, epsilon_in_root=True, initial_average=1.0, rate_in_momentum=True
    ),
    schedule=Cosine(peak=0.045, warmup=0.1),
    regularization=Regularization(weight_decay=4e-5, decayed=("*kernel",), label_smoothing=0.1),
    budget=Budget(batch_size=32, steps=300, evaluate_every=0.25, interim_examples=500),
)
