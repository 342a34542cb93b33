"""ConvNeXt-T."""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("convnext_tiny", options={"drop_path": 0.1, "initial_scale": 1e-6}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(Resize(64), HorizontalFlip(), Normalize()),
        eval=(Resize(64), Normalize()),
    ),
    initialization=Initialization(),
    optimizer=AdamW(),
    schedule=Cosine(peak=1e-3, warmup=0.1),
    regularization=Regularization(weight_decay=0.05, decayed=("*kernel",), label_smoothing=0.1),
    budget=Budget(batch_size=32, steps=150, evaluate_every=0.25, interim_examples=500),
)
