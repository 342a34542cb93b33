"""Recipe for ResNet-20 on CIFAR-10, as trained by He, Zhang, Ren and Sun 2016.

    python -m zoo.train --recipe=resnet20_cifar10 --data=folder:cifar10

Paper:     He, Zhang, Ren, Sun 2016, "Deep Residual Learning for Image Recognition", arXiv:1512.03385, section 4.2.
Status:    its 64,000 steps were not run here. Traces are verified, and so are the first steps on a CPU, if the data
           is available.
Data:      tfds:cifar10, or a folder of its images: `cifar10/{train,test}/CLASS/*.png`.
Hardware:  one GPU; on two CPU cores it would take three hours.
Expected:  the paper reports 8.75 % error (table 6), with the original files.
Ours:      all 50,000 training images are used; the paper holds out 5,000 of them to choose its schedule.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("resnet20"),
    data=Data("tfds:cifar10"),
    normalization=PixelMean(sample=50_000),
    augmentation=Augmentation(
        train=(ResizeShort(32), CenterCrop(32), Normalize(), RandomCrop(32, padding=4), HorizontalFlip()),
        eval=(ResizeShort(32), CenterCrop(32), Normalize()),
    ),
    initialization=Initialization(kernel=HeNormal(), bias=Constant(0.0), exceptions={"fc/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9),
    schedule=MultiStep(peak=0.1, boundaries=(0.5, 0.75), factor=0.1),
    regularization=Regularization(weight_decay=1e-4, decayed=("*",)),
    budget=Budget(batch_size=128, steps=64_000, evaluate_every=0.02),
    precision=Precision(cpu="float32", gpu="float32", tpu="float32"),
    target=Target(0.905, within_steps=64_000),
    provenance={
        **CIFAR10_CHOICES,
        "model": "He et al. 2016, section 4.2",
        "normalization": "He et al. 2016, section 4.2: the per-pixel mean is subtracted",
        "augmentation": "He et al. 2016, section 4.2: crops after 4 pixels of padding, horizontal flips",
        "initialization": "He et al. 2016, section 4.2, after He et al. 2015",
        "initialization.exceptions": "ours: uniform first predictions; the paper's gave a first loss of 4.6 in one run",
        "optimizer": "He et al. 2016, section 3.4: momentum 0.9",
        "schedule": "He et al. 2016, section 4.2: 0.1, divided by 10 after 32,000 and 48,000 steps",
        "regularization": "He et al. 2016, section 4.2: weight decay of 0.0001",
        "regularization.decayed": "the paper does not exclude any parameter",
        "loss": "He et al. 2016, section 4.2: softmax",
        "budget": "He et al. 2016, section 4.2: 64,000 steps of 128",
        "precision": "ours: a network this small gains nothing from bfloat16",
        "target": "ours: below the paper's 91.25 %, by the spread over seeds",
    },
)
