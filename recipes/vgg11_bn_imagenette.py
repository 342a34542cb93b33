"""Recipe for VGG-11 with batch normalization on Imagenette, ten classes of photographs from ImageNet.

    python -m zoo.train --recipe=vgg11_bn_imagenette

Paper:     Simonyan & Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
           arXiv:1409.1556.
Status:    not run at full length here. Traces are verified, and so are the first steps on a CPU, of a copy of the
           data whose shorter sides have 224 pixels.
Data:      tfds:imagenette, or its archive (github.com/fastai/imagenette) unpacked, with --data=folder:PATH.
Hardware:  one GPU.
Expected:  not measured yet, so there is no target.
Ours:      nearly everything except the network, because batch normalization is newer than the paper.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("vgg11_bn", options={"dropout": 0.5}),
    data=Data("tfds:imagenette"),
    normalization=ChannelMeanStd(sample=9_469),
    augmentation=Augmentation(
        train=(RandomResizedCrop(224), HorizontalFlip(), Normalize()),
        eval=(ResizeShort(256), CenterCrop(224), Normalize()),
    ),
    initialization=Initialization(kernel=HeNormal(), bias=Constant(0.0), exceptions={"fc8/kernel": Normal(0.005)}),
    optimizer=SGD(momentum=0.9, nesterov=True),
    schedule=Cosine(peak=0.02, warmup=0.05),
    regularization=Regularization(weight_decay=5e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=64, epochs=100, evaluate_every=0.05),
    provenance={
        **IMAGENETTE_CHOICES,
        "model": "Simonyan & Zisserman 2015, table 1, column A, with batch normalization as in torchvision",
        "model.options.dropout": "Simonyan & Zisserman 2015, section 3.1",
        "initialization": "He et al. 2015, arXiv:1502.01852, section 2.2",
        "initialization.exceptions": "ours: uniform first predictions; from 0.01 the loss is 19 % above ln 10",
        "optimizer": "ours: Nesterov momentum; 0.9 as in the paper's section 3.1",
        "schedule.peak": "ours: twice the paper's 0.01, which batch normalization allows, for a quarter of its batch",
        "regularization": "Simonyan & Zisserman 2015, section 3.1: 5e-4",
        "regularization.decayed": "ours: only kernels",
        "loss": "Simonyan & Zisserman 2015, section 3.1",
        "budget": "ours: 100 epochs of 148 steps",
    },
)
