"""Studies, one a file: what makes networks fail to converge, each seen beside what does not.

    python -m zoo.compare --study=learning_rate

The recipes below are what they vary: small networks that train in seconds, with two CPU cores, on Fashion-MNIST or on a
table of random numbers.
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

# AlexNet with its smallest image and narrow linear layers, without dropout, which short runs do not need.
ALEXNET = _recipe(
    Model("alexnet", options={"hidden": 128, "dropout": 0.0}),
    67,
    Initialization(kernel=HeNormal(), bias=Constant(0.0), exceptions={"fc8/kernel": Normal(0.01)}),
    peak=0.02,
    steps=100,
    interim_examples=250,
)

# VGG with one convolution a block.
VGG = _recipe(
    Model("vgg11", options={"depths": (1, 1, 1, 1, 1), "hidden": 128, "dropout": 0.0}),
    32,
    Initialization(),
    peak=0.02,
    steps=80,
    interim_examples=250,
).override({"budget.batch_size": 32})

# Shares of the images of Fashion-MNIST; of 600 or 1,200 images a network learns much by heart.
CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
IMAGES_600 = {"data.keep": dict.fromkeys(CLASSES, 0.01)}
IMAGES_1200 = {"data.keep": dict.fromkeys(CLASSES, 0.02)}

# The balanced network of the article "Why does my TensorFlow 2.1 classification network fail to converge?" (2025), trained as
# there, with features that can be told apart.
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

# 800 training examples, as the article has.
FEW_EXAMPLES = {"data.keep": {"0": 0.2, "1": 0.2}}
