"""A quarter of ResNet-9's width on CIFAR-10: to 80 % in minutes on two CPU cores.

    python -m zoo.train --recipe=resnet9_cifar10_cpu --data=folder:cifar10

Source:    as recipes/resnet9_cifar10_fast.py, which takes a GPU to 94 %.
Data:      tfds:cifar10, or a folder of its images: `cifar10/{train,test}/CLASS/*.png`.
Hardware:  two CPU cores.
Expected:  the table in README.md, from the runs in verification/ledger/resnet9_cifar10_cpu.cpu.jsonl, of the images as JPEG
           files of quality 75, which are a little harder than the original ones.
Ours:      what a short run on a slow machine wants: a width of 16 for 64, which is a sixteenth of the multiplications; four
           epochs for 24, in small batches and at four times the rate for an image; no erased squares, since nothing is
           memorized in so few epochs. In 2 to 3 epochs it came to 0.75 with batches of 128 and a rate of 0.1, 0.76 with 64 and
           0.1, 0.76 with 128 and 0.3, 0.79 with 64, 0.2 and nothing erased; a width of 12 came to 0.79 in 3 epochs (one run
           each).
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
        "normalization": "dawn.py: mean and deviation of each channel",
        "augmentation": "dawn.py: crops after 4 pixels of reflected padding, mirror images",
        "initialization": "dawn.py: PyTorch's, uniform within 1 / sqrt(fan-in), which is the network's own",
        "optimizer": "dawn.py: Nesterov momentum of 0.9",
        "schedule": "dawn.py: in straight lines, after a fifth of the run",
        "schedule.peak": "ours, see above",
        "regularization": "dawn.py: 5e-4 of every parameter",
        "loss": "dawn.py: cross-entropy",
        "budget": "ours, see above",
        "budget.evaluate_every": "ours: every epoch",
        "precision": "ours: float32, for a CPU",
        "target": "ours: what two cores come to in minutes",
    },
)
