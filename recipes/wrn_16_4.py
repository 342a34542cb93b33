"""WRN-16-4."""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("wrn_16_4"),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(32), HorizontalFlip(), Normalize()),
        eval=(Resize(32), Normalize()),
    ),
    initialization=Initialization(),
    optimizer=SGD(momentum=0.9, nesterov=True),
    schedule=Cosine(peak=0.05, warmup=0.1),
    regularization=Regularization(weight_decay=5e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=200, evaluate_every=0.25, interim_examples=500),
)
