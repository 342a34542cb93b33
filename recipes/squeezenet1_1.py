"""SqueezeNet 1.1."""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("squeezenet1_1", options={"dropout": 0.5}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(64), HorizontalFlip(), Normalize()),
        eval=(Resize(64), Normalize()),
    ),
    initialization=Initialization(kernel=HeNormal(), bias=Constant(0.0), exceptions={"conv10/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9),
    schedule=Polynomial(peak=0.02, warmup=0.1),
    regularization=Regularization(weight_decay=2e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=400, evaluate_every=0.25, interim_examples=500),
)
