"""MobileNetV2 on Imagenette: ten classes of ImageNet in real photographs.

    python -m zoo.train --recipe=mobilenet_v2_imagenette

Status:    not run at full length here. Traces are verified (on random pixels, where the data is not at hand), and the
           first steps on a CPU, where it is.
Data:      tfds:imagenette, 9,469 training and 3,925 validation images (github.com/fastai/imagenette), or, with
           --data=folder:PATH, the same archive unpacked. The first steps in verification/ledger/ are of copies whose
           shorter sides have 224 pixels.
Hardware:  meant for one GPU.
Expected:  nothing is promised before it is measured, so there is no target.
Ours:      half of the epochs of recipes/mobilenet_v2_imagenet.py, with the same fall of the rate over them; a shorter
           average of weights; no changes of colours.
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
        "model.options.dropout": "research/slim/nets/mobilenet/mobilenet.py in tensorflow/models: dropout_keep_prob 0.8",
        "normalization": "research/slim/preprocessing/inception_preprocessing.py in tensorflow/models: from -1 to 1",
        "initialization": "research/slim/nets/mobilenet/mobilenet.py in tensorflow/models: deviation 0.09, cut off; biases 0",
        "initialization.exceptions": "torchvision's mobilenet_v2: predictions start even",
        "optimizer": "Sandler et al. 2018, section 6.1; epsilon and the rest as in recipes/mobilenet_v2_imagenet.py",
        "schedule": "Sandler et al. 2018, section 6.1: 0.045, times 0.98 each epoch",
        "schedule.warmup": "Sandler et al. 2018 has none",
        "regularization": "Sandler et al. 2018, section 6.1: weight decay 0.00004",
        "regularization.decayed": "research/slim/nets/mobilenet/mobilenet.py in tensorflow/models: no depthwise kernels",
        "regularization.label_smoothing": "research/slim/nets/mobilenet/README.md in tensorflow/models",
        "weight_average": "ours: over 10 epochs; over the 0.9999 of the authors' code it would be most of the run",
        "loss": "research/slim/train_image_classifier.py in tensorflow/models: softmax cross-entropy",
        "budget": "Sandler et al. 2018, section 6.1: 96 images at a time",
        "budget.epochs": "ours: until the rate is a twentieth",
    },
)
