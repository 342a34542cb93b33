"""Recipe for Inception v3 on Imagenette, ten classes of photographs from ImageNet.

    python -m zoo.train --recipe=inception_v3_imagenette

Paper:     Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision", arXiv:1512.00567. What it
           leaves open is from the authors' code, inception/ in tensorflow/models.
Status:    not run at full length here. Traces are verified, and so are the first steps on a CPU, of a copy of the
           data whose shorter sides have 224 pixels.
Data:      tfds:imagenette, or its archive (github.com/fastai/imagenette) unpacked, with --data=folder:PATH.
Hardware:  one GPU.
Expected:  not measured yet, so there is no target.
Ours:      the paper's learning rates for batches of 64 instead of 32; a shorter average of weights; no color
           augmentation.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("inception_v3", options={"aux_heads": True, "dropout": 0.2}),
    data=Data("tfds:imagenette"),
    normalization=SignedRange(),
    augmentation=Augmentation(
        train=(RandomResizedCrop(299), HorizontalFlip(), Normalize()),
        eval=(ResizeShort(342), CenterCrop(299), Normalize()),
    ),
    initialization=Initialization(
        kernel=TruncatedNormal(0.1),
        bias=Constant(0.0),
        exceptions={
            "fc/kernel": TruncatedNormal(0.01),
            "aux/conv1/conv/kernel": TruncatedNormal(0.01),
            "aux/fc/kernel": TruncatedNormal(0.001),
        },
    ),
    optimizer=RMSprop(
        decay=0.9, momentum=0.9, epsilon=1.0, epsilon_in_root=True, initial_average=1.0, rate_in_momentum=True
    ),
    clipping=ClipByNorm(2.0),
    schedule=Step(peak=0.045, every=2 / 100, factor=0.94),
    regularization=Regularization(weight_decay=4e-5, decayed=("*kernel",), label_smoothing=0.1),
    weight_average=WeightAverage(decay=0.999),
    auxiliary_weight=0.4,
    budget=Budget(batch_size=64, epochs=100, evaluate_every=0.05),
    provenance={
        **IMAGENETTE_CHOICES,
        "model": "torchvision's inception_v3, after inception/slim/inception_model.py",
        "model.options.aux_heads": "Szegedy et al. 2016, section 4 and figure 8",
        "model.options.dropout": "inception/inception_model.py: dropout_keep_prob 0.8",
        "normalization": "inception/image_processing.py: from -1 to 1",
        "augmentation.eval": "inception/image_processing.py: the central 87.5 %",
        "initialization": "inception/, see recipes/inception_v3_imagenet.py",
        "optimizer": "Szegedy et al. 2016, section 8; momentum and the rest as in recipes/inception_v3_imagenet.py",
        "clipping": "Szegedy et al. 2016, section 8: threshold 2.0",
        "schedule": "Szegedy et al. 2016, section 8: 0.045, times 0.94 every two epochs; no warm-up",
        "regularization": "inception/inception_model.py; Szegedy et al. 2016, section 7",
        "weight_average": "ours: an average over 7 epochs; the authors' 0.9999 would average over most of the run",
        "auxiliary_weight": "inception/inception_model.py: 0.4",
        "loss": "Szegedy et al. 2016, section 7: cross-entropy",
        "budget": "Szegedy et al. 2016, section 8: 100 epochs",
        "budget.batch_size": "ours: 64, which keeps a GPU busier than the paper's 32",
    },
)
