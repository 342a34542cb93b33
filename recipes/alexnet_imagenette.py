"""AlexNet on Imagenette: ten classes of ImageNet in real photographs.

    python -m zoo.train --recipe=alexnet_imagenette

Status:    not run at full length here. Traces are verified (on random pixels, where the data is not at hand), and the
           first steps on a CPU, where it is.
Data:      tfds:imagenette, 9,469 training and 3,925 validation images (github.com/fastai/imagenette), or, with
           --data=folder:PATH, the same archive unpacked. The first steps in verification/ledger/ are of copies whose
           shorter sides have 224 pixels.
Hardware:  meant for one GPU.
Expected:  nothing is promised before it is measured, so there is no target.
Ours:      He initialization, from which it learns at once: recipes/alexnet.py says why. A cosine for rates that fall by hand,
           and parts of images of any size and shape for crops of one size.
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
        "initialization": "He et al. 2015, arXiv:1502.01852, section 2.2; the paper's own stalls, see recipes/alexnet.py",
        "initialization.exceptions": "ours: predictions start even; from 0.01, the paper's, the loss is 15 % above ln 10",
        "optimizer": "Krizhevsky et al. 2012, section 5: momentum 0.9; the rate outside of it, as in PyTorch",
        "schedule": "ours: a cosine needs no choice of when it falls, and a short warm-up, as in recipes/alexnet.py",
        "schedule.peak": "Krizhevsky et al. 2012, section 5: 0.01",
        "regularization": "Krizhevsky et al. 2012, section 5",
        "loss": "Krizhevsky et al. 2012, section 3.5",
        "budget": "ours: 100 epochs of 148 steps; the paper has roughly 90 cycles, of 128 images at a time",
    },
)
