"""Recipe for EfficientNet-B0 on Fashion-MNIST, which converges within 250 steps.

    python -m zoo.train --recipe=efficientnet_b0

Paper:     Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
           arXiv:1905.11946.
Data:      Fashion-MNIST, shipped with the project: 8,000 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/efficientnet_b0.cpu.jsonl.

Deviations from the paper: images of 64 pixels; weights averaged over about twenty steps, where the authors' code
averages over 10,000; and a learning rate that decays by 6 % every fiftieth of the run. With a peak of 0.005 the loss
rose to 4.6 after the warm-up, and five runs reached 0.736 on average, with a standard deviation of 0.020.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("efficientnet_b0", options={"dropout": 0.2, "drop_path": 0.2}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(Resize(64), HorizontalFlip(), Normalize()), eval=(Resize(64), Normalize())),
    initialization=Initialization(exceptions={"fc/kernel": Normal(0.01)}),
    optimizer=RMSprop(
        decay=0.9, momentum=0.9, epsilon=1e-3, epsilon_in_root=True, initial_average=1.0, rate_in_momentum=True
    ),
    weight_average=WeightAverage(0.95),
    schedule=Step(peak=0.002, warmup=0.1, every=0.02, factor=0.94),
    regularization=Regularization(weight_decay=1e-5, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=250, evaluate_every=0.25, interim_examples=500),
    target=Target(0.73, within_steps=250),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "Tan & Le 2019, table 1",
        "model.options": "Tan & Le 2019, section 5.2: dropout 0.2, survival probability 0.8",
        "initialization": "the network's own, torchvision's",
        "optimizer": "Tan & Le 2019, section 5.2: RMSprop, decay and momentum 0.9",
        "optimizer.epsilon": "the authors' code: 0.001",
        "weight_average": "ours: an average over about 20 of 250 steps; the authors' code has 0.9999",
        "schedule": "Tan & Le 2019, section 5.2: times 0.97 every 2.4 epochs; ours: faster",
        "regularization": "Tan & Le 2019, section 5.2: 1e-5",
        "loss": "cross-entropy, as in the authors' code",
    },
)
