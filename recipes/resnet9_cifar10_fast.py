"""Recipe for ResNet-9 on CIFAR-10 in 24 epochs, with which Page 2018 reached 94 % in 74 seconds on one V100.

    python -m zoo.train --recipe=resnet9_cifar10_fast --data=folder:cifar10

Source:    Page 2018, "How to Train Your ResNet", parts 1 to 4, and his repository davidcpage/cifar10-fast: `dawn.py`,
           `utils.py`, and for the time `logs.tsv`.
Status:    its 24 epochs were not run here. Traces are verified, and so are the first steps on a CPU, if the data is
           available.
Data:      tfds:cifar10, or a folder of its images: `cifar10/{train,test}/CLASS/*.png`.
Hardware:  one GPU. Two CPU cores process 104 images a second, which makes eight minutes for an epoch.
Expected:  94 %, the target of DAWNBench; 94.08 % in the one run of `logs.tsv`.
Ours:      the resize and crop of images of other sizes; the incomplete batch at the end of an epoch is not dropped,
           which makes 2,344 steps instead of 2,328; the cutout square may extend over the border. He sums losses over
           the batch, which are averaged here: his rate of 0.4 / 512 and his decay of 5e-4 * 512 for sums are 0.4 and
           5e-4 for means.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("resnet9"),
    data=Data("tfds:cifar10"),
    normalization=ChannelMeanStd(sample=50_000),
    augmentation=Augmentation(
        train=(
            ResizeShort(32),
            CenterCrop(32),
            RandomCrop(32, padding=4, fill="mirror"),
            HorizontalFlip(),
            Normalize(),
            Cutout(8),
        ),
        eval=(ResizeShort(32), CenterCrop(32), Normalize()),
    ),
    initialization=Initialization(),
    optimizer=SGD(momentum=0.9, nesterov=True),
    schedule=Polynomial(peak=0.4, warmup=5 / 24),
    regularization=Regularization(weight_decay=5e-4, decayed=("*",)),
    budget=Budget(batch_size=512, epochs=24, evaluate_every=1 / 24),
    target=Target(0.94),
    provenance={
        **CIFAR10_CHOICES,
        "model": "dawn.py, `net`; Page 2018, part 4",
        "normalization": "dawn.py: mean and standard deviation of each channel",
        "augmentation": "dawn.py: crops after reflected padding of 4 pixels, flips, cutout of 8",
        "augmentation.train.5": "ours: the square may extend over the border, as in DeVries & Taylor 2017",
        "initialization": "dawn.py: PyTorch's, uniform within 1 / sqrt(fan-in), which is the network's own",
        "optimizer": "dawn.py: Nesterov momentum of 0.9",
        "schedule": "dawn.py: linear from 0 to 0.4 over 5 epochs, then linear to 0",
        "regularization": "dawn.py: 5e-4 of every parameter",
        "loss": "dawn.py: cross-entropy",
        "budget": "dawn.py: 24 epochs, batches of 512",
        "budget.evaluate_every": "dawn.py: every epoch",
        "precision": "ours: bfloat16 where the hardware has units for it; Page has float16",
        "target": "the target of DAWNBench",
    },
)
