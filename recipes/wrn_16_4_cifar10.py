"""Recipe for WRN-16-4 on CIFAR-10, as trained by Zagoruyko and Komodakis 2016.

    python -m zoo.train --recipe=wrn_16_4_cifar10 --data=folder:cifar10

Paper:     Zagoruyko & Komodakis 2016, "Wide Residual Networks", arXiv:1605.07146.
Status:    its 200 epochs were not run here. Traces are verified, and so are the first steps on a CPU, if the data is
           available.
Data:      tfds:cifar10, or a folder of its images: `cifar10/{train,test}/CLASS/*.png`.
Hardware:  one GPU.
Expected:  the paper reports 5.02 % error without dropout (table 6: median of five runs), with the original files.
Ours:      only the resize and crop of images of other sizes.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("wrn_16_4", options={"dropout": 0.0}),
    data=Data("tfds:cifar10"),
    normalization=ChannelMeanStd(sample=50_000),
    augmentation=Augmentation(
        train=(
            ResizeShort(32),
            CenterCrop(32),
            RandomCrop(32, padding=4, fill="mirror"),
            HorizontalFlip(),
            Normalize(),
        ),
        eval=(ResizeShort(32), CenterCrop(32), Normalize()),
    ),
    initialization=Initialization(),
    optimizer=SGD(momentum=0.9, nesterov=True),
    schedule=MultiStep(peak=0.1, boundaries=(0.3, 0.6, 0.8), factor=0.2),
    regularization=Regularization(weight_decay=5e-4, decayed=("*",)),
    budget=Budget(batch_size=128, epochs=200, evaluate_every=0.01),
    target=Target(0.945),
    provenance={
        **CIFAR10_CHOICES,
        "model": "Zagoruyko & Komodakis 2016, section 2",
        "normalization": "Zagoruyko & Komodakis 2016, section 3: mean and standard deviation",
        "augmentation": "Zagoruyko & Komodakis 2016, section 3: crops after reflected padding of 4 pixels, flips",
        "initialization": "the network's own, He et al. 2015 in the authors' code",
        "optimizer": "Zagoruyko & Komodakis 2016, section 3: Nesterov momentum of 0.9",
        "schedule": "Zagoruyko & Komodakis 2016, section 3: 0.1, times 0.2 after 60, 120 and 160 epochs",
        "regularization": "Zagoruyko & Komodakis 2016, section 3: 0.0005; their optimizer decays every parameter",
        "loss": "Zagoruyko & Komodakis 2016, section 3: cross-entropy",
        "budget": "Zagoruyko & Komodakis 2016, section 3: 200 epochs, batches of 128",
        "target": "ours: below the paper's 94.98 %, by the spread over seeds",
    },
)
