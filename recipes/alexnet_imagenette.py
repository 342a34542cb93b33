"""Recipe for AlexNet on Imagenette, ten classes of photographs from ImageNet.

    python -m zoo.train --recipe=alexnet_imagenette

Paper:     Krizhevsky, Sutskever, Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks".
Status:    not run at full length here. Traces are verified, and so are the first steps on a CPU, of a copy of the
           data whose shorter sides have 224 pixels.
Data:      tfds:imagenette, or its archive (github.com/fastai/imagenette) unpacked, with --data=folder:PATH.
Hardware:  one GPU.
Expected:  not measured yet, so there is no target.
Ours:      He initialization, with which the network learns from the first steps, for the reason given in
           recipes/alexnet.py; a cosine schedule instead of a rate that is lowered by hand; random resized crops of
           images of any size and shape instead of crops of one size.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("alexnet", options={"dropout": 0.5}),
    data=Data("tfds:imagenette"),
    normalization=ChannelMeanStd(sample=9_469),
    augmentation=Augmentation(
        train=(RandomResizedCrop(227), HorizontalFlip(), Normalize()),
        eval=(ResizeShort(256), CenterCrop(227), Normalize()),
    ),
    initialization=Initialization(kernel=HeNormal(), bias=Constant(0.0), exceptions={"fc8/kernel": Normal(0.005)}),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.01, warmup=0.05),
    regularization=Regularization(weight_decay=5e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=64, epochs=100, evaluate_every=0.05),
    provenance={
        **IMAGENETTE_CHOICES,
        "model": "Krizhevsky et al. 2012, section 3.5 and figure 2",
        "model.options.dropout": "Krizhevsky et al. 2012, section 4.2",
        "initialization": "He et al. 2015, arXiv:1502.01852, section 2.2; recipes/alexnet.py says why",
        "initialization.exceptions": "ours: uniform first predictions; from 0.01 the loss is 15 % above ln 10",
        "optimizer": "Krizhevsky et al. 2012, section 5: momentum 0.9; ours: the rate outside of it, as in PyTorch",
        "schedule": "ours: cosine needs no decay milestones; a short warm-up as in recipes/alexnet.py",
        "schedule.peak": "Krizhevsky et al. 2012, section 5: 0.01",
        "regularization": "Krizhevsky et al. 2012, section 5",
        "loss": "Krizhevsky et al. 2012, section 3.5",
        "budget": "ours: 100 epochs of 148 steps; the paper has roughly 90 cycles of batches of 128",
    },
)
