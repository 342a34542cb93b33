"""Recipe for MobileNetV2 on Imagenette, ten classes of photographs from ImageNet.

    python -m zoo.train --recipe=mobilenet_v2_imagenette

Paper:     Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", arXiv:1801.04381. What it
           leaves open is from the authors' code, research/slim in tensorflow/models.
Status:    not run at full length here. Traces are verified, and so are the first steps on a CPU, of a copy of the
           data whose shorter sides have 224 pixels.
Data:      tfds:imagenette, or its archive (github.com/fastai/imagenette) unpacked, with --data=folder:PATH.
Hardware:  one GPU.
Expected:  not measured yet, so there is no target.
Ours:      half of the epochs of recipes/mobilenet_v2_imagenet.py, with the same decay of the learning rate per epoch;
           a shorter average of weights; no color augmentation.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("mobilenet_v2", options={"dropout": 0.2}),
    data=Data("tfds:imagenette"),
    normalization=SignedRange(),
    augmentation=Augmentation(
        train=(RandomResizedCrop(224), HorizontalFlip(), Normalize()),
        eval=(ResizeShort(256), CenterCrop(224), Normalize()),
    ),
    initialization=Initialization(
        kernel=TruncatedNormal(0.09), bias=Constant(0.0), exceptions={"fc/kernel": Normal(0.01)}
    ),
    optimizer=RMSprop(
        decay=0.9, momentum=0.9, epsilon=1.0, epsilon_in_root=True, initial_average=1.0, rate_in_momentum=True
    ),
    schedule=Step(peak=0.045, every=1 / 150, factor=0.98),
    regularization=Regularization(
        weight_decay=4e-5,
        decayed=("conv?/conv/kernel", "*/expand/conv/kernel", "*/project/conv/kernel", "fc/kernel"),
        label_smoothing=0.1,
    ),
    weight_average=WeightAverage(decay=0.999),
    budget=Budget(batch_size=96, epochs=150, evaluate_every=1 / 30),
    provenance={
        **IMAGENETTE_CHOICES,
        "model": "Sandler et al. 2018, table 2",
        "model.options.dropout": "nets/mobilenet/mobilenet.py: dropout_keep_prob 0.8",
        "normalization": "preprocessing/inception_preprocessing.py: from -1 to 1",
        "initialization": "nets/mobilenet/mobilenet.py: truncated, standard deviation 0.09; biases 0",
        "initialization.exceptions": "torchvision's mobilenet_v2: uniform first predictions",
        "optimizer": "Sandler et al. 2018, section 6.1; epsilon and the rest as in recipes/mobilenet_v2_imagenet.py",
        "schedule": "Sandler et al. 2018, section 6.1: 0.045, times 0.98 each epoch; no warm-up",
        "regularization": "Sandler et al. 2018, section 6.1: weight decay 0.00004",
        "regularization.decayed": "nets/mobilenet/mobilenet.py: no depthwise kernels",
        "regularization.label_smoothing": "nets/mobilenet/README.md",
        "weight_average": "ours: an average over 10 epochs; the authors' 0.9999 would average over most of the run",
        "loss": "train_image_classifier.py: softmax cross-entropy",
        "budget": "Sandler et al. 2018, section 6.1: batches of 96",
        "budget.epochs": "ours: 150 epochs, after which the rate is a twentieth",
    },
)
