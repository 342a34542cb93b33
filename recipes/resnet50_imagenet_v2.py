"""Recipe for ResNet-50 on ImageNet by torchvision's second training procedure, which gave the weights IMAGENET1K_V2.

    python -m zoo.train --recipe=resnet50_imagenet_v2

Source:    Vryniotis 2021, "How to Train State-Of-The-Art Models Using TorchVision's Latest Primitives", on
           pytorch.org, and references/classification/train.py in pytorch/vision.
Status:    not run here. Traces (budget, learning rate, decay, initialization, images) are verified on random pixels.
Data:      tfds:imagenet2012, prepared from the archives that image-net.org gives out on request.
Hardware:  8 V100 with 128 images each (references/classification/README.md); no time is given.
Expected:  80.67 % accuracy, the article's figure before repeated augmentation, with which the weights have 80.86 %.
Ours:      no repeated augmentation. Mixup or CutMix and its proportion are drawn for every example; torchvision draws
           both once a batch. The average of weights is updated at every step, in torchvision every 32 steps by as
           much in total. The aspect ratio of erased rectangles is uniform; in torchvision its logarithm is.

Training images have 176 pixels and evaluation images 224, because random crops make objects appear larger (Touvron et
al. 2019, arXiv:1906.06423).
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("resnet50", num_classes=1000),
    data=Data("tfds:imagenet2012", corrupt_limit=100),
    normalization=ChannelMeanStd(sample=10_000),
    augmentation=Augmentation(
        train=(
            RandomResizedCrop(176),
            HorizontalFlip(),
            TrivialAugmentWide(),
            Normalize(),
            RandomErasing(0.1, max_area=0.33, fill="zero"),
        ),
        eval=(ResizeShort(232), CenterCrop(224), Normalize()),
        mixing=OneOf((Mixup(0.2), CutMix(1.0))),
    ),
    initialization=Initialization(),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.5, warmup=5 / 600),
    regularization=Regularization(weight_decay=2e-5, decayed=("*kernel", "fc/bias"), label_smoothing=0.1),
    weight_average=WeightAverage(decay=1 - 3.4e-5),
    budget=Budget(batch_size=1024, epochs=600, accumulation=4, evaluate_every=1 / 120),
    target=Target(0.80),
    provenance={
        **IMAGENET_CHOICES,
        "model": "torchvision's resnet50",
        "data": "Vryniotis 2021",
        "normalization": "references/classification/presets.py, which has the statistics of the whole set",
        "augmentation": "Vryniotis 2021, and pytorch/vision, references/classification/presets.py for the order",
        "augmentation.train.0": "Vryniotis 2021, FixRes mitigations: 176 pixels",
        "augmentation.train.4": "Vryniotis 2021: probability 0.1; area and fill are torchvision's defaults",
        "augmentation.eval": "Vryniotis 2021, inference resize tuning: 232 pixels, then the central 224",
        "augmentation.mixing": "Vryniotis 2021: alpha 0.2 and 1.0; ours: drawn for every example",
        "initialization": "torchvision's resnet50, as in zoo/models/resnet.py",
        "optimizer": "pytorch/vision, references/classification/train.py: plain momentum 0.9",
        "schedule": "Vryniotis 2021: cosine after 5 epochs of linear warm-up",
        "schedule.peak": "Vryniotis 2021: 0.5 for 8 x 128 images",
        "regularization": "Vryniotis 2021: weight decay 2e-5, none for normalization; label smoothing 0.1",
        "weight_average": "train.py: 2e-5 * 1024 * 32 / 600 every 32 steps, which is 3.4e-5 a step",
        "weight_average.ramp": "ours: torchvision begins after the warm-up",
        "budget": "Vryniotis 2021: 600 epochs, 8 x 128 images",
        "budget.accumulation": "ours: parts of 256, for a GPU of 16 GB and more; in torchvision parts of 128",
        "loss": "pytorch/vision, references/classification/train.py: softmax cross-entropy",
        "target": "Vryniotis 2021: 80.67 % before repeated augmentation",
    },
)
