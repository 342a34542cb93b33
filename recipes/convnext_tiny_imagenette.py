"""Recipe for ConvNeXt-T on Imagenette, ten classes of photographs from ImageNet.

    python -m zoo.train --recipe=convnext_tiny_imagenette

Paper:     Liu et al. 2022, "A ConvNet for the 2020s", arXiv:2201.03545, and the authors' code,
           facebookresearch/ConvNeXt.
Status:    not run at full length here. Traces are verified, and so are the first steps on a CPU, of a copy of the
           data whose shorter sides have 224 pixels.
Data:      tfds:imagenette, or its archive (github.com/fastai/imagenette) unpacked, with --data=folder:PATH.
Hardware:  one GPU.
Expected:  not measured yet, so there is no target.
Ours:      a batch of 128 with a learning rate larger than in proportion to it, because there are few steps; a shorter
           average of weights. recipes/convnext_tiny_imagenet.py explains the magnitude of RandAugment.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("convnext_tiny", options={"drop_path": 0.1, "initial_scale": 1e-6}),
    data=Data("tfds:imagenette"),
    normalization=ChannelMeanStd(sample=9_469),
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
    schedule=Cosine(peak=5e-4, warmup=20 / 300, final=1e-3),
    regularization=Regularization(weight_decay=0.05, decayed=("*kernel",), label_smoothing=0.1),
    weight_average=WeightAverage(decay=0.999),
    budget=Budget(batch_size=128, epochs=300, evaluate_every=1 / 60, accumulation=2),
    provenance={
        **IMAGENETTE_CHOICES,
        "model": "Liu et al. 2022, section 3",
        "model.options": "Liu et al. 2022, appendix A.1, table 5",
        "augmentation": "Liu et al. 2022, appendix A.1, table 5, as in recipes/convnext_tiny_imagenet.py",
        "initialization": "Liu et al. 2022, appendix A.1, table 5: standard deviation 0.02",
        "optimizer": "Liu et al. 2022, appendix A.1, table 5: AdamW",
        "schedule": "Liu et al. 2022, appendix A.1, table 5: cosine after 20 epochs of warm-up",
        "schedule.peak": "ours: the paper's 0.004 for 4096 images would be 0.000125 for 128",
        "schedule.final": "ours: a thousandth of the peak",
        "regularization": "Liu et al. 2022, appendix A.1, table 5",
        "regularization.decayed": "optim_factory.py: neither biases nor scales decay",
        "weight_average": "ours: an average over 14 epochs; the paper's 0.9999 would average over half of the run",
        "loss": "main.py: cross-entropy with soft targets",
        "budget": "Liu et al. 2022, appendix A.1, table 5: 300 epochs",
        "budget.batch_size": "ours: 128, for one GPU",
        "budget.accumulation": "ours: in float32 a whole batch took 29 GB, more than most GPUs have",
    },
)
