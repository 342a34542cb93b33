"""Recipe for DenseNet-121 on Imagenette, ten classes of photographs from ImageNet.

    python -m zoo.train --recipe=densenet121_imagenette

Paper:     Huang, Liu, van der Maaten, Weinberger 2017, "Densely Connected Convolutional Networks", arXiv:1608.06993.
Status:    not run at full length here. Traces are verified, and so are the first steps on a CPU, of a copy of the
           data whose shorter sides have 224 pixels.
Data:      tfds:imagenette, or its archive (github.com/fastai/imagenette) unpacked, with --data=folder:PATH.
Hardware:  one GPU.
Expected:  not measured yet, so there is no target.
Ours:      the cosine schedule, label smoothing, and a batch of 64, to which the learning rate is scaled.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("densenet121"),
    data=Data("tfds:imagenette"),
    normalization=ChannelMeanStd(sample=9_469),
    augmentation=Augmentation(
        train=(RandomResizedCrop(224), HorizontalFlip(), Normalize()),
        eval=(ResizeShort(256), CenterCrop(224), Normalize()),
    ),
    initialization=Initialization(
        kernel=HeNormal(), bias=Constant(0.0), exceptions={"classifier/kernel": Normal(0.01)}
    ),
    optimizer=SGD(momentum=0.9, nesterov=True),
    schedule=Cosine(peak=0.025, warmup=0.05),
    regularization=Regularization(weight_decay=1e-4, decayed=("*",), label_smoothing=0.1),
    budget=Budget(batch_size=64, epochs=100, evaluate_every=0.05),
    provenance={
        **IMAGENETTE_CHOICES,
        "model": "Huang et al. 2017, table 1",
        "initialization": "Huang et al. 2017, section 4.2: He et al. 2015",
        "initialization.exceptions": "ours: uniform first predictions",
        "optimizer": "Huang et al. 2017, section 4.2: Nesterov momentum 0.9",
        "schedule.peak": "Huang et al. 2017, section 4.2: 0.1 for 256 images; ours: scaled linearly",
        "regularization": "Huang et al. 2017, section 4.2: weight decay 0.0001",
        "regularization.decayed": "fb.resnet.torch, train.lua, on which the authors built: all parameters",
        "regularization.label_smoothing": "ours: few images for 7 million parameters",
        "loss": "Huang et al. 2017, table 1: softmax",
        "budget": "ours: 100 epochs of 148 steps; the paper has 90",
    },
)
