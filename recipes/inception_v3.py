"""Inception v3."""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("inception_v3", options={"dropout": 0.5}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(75), HorizontalFlip(), Normalize()),
        eval=(Resize(75), Normalize()),
    ),
    initialization=Initialization(kernel=TruncatedNormal(0.1), bias=Constant(0.0)),
    optimizer=RMSprop(
        decay=0.9, momentum=0.9, epsilon=1.0, epsilon_in_root=True, initial_average=1.0, rate_in_momentum=True
    ),
    clipping=ClipByNorm(2.0),
    schedule=Cosine(peak=0.02, warmup=0.1),
    regularization=Regularization(weight_decay=4e-5, decayed=("*kernel",), label_smoothing=0.1),
    budget=Budget(batch_size=32, steps=200, evaluate_every=0.25, interim_examples=500),
)
