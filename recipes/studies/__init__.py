"""Studies, one per file, that compare what makes networks fail to converge with what makes them converge.

    python -m zoo.compare --study=learning_rate

They vary the recipes below: small networks that train in seconds on two CPU cores, on Fashion-MNIST or on a table of
random numbers.
"""

from zoo.recipe import *


def _recipe(
    model: Model, pixels: int, initialization: Initialization, peak: float, steps: int, interim_examples: int = 1000
) -> Recipe:
    return Recipe(
        model=model,
        data=Data("fashion_mnist"),
        normalization=ChannelMeanStd(),
        augmentation=Augmentation(train=(Resize(pixels), Normalize()), eval=(Resize(pixels), Normalize())),
        initialization=initialization,
        optimizer=SGD(momentum=0.9),
        schedule=Cosine(peak=peak, warmup=0.1),
        regularization=Regularization(),
        budget=Budget(batch_size=64, steps=steps, evaluate_every=0.1, interim_examples=interim_examples),
        precision=Precision(gpu="float32", tpu="float32"),
        target=Target(0.75),
    )


LENET5 = _recipe(Model("lenet5"), 32, Initialization(kernel=GlorotUniform(), bias=Constant(0.0)), peak=0.05, steps=300)

MLP = _recipe(
    Model("mlp", options={"hidden": (64, 32)}),
    28,
    Initialization(kernel=HeNormal(), bias=Constant(0.0)),
    peak=0.05,
    steps=600,
)

# AlexNet for its smallest images, with narrow linear layers and without dropout, which short runs do not need.
ALEXNET = _recipe(
    Model("alexnet", options={"hidden": 128, "dropout": 0.0}),
    67,
    Initialization(kernel=HeNormal(), bias=Constant(0.0), exceptions={"fc8/kernel": Normal(0.01)}),
    peak=0.02,
    steps=100,
    interim_examples=250,
)

# VGG with one convolution per block.
VGG = _recipe(
    Model("vgg11", options={"depths": (1, 1, 1, 1, 1), "hidden": 128, "dropout": 0.0}),
    32,
    Initialization(),
    peak=0.02,
    steps=80,
    interim_examples=250,
).override({"budget.batch_size": 32})

# Fractions of Fashion-MNIST's images; of 600 or 1,200 images a network memorizes many.
CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
IMAGES_600 = {"data.keep": dict.fromkeys(CLASSES, 0.01)}
IMAGES_1200 = {"data.keep": dict.fromkeys(CLASSES, 0.02)}

# The balanced network of the article "Why does my TensorFlow 2.1 classification network fail to converge?" (2025),
# trained as in the article, on classes that can be distinguished.
TABLE = Recipe(
    model=Model("mlp", options={"hidden": (64, 32)}),
    data=Data("synthetic:ringnorm"),
    normalization=FeatureMeanStd(),
    augmentation=Augmentation(train=(Normalize(),), eval=(Normalize(),)),
    initialization=Initialization(kernel=GlorotUniform(), bias=Constant(0.0)),
    optimizer=Adam(),
    schedule=ConstantRate(peak=0.001),
    regularization=Regularization(),
    budget=Budget(batch_size=32, steps=1250, evaluate_every=0.05),
    precision=Precision(gpu="float32", tpu="float32"),
    target=Target(0.9),
)

# 800 training examples, as in the article.
FEW_EXAMPLES = {"data.keep": {"0": 0.2, "1": 0.2}}
