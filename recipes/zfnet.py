"""ZFNet."""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("zfnet", options={"dropout": 0.5}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(67), HorizontalFlip(), Normalize()),
        eval=(Resize(67), Normalize()),
    ),
    initialization=Initialization(kernel=HeNormal(), bias=Constant(0.0), exceptions={"fc8/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.01, warmup=0.1),
    regularization=Regularization(weight_decay=5e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=250, evaluate_every=0.25, interim_examples=500),
)
