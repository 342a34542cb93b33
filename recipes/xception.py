"""Xception."""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("xception", options={"dropout": 0.5}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(71), HorizontalFlip(), Normalize()),
        eval=(Resize(71), Normalize()),
    ),
    initialization=Initialization(),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.045, warmup=0.1),
    regularization=Regularization(weight_decay=1e-5, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=150, evaluate_every=0.25, interim_examples=500),
)
