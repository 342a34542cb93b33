"""VGG-11 with batch normalization on Imagenette: ten classes of ImageNet in real photographs.

    python -m zoo.train --recipe=vgg11_bn_imagenette

Status:    not run at full length here. Traces are verified (on random pixels, where the data is not at hand), and the
           first steps on a CPU, where it is.
Data:      tfds:imagenette, 9,469 training and 3,925 validation images (github.com/fastai/imagenette), or, with
           --data=folder:PATH, the same archive unpacked. The first steps in verification/ledger/ are of copies whose
           shorter sides have 224 pixels.
Hardware:  meant for one GPU.
Expected:  nothing is promised before it is measured, so there is no target.
Ours:      nearly all but the network: batch normalization is younger than the paper.
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
        "initialization.exceptions": "ours: predictions start even; from 0.01, torchvision's, the loss is 19 % above ln 10",
        "optimizer": "ours: momentum 0.9 as in the paper's section 3.1, and Nesterov's",
        "schedule.peak": "ours: twice the paper's 0.01, which batch normalization allows, for a quarter of its batch",
        "regularization": "Simonyan & Zisserman 2015, section 3.1: 5e-4",
        "regularization.decayed": "ours: kernels alone",
        "loss": "Simonyan & Zisserman 2015, section 3.1",
        "budget": "ours: 100 epochs of 148 steps",
    },
)
