"""Recipe for ResNet-18 with cutout on CIFAR-10 or another folder of images, as trained by DeVries and Taylor 2017.

    python -m zoo.train --recipe=resnet18_cifar10 --data=folder:cifar10
    python -m zoo.train --recipe=resnet18_cifar10 --data=folder:flowers

Paper:     DeVries & Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout",
           arXiv:1708.04552; the network is that of He et al. 2016, arXiv:1512.03385, with a stem for 32 pixels.
Status:    its 200 epochs were not run here. Traces are verified, and so are the first steps on a CPU, if the data is
           available.
Data:      tfds:cifar10, or a folder of its images: `cifar10/{train,test}/CLASS/*.png`; other images are resized and
           cropped to 32 pixels.
Hardware:  one GPU.
Expected:  the paper reports 3.99 +- 0.13 % error over five runs (table 1), with the original files.
Ours:      the resize and crop of images of other sizes; small initial weights in the last layer: with the network's
           own, the first loss was 2.41, 2.49 and 2.62 with three seeds, above the ln 10 = 2.30 of uniform
           predictions; and an epoch of warm-up: without it, the mean loss of steps 6 to 10 was 5.2 to 7.2 with five
           seeds.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("resnet18", options={"small_images": True}),
    data=Data("tfds:cifar10"),
    normalization=ChannelMeanStd(sample=50_000),
    augmentation=Augmentation(
        train=(ResizeShort(32), CenterCrop(32), RandomCrop(32, padding=4), HorizontalFlip(), Normalize(), Cutout(16)),
        eval=(ResizeShort(32), CenterCrop(32), Normalize()),
    ),
    initialization=Initialization(exceptions={"fc/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9, nesterov=True),
    schedule=MultiStep(peak=0.1, boundaries=(0.3, 0.6, 0.8), factor=0.2, warmup=1 / 200),
    regularization=Regularization(weight_decay=5e-4, decayed=("*",)),
    budget=Budget(batch_size=128, epochs=200, evaluate_every=0.01),
    target=Target(0.955),
    provenance={
        **CIFAR10_CHOICES,
        "model": "DeVries & Taylor 2017: ResNet-18; the stem is a 3x3 convolution in their code",
        "normalization": "DeVries & Taylor 2017: mean and standard deviation of each channel",
        "augmentation": "DeVries & Taylor 2017: crops after 4 pixels of padding, horizontal flips, cutout of 16",
        "initialization": "the network's own; PyTorch's in the authors' code",
        "initialization.exceptions": "ours, see above",
        "optimizer": "DeVries & Taylor 2017: Nesterov momentum of 0.9",
        "schedule": "DeVries & Taylor 2017: 0.1, times 0.2 after 60, 120 and 160 epochs",
        "schedule.warmup": "ours, see above",
        "regularization": "DeVries & Taylor 2017: 5e-4; their optimizer decays every parameter",
        "loss": "softmax, as in the authors' code",
        "budget": "DeVries & Taylor 2017: 200 epochs, batches of 128",
        "target": "ours: four of the paper's standard deviations below its 96.01 %",
    },
)
