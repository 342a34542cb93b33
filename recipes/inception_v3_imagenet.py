"""Recipe for Inception v3 on ImageNet, as trained by Szegedy, Vanhoucke, Ioffe, Shlens and Wojna 2016.

    python -m zoo.train --recipe=inception_v3_imagenet

Paper:     "Rethinking the Inception Architecture for Computer Vision", arXiv:1512.00567. What it leaves open is from
           the authors' code, inception/ in tensorflow/models.
Status:    not run here. Traces (budget, learning rate, decay, initialization, images) are verified on random pixels.
Data:      tfds:imagenet2012, prepared from the archives that image-net.org gives out on request.
Hardware:  the authors had 50 machines with a Kepler GPU each, which processed 32 images at a time asynchronously.
Expected:  78.8 % accuracy for one crop (the paper's table 3: 21.2 % error). The authors' published code, with other
           learning rates, reached 73.5 % after 20 epochs, which took 100 hours on 8 K40 (inception_train.py).
Ours:      synchronous steps of 32 images, where the authors' training was asynchronous. Random crops: those of the
           authors' code contain at least a tenth of an object's bounding box. Colors change in one of the code's two
           orders, and brightness by a factor instead of an amount. The running statistics of batch normalization have
           a momentum of 0.9 (0.9997 in the authors' code), for which their average over 10,000 steps compensates;
           there are scales, which the authors' code does not have.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("inception_v3", num_classes=1000, options={"aux_heads": True, "dropout": 0.2}),
    data=Data("tfds:imagenet2012", corrupt_limit=100),
    normalization=SignedRange(),
    augmentation=Augmentation(
        train=(
            RandomResizedCrop(299, min_area=0.05),
            HorizontalFlip(),
            Brightness(32 / 255),
            Saturation(0.5),
            Hue(0.2),
            Contrast(0.5),
            Normalize(),
        ),
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
    weight_average=WeightAverage(decay=0.9999),
    auxiliary_weight=0.4,
    budget=Budget(batch_size=32, epochs=100, evaluate_every=1 / 100),
    target=Target(0.78),
    provenance={
        **IMAGENET_CHOICES,
        "model": "inception/slim/inception_model.py in tensorflow/models, which differs from the paper's table 1",
        "model.options.aux_heads": "Szegedy et al. 2016, section 4 and figure 8",
        "model.options.dropout": "inception/inception_model.py: dropout_keep_prob 0.8",
        "data": "Szegedy et al. 2016, section 8",
        "normalization": "inception/image_processing.py: from -1 to 1",
        "augmentation": "inception/image_processing.py; ours: the order, and brightness by a factor",
        "augmentation.train.0": "image_processing.py: area 0.05 to 1, ratio 3/4 to 4/3; ours: no bounding boxes",
        "augmentation.eval": "image_processing.py: the central 87.5 %, here of the shorter side (299 / 0.875 = 342)",
        "initialization": "inception/inception_model.py, inception/slim: 0.1, truncated; fc 0.01, aux 0.01 and 0.001",
        "initialization.bias": "inception/slim/ops.py: 0",
        "optimizer": "Szegedy et al. 2016, section 8: decay, epsilon; inception_train.py; tf.train.RMSPropOptimizer",
        "clipping": "Szegedy et al. 2016, section 8: threshold 2.0",
        "schedule": "Szegedy et al. 2016, section 8: 0.045, times 0.94 every two epochs; no warm-up",
        "regularization": "inception/inception_model.py: weight decay 0.00004 of kernels",
        "regularization.label_smoothing": "Szegedy et al. 2016, section 7",
        "weight_average": "Szegedy et al. 2016, section 8: a running average; inception_model.py: decay 0.9999",
        "auxiliary_weight": "inception/inception_model.py: 0.4",
        "budget": "Szegedy et al. 2016, section 8: 100 epochs, batches of 32",
        "loss": "Szegedy et al. 2016, section 7: cross-entropy",
        "target": "Szegedy et al. 2016, table 3: 21.2 % error",
    },
)
