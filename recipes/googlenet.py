"""Recipe for GoogLeNet on Fashion-MNIST, which converges within 300 steps.

    python -m zoo.train --recipe=googlenet

Paper:     Szegedy et al. 2015, "Going Deeper with Convolutions", arXiv:1409.4842.
Data:      Fashion-MNIST, shipped with the project: 9,600 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores, about four minutes.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/googlenet.cpu.jsonl.

Deviations from the paper: He initialization. The paper does not say how its weights were drawn, and a deep network
without batch normalization depends on it. The last layer receives large inputs then, so that its weights start with a
standard deviation of 0.001. Adam replaces SGD, which reached 0.62 in 200 steps with a rate of 0.01 (one run). With a
peak of 5e-4 the loss first rose to 5.7, auxiliary classifiers included, and five runs reached 0.730 on average, with
a standard deviation of 0.018. Images have 96 pixels.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("googlenet", options={"dropout": 0.4, "aux_heads": True}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(Resize(96), HorizontalFlip(), Normalize()), eval=(Resize(96), Normalize())),
    initialization=Initialization(
        kernel=HeNormal(), bias=Constant(0.0), exceptions={"fc/kernel": Normal(0.001), "aux*/fc2/kernel": Normal(0.01)}
    ),
    optimizer=Adam(),
    auxiliary_weight=0.3,
    schedule=Cosine(peak=3e-4, warmup=0.1),
    regularization=Regularization(weight_decay=2e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=300, evaluate_every=0.25, interim_examples=500),
    target=Target(0.69, within_steps=300),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "Szegedy et al. 2015, table 1",
        "model.options": "Szegedy et al. 2015, sections 5 and 6: two auxiliary classifiers, dropout 0.4 and 0.7",
        "initialization": "He et al. 2015, section 2.2",
        "optimizer": "ours: Kingma & Ba 2015, see above",
        "auxiliary_weight": "Szegedy et al. 2015, section 5: 0.3",
        "schedule.peak": "ours: a third of Adam's usual rate, see above",
        "regularization": "Caffe's bvlc_googlenet; the paper does not say",
        "loss": "Szegedy et al. 2015, section 5: softmax",
    },
)
