"""Recipe for DenseNet-BC (100 layers, growth rate 12) on CIFAR-10, as trained by Huang et al. 2017.

    python -m zoo.train --recipe=densenet_bc_100_12_cifar10

Paper:     Huang, Liu, van der Maaten, Weinberger 2017, "Densely Connected Convolutional Networks", arXiv:1608.06993.
Status:    its 300 epochs were not run here. Traces are verified, and so are the first steps on a CPU, if the data is
           available.
Data:      tfds:cifar10, or a folder of its images: `cifar10/{train,test}/CLASS/*.png`.
Hardware:  one GPU.
Expected:  the paper reports 4.51 % error (table 2, C10+), with the original files.
Ours:      only the resize and crop of images of other sizes.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("densenet_bc_100_12", options={"dropout": 0.0}),
    data=Data("tfds:cifar10"),
    normalization=ChannelMeanStd(sample=50_000),
    augmentation=Augmentation(
        train=(ResizeShort(32), CenterCrop(32), RandomCrop(32, padding=4), HorizontalFlip(), Normalize()),
        eval=(ResizeShort(32), CenterCrop(32), Normalize()),
    ),
    initialization=Initialization(),
    optimizer=SGD(momentum=0.9, nesterov=True),
    schedule=MultiStep(peak=0.1, boundaries=(0.5, 0.75), factor=0.1),
    regularization=Regularization(weight_decay=1e-4, decayed=("*",)),
    budget=Budget(batch_size=64, epochs=300, evaluate_every=0.01),
    target=Target(0.95),
    provenance={
        **CIFAR10_CHOICES,
        "model": "Huang et al. 2017, sections 3 and 4.1; no dropout where images are augmented, section 4.2",
        "normalization": "Huang et al. 2017, section 4.1: mean and standard deviation of each channel",
        "augmentation": "Huang et al. 2017, section 4.1: horizontal flips and shifts, as in earlier work",
        "initialization": "Huang et al. 2017, section 4.2, after He et al. 2015: the network's own",
        "optimizer": "Huang et al. 2017, section 4.2: Nesterov momentum of 0.9 without dampening",
        "schedule": "Huang et al. 2017, section 4.2: 0.1, divided by 10 at 50 % and 75 % of the epochs",
        "regularization": "Huang et al. 2017, section 4.2: 1e-4; the authors' optimizer decays every parameter",
        "loss": "Huang et al. 2017, section 3: softmax",
        "budget": "Huang et al. 2017, section 4.2: 300 epochs, batches of 64",
        "target": "ours: below the paper's 95.49 %, by the spread over seeds",
    },
)
