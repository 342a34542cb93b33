"""AlexNet"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("alexnet", options={"dropout": 0.5}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(),
    augmentation=Augmentation(
        train=(Resize(227), HorizontalFlip(), Normalize()),
        eval=(Resize(227), Normalize()),
    ),
    initialization=Initialization(kernel=HeNormal(), bias=Constant(0.0)),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.01),
    regularization=Regularization(weight_decay=5e-4),
    budget=Budget(batch_size=64, steps=120, evaluate_every=0.25, interim_examples=1000),
    target=Target(top1=0.7, within_steps=120),
    provenance={"model": "p"},
)
