"""Recipe for ConvNeXt-T on ImageNet, as trained by Liu, Mao, Wu, Feichtenhofer, Darrell and Xie 2022.

    python -m zoo.train --recipe=convnext_tiny_imagenet

Paper:     "A ConvNet for the 2020s", arXiv:2201.03545, and the authors' code, facebookresearch/ConvNeXt.
Status:    not run here. Traces (budget, learning rate, decay, initialization, images) are verified on random pixels.
Data:      tfds:imagenet2012, prepared from the archives that image-net.org gives out on request.
Hardware:  the authors' command is for 4 machines of 8 GPUs with 128 images each (TRAINING.md); no time is given.
Expected:  82.1 % accuracy for the central crop (the paper's table 1).
Ours:      mixup or CutMix is drawn for every example; the authors' code draws it once a batch. timm, on which that
           code is based, has magnitudes from 0 to 10, and applies each of its two operations with probability 1/2:
           one operation of magnitude 27 of 30 is the closest equivalent. timm's magnitudes vary slightly, and some of
           its operations differ. Erased rectangles are filled with uniform random colors, in timm with Gaussian ones.
           Images are resized with bilinear interpolation, in the authors' code with bicubic.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("convnext_tiny", num_classes=1000, options={"drop_path": 0.1, "initial_scale": 1e-6}),
    data=Data("tfds:imagenet2012", corrupt_limit=100),
    normalization=ChannelMeanStd(sample=10_000),
    augmentation=Augmentation(
        train=(
            RandomResizedCrop(224),
            HorizontalFlip(),
            RandAugment(num_ops=1, magnitude=27),
            RandomErasing(0.25, max_area=1 / 3),
            Normalize(),
        ),
        eval=(ResizeShort(256), CenterCrop(224), Normalize()),
        mixing=OneOf((Mixup(0.8), CutMix(1.0))),
    ),
    initialization=Initialization(kernel=Normal(0.02), bias=Constant(0.0)),
    optimizer=AdamW(),
    schedule=Cosine(peak=4e-3, warmup=20 / 300, final=1e-6 / 4e-3),
    regularization=Regularization(weight_decay=0.05, decayed=("*kernel",), label_smoothing=0.1),
    weight_average=WeightAverage(decay=0.9999, ramp=False),
    budget=Budget(batch_size=4096, epochs=300, accumulation=16, evaluate_every=1 / 100),
    target=Target(0.815),
    provenance={
        **IMAGENET_CHOICES,
        "model": "Liu et al. 2022, section 3",
        "model.options.drop_path": "Liu et al. 2022, appendix A.1, table 5: 0.1 for ConvNeXt-T",
        "model.options.initial_scale": "Liu et al. 2022, appendix A.1, table 5: layer scale 1e-6",
        "data": "Liu et al. 2022, section 3.1",
        "normalization": "datasets.py, which has the statistics of the whole set",
        "augmentation": "Liu et al. 2022, table 5; timm's order, except that erasing precedes Normalize()",
        "augmentation.train.2": "Liu et al. 2022, table 5: RandAugment (9, 0.5); ours: one of magnitude 27, see above",
        "augmentation.train.3": "Liu et al. 2022, table 5: 0.25; timm: up to a third of the area; ours: uniform colors",
        "augmentation.eval": "datasets.py: shorter side 256, central 224 pixels",
        "augmentation.mixing": "Liu et al. 2022, table 5: alpha 0.8 and 1.0; main.py: evenly; ours: for each example",
        "initialization": "Liu et al. 2022, table 5: standard deviation 0.02; truncated at 100 of these",
        "optimizer": "Liu et al. 2022, table 5: AdamW with 0.9 and 0.999; epsilon 1e-8 in main.py",
        "schedule": "Liu et al. 2022, table 5: 0.004, cosine after 20 epochs of warm-up",
        "schedule.final": "main.py: min_lr 1e-6",
        "regularization": "Liu et al. 2022, table 5: weight decay 0.05, label smoothing 0.1",
        "regularization.decayed": "optim_factory.py: neither biases nor scales decay",
        "weight_average": "Liu et al. 2022, table 5: EMA 0.9999; TRAINING.md: it is evaluated",
        "weight_average.ramp": "timm's ModelEma has none",
        "budget": "Liu et al. 2022, table 5: 300 epochs, batches of 4096",
        "budget.accumulation": "ours: parts of 256, for a GPU of 24 GB and more",
        "loss": "main.py: cross-entropy with soft targets",
        "target": "Liu et al. 2022, table 1: 82.1 %; ours: half a percentage point below it",
    },
)
