"""Recipe for ResNet-9 at a quarter of its width on CIFAR-10, which reaches 80 % in minutes on two CPU cores.

    python -m zoo.train --recipe=resnet9_cifar10_cpu --data=folder:cifar10

Source:    as for recipes/resnet9_cifar10_fast.py, which reaches 94 % on a GPU.
Data:      tfds:cifar10, or a folder of its images: `cifar10/{train,test}/CLASS/*.png`.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/resnet9_cifar10_cpu.cpu.jsonl, which used
           the images as JPEG files of quality 75; these are slightly harder than the original files.
Ours:      changes for a short run on a slow machine: a width of 16 instead of 64, which is a sixteenth of the
           multiplications; four epochs instead of 24, in small batches and at four times the learning rate for each
           image; no cutout, because so few epochs do not overfit. In 2 to 3 epochs it reached 0.75 with batches of
           128 and a rate of 0.1, 0.76 with 64 and 0.1, 0.76 with 128 and 0.3, and 0.79 with 64, 0.2 and no cutout; a
           width of 12 reached 0.79 in 3 epochs (one run each).
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("resnet9", options={"width": 16}),
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
    schedule=Polynomial(peak=0.2, warmup=0.2),
    regularization=Regularization(weight_decay=5e-4, decayed=("*",)),
    budget=Budget(batch_size=64, epochs=4, evaluate_every=0.25),
    target=Target(0.8),
    provenance={
        **CIFAR10_CHOICES,
        "model": "dawn.py, `net`, in davidcpage/cifar10-fast; Page 2018, part 4",
        "model.options": "ours, see above",
        "normalization": "dawn.py: mean and standard deviation of each channel",
        "augmentation": "dawn.py: crops after reflected padding of 4 pixels, flips",
        "initialization": "dawn.py: PyTorch's, uniform within 1 / sqrt(fan-in), which is the network's own",
        "optimizer": "dawn.py: Nesterov momentum of 0.9",
        "schedule": "dawn.py: linear warm-up over a fifth of the run, then linear decay",
        "schedule.peak": "ours, see above",
        "regularization": "dawn.py: 5e-4 of every parameter",
        "loss": "dawn.py: cross-entropy",
        "budget": "ours, see above",
        "budget.evaluate_every": "ours: every epoch",
        "precision": "ours: float32, for a CPU",
        "target": "ours: what two CPU cores reach in minutes",
    },
)
