"""ShuffleNet v2."""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("shufflenet_v2_x1_0"),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(64), HorizontalFlip(), Normalize()),
        eval=(Resize(64), Normalize()),
    ),
    initialization=Initialization(),
    optimizer=SGD(momentum=0.9),
    schedule=Polynomial(peak=0.05, warmup=0.1),
    regularization=Regularization(weight_decay=4e-5, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=300, evaluate_every=0.25, interim_examples=500),
)
