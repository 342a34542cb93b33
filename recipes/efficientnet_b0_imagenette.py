"""EfficientNet-B0 on Imagenette: ten classes of ImageNet in real photographs.

    python -m zoo.train --recipe=efficientnet_b0_imagenette

Status:    not run at full length here. Traces are verified (on random pixels, where the data is not at hand), and the
           first steps on a CPU, where it is.
Data:      tfds:imagenette, 9,469 training and 3,925 validation images (github.com/fastai/imagenette), or, with
           --data=folder:PATH, the same archive unpacked. The first steps in verification/ledger/ are of copies whose
           shorter sides have 224 pixels.
Hardware:  meant for one GPU.
Expected:  nothing is promised before it is measured, so there is no target.
Ours:      a batch of 128, to which the rate is scaled as in the authors' code; a shorter average of weights.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("efficientnet_b0", options={"dropout": 0.2, "drop_path": 0.2, "epsilon": 1e-3, "momentum": 0.99}),
    data=Data("tfds:imagenette"),
    normalization=ChannelMeanStd(sample=9_469),
    augmentation=Augmentation(
        train=(RandomResizedCrop(224), HorizontalFlip(), Normalize()),
        eval=(ResizeShort(256), CenterCrop(224), Normalize()),
    ),
    initialization=Initialization(
        bias=Constant(0.0), exceptions={"fc/kernel": Normal(0.01), "*/depthwise/conv/kernel": HeNormal()}
    ),
    optimizer=RMSprop(
        decay=0.9, momentum=0.9, epsilon=1e-3, epsilon_in_root=True, initial_average=1.0, rate_in_momentum=True
    ),
    schedule=Step(peak=0.008, warmup=5 / 200, every=2.4 / 200, factor=0.97),
    regularization=Regularization(weight_decay=1e-5, decayed=("*kernel", "*/se/*bias", "fc/bias"), label_smoothing=0.1),
    weight_average=WeightAverage(decay=0.999),
    budget=Budget(batch_size=128, epochs=200, evaluate_every=1 / 40),
    provenance={
        **IMAGENETTE_CHOICES,
        "model": "Tan & Le 2019, table 1",
        "model.options": "Tan & Le 2019, section 5.2; epsilon: efficientnet_builder.py in tensorflow/tpu",
        "initialization": "efficientnet_model.py in tensorflow/tpu; kernels are the network's own, with variance 2 / fan-out",
        "initialization.exceptions": "ours: predictions start even; the authors' +-1 / sqrt(classes) is for 1000 classes. Depthwise: theirs, 2 / k^2",
        "optimizer": "Tan & Le 2019, section 5.2; epsilon and the rest as in recipes/efficientnet_b0_imagenet.py",
        "schedule": "Tan & Le 2019, section 5.2: times 0.97 every 2.4 epochs",
        "schedule.peak": "main.py in tensorflow/tpu: 0.016 * 128 / 256",
        "schedule.warmup": "main.py in tensorflow/tpu: lr_warmup_epochs 5",
        "regularization": "Tan & Le 2019, section 5.2: weight decay 1e-5",
        "regularization.decayed": "main.py in tensorflow/tpu: all but batch normalization",
        "regularization.label_smoothing": "main.py in tensorflow/tpu: 0.1",
        "weight_average": "ours: over 14 epochs; over the 0.9999 of the authors' code it would be most of the run",
        "loss": "main.py in tensorflow/tpu: softmax cross-entropy",
        "budget": "ours: 200 epochs of 74 steps, until the rate is a twelfth; the authors have 350",
    },
)
