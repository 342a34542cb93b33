"""GoogLeNet."""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("googlenet", options={"dropout": 0.4, "aux_heads": True}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(96), HorizontalFlip(), Normalize()),
        eval=(Resize(96), Normalize()),
    ),
    initialization=Initialization(kernel=HeNormal(), bias=Constant(0.0)),
    optimizer=SGD(momentum=0.9),
    auxiliary_weight=0.3,
    schedule=Cosine(peak=0.01, warmup=0.1),
    regularization=Regularization(weight_decay=2e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=200, evaluate_every=0.25, interim_examples=500),
)
