"""Recipe for GoogLeNet on Imagenette, ten classes of photographs from ImageNet.

    python -m zoo.train --recipe=googlenet_imagenette

Paper:     Szegedy et al. 2014, "Going Deeper with Convolutions", arXiv:1409.4842, and models/bvlc_googlenet in
           BVLC/caffe.
Status:    not run at full length here. Traces are verified, and so are the first steps on a CPU, of a copy of the
           data whose shorter sides have 224 pixels.
Data:      tfds:imagenette, or its archive (github.com/fastai/imagenette) unpacked, with --data=folder:PATH.
Hardware:  one GPU.
Expected:  not measured yet, so there is no target.
Ours:      He initialization: without batch normalization, and with images of unit variance, the signal fades over 22
           layers with Caffe's initialization. The learning rate decays as in Caffe's bvlc_googlenet.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("googlenet", options={"aux_heads": True, "dropout": 0.4, "aux_dropout": 0.7}),
    data=Data("tfds:imagenette"),
    normalization=ChannelMeanStd(sample=9_469),
    augmentation=Augmentation(
        train=(RandomResizedCrop(224), HorizontalFlip(), Normalize()),
        eval=(ResizeShort(256), CenterCrop(224), Normalize()),
    ),
    initialization=Initialization(
        kernel=HeNormal(),
        bias=Constant(0.0),
        exceptions={"fc/kernel": Normal(0.002), "aux?/fc2/kernel": Normal(0.002)},
    ),
    optimizer=SGD(momentum=0.9),
    schedule=Polynomial(peak=0.01, warmup=0.05, power=0.5),
    regularization=Regularization(weight_decay=2e-4, decayed=("*kernel",)),
    auxiliary_weight=0.3,
    budget=Budget(batch_size=64, epochs=150, evaluate_every=0.05),
    provenance={
        **IMAGENETTE_CHOICES,
        "model": "Szegedy et al. 2014, table 1",
        "model.options": "Szegedy et al. 2014, table 1 (dropout) and section 5 (auxiliary classifiers)",
        "initialization": "He et al. 2015, arXiv:1502.01852, section 2.2; Caffe's has half of the variance",
        "initialization.exceptions": "ours: uniform first predictions; from 0.01 the loss is 51 % above ln 10",
        "optimizer": "Szegedy et al. 2014, section 6: momentum 0.9",
        "schedule": "models/bvlc_googlenet/quick_solver.prototxt: poly, power 0.5, from 0.01",
        "schedule.warmup": "ours: as in recipes/alexnet.py",
        "regularization": "quick_solver.prototxt: weight decay 0.0002, not of biases",
        "auxiliary_weight": "Szegedy et al. 2014, section 5: 0.3",
        "loss": "Szegedy et al. 2014, table 1: softmax",
        "budget": "ours: 150 epochs of 148 steps",
    },
)
