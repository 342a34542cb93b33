"""Recipe for ResNet-50 on Imagenette, ten classes of photographs from ImageNet.

    python -m zoo.train --recipe=resnet50_imagenette

Paper:     He, Zhang, Ren, Sun 2015, "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
Status:    not run at full length here. Traces are verified, and so are the first steps on a CPU, of a copy of the
           data whose shorter sides have 224 pixels.
Data:      tfds:imagenette, or its archive (github.com/fastai/imagenette) unpacked, with --data=folder:PATH.
Hardware:  one GPU.
Expected:  not measured yet, so there is no target.
Ours:      the cosine schedule, label smoothing, and a batch of 64, to which the learning rate is scaled as in Goyal
           et al. 2017.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("resnet50"),
    data=Data("tfds:imagenette"),
    normalization=ChannelMeanStd(sample=9_469),
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
    schedule=Cosine(peak=0.025, warmup=0.05),
    regularization=Regularization(weight_decay=1e-4, decayed=("*kernel",), label_smoothing=0.1),
    budget=Budget(batch_size=64, epochs=100, evaluate_every=0.05),
    provenance={
        **IMAGENETTE_CHOICES,
        "model": "He et al. 2015, arXiv:1512.03385, table 1",
        "initialization": "Goyal et al. 2017, arXiv:1706.02677, section 5.1: He et al. 2015; last scale of a block 0",
        "optimizer": "Goyal et al. 2017, arXiv:1706.02677, section 5.1",
        "schedule.peak": "Goyal et al. 2017, arXiv:1706.02677, section 2.1: 0.1 for 256 images, scaled linearly",
        "schedule.warmup": "Goyal et al. 2017, arXiv:1706.02677, section 2.2: five epochs",
        "regularization": "Goyal et al. 2017, arXiv:1706.02677, section 5.1",
        "regularization.label_smoothing": "ours: few images for 24 million parameters",
        "loss": "He et al. 2015, arXiv:1512.03385, section 3.3: softmax",
        "budget": "ours: 100 epochs of 148 steps",
    },
)
