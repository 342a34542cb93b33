"""Recipe for ResNet-50 on ImageNet in batches of 8192, with which Goyal et al. 2017 trained it in an hour.

    python -m zoo.train --recipe=resnet50_imagenet_goyal

Paper:     Goyal, Dollár, Girshick, Noordhuis, Wesolowski, Kyrola, Tulloch, Jia, He 2017, "Accurate, Large Minibatch
           SGD: Training ImageNet in 1 Hour", arXiv:1706.02677.
Status:    not run here. Traces (budget, learning rate, decay, initialization, images) are verified on random pixels.
Data:      tfds:imagenet2012, prepared from the archives that image-net.org gives out on request.
Hardware:  the authors had 256 P100 with 32 images each, for an hour.
Expected:  76.26 % accuracy for the central crop (the paper's table 1: 23.74 % error, standard deviation 0.09).
Ours:      the number of images over which batch normalization computes its statistics: the paper's 32 on 8 devices,
           and 256 on one, which follows from `budget.accumulation`; its running statistics are over parts of a batch.
           The warm-up begins near 0 instead of 0.1.

Three choices are decisive: the last scale of each residual block starts at 0, so that blocks start as identities; the
parameters of batch normalization do not decay; and the learning rate rises over five epochs.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("resnet50", num_classes=1000),
    data=Data("tfds:imagenet2012", corrupt_limit=100),
    normalization=ChannelMeanStd(sample=10_000),
    augmentation=Augmentation(
        train=(RandomResizedCrop(224), HorizontalFlip(), Normalize()),
        eval=(ResizeShort(256), CenterCrop(224), Normalize()),
    ),
    initialization=Initialization(
        kernel=HeNormal(),
        bias=Constant(0.0),
        exceptions={"fc/kernel": Normal(0.01), "layer*_*/bn3/scale": Constant(0.0)},
    ),
    optimizer=SGD(momentum=0.9, nesterov=True),
    schedule=MultiStep(peak=3.2, warmup=5 / 90, boundaries=(30 / 90, 60 / 90, 80 / 90), factor=0.1),
    regularization=Regularization(weight_decay=1e-4, decayed=("*kernel", "fc/bias")),
    budget=Budget(batch_size=8192, epochs=90, accumulation=32, evaluate_every=1 / 90),
    target=Target(0.76),
    provenance={
        **IMAGENET_CHOICES,
        "model": "Goyal et al. 2017, section 5.1: strides in 3x3 convolutions, as here",
        "data": "Goyal et al. 2017, section 5.1",
        "normalization": "Goyal et al. 2017, section 5.1: per-color mean and standard deviation",
        "augmentation": "Goyal et al. 2017, section 5.1: scale and aspect ratio as in Szegedy et al. 2014, and flips",
        "augmentation.eval": "Goyal et al. 2017, section 5.1: central 224 pixels, shorter side 256",
        "initialization": "Goyal et al. 2017, section 5.1: He et al. 2015; fc: Gaussian, 0.01; last scale of a block 0",
        "optimizer": "Goyal et al. 2017, section 5.1: Nesterov momentum 0.9",
        "optimizer.rate_in_momentum": "Goyal et al. 2017, section 3, remark 2: equivalent with momentum correction",
        "schedule": "Goyal et al. 2017, sections 2.2 and 5.1: a tenth at epochs 30, 60 and 80, warm-up of 5 epochs",
        "schedule.peak": "Goyal et al. 2017, section 5.1: 0.1 * 8192 / 256",
        "schedule.warmup": "Goyal et al. 2017, section 2.2: from 0.1; here from 3.2 / its number of steps, 0.004",
        "regularization": "Goyal et al. 2017, section 5.1: 0.0001, not for scales and biases of batch normalization",
        "budget": "Goyal et al. 2017, section 5.1: 90 epochs, batches of 8192",
        "budget.accumulation": "ours: parts of 256, which are 32 for each of 8 devices",
        "loss": "Goyal et al. 2017: cross-entropy",
        "target": "Goyal et al. 2017, table 1: 23.74 % error",
    },
)
