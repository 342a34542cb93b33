"""Inception v4."""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("inception_v4", options={"dropout": 0.2}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(75), HorizontalFlip(), Normalize()),
        eval=(Resize(75), Normalize()),
    ),
    initialization=Initialization(),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.02, warmup=0.1),
    regularization=Regularization(weight_decay=4e-5, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=150, evaluate_every=0.25, interim_examples=500),
)
