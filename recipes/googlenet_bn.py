"""GoogLeNet with batch normalization."""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("googlenet_bn", options={"dropout": 0.2}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(64), HorizontalFlip(), Normalize()),
        eval=(Resize(64), Normalize()),
    ),
    initialization=Initialization(kernel=HeNormal(), bias=Constant(0.0)),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.05, warmup=0.1),
    regularization=Regularization(weight_decay=1e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=200, evaluate_every=0.25, interim_examples=500),
)
