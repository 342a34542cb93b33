"""MobileNet v3."""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("mobilenet_v3_small", options={"dropout": 0.2, "momentum": 0.9}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(64), HorizontalFlip(), Normalize()),
        eval=(Resize(64), Normalize()),
    ),
    initialization=Initialization(),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.05, warmup=0.1),
    regularization=Regularization(weight_decay=1e-5, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=300, evaluate_every=0.25, interim_examples=500),
)
