"""Recipe for EfficientNet-B0 on Imagenette, ten classes of photographs from ImageNet.

    python -m zoo.train --recipe=efficientnet_b0_imagenette

Paper:     Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
           arXiv:1905.11946. What it leaves open is from the authors' code, models/official/efficientnet in
           tensorflow/tpu.
Status:    not run at full length here. Traces are verified, and so are the first steps on a CPU, of a copy of the
           data whose shorter sides have 224 pixels.
Data:      tfds:imagenette, or its archive (github.com/fastai/imagenette) unpacked, with --data=folder:PATH.
Hardware:  one GPU.
Expected:  not measured yet, so there is no target.
Ours:      a batch of 128, to which the learning rate is scaled as in the authors' code; a shorter average of weights;
           small initial weights in the last layer, because the authors' +-1 / sqrt(classes) is for 1000 classes.
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
        "model.options": "Tan & Le 2019, section 5.2; epsilon: efficientnet_builder.py",
        "initialization": "efficientnet_model.py; kernels: the network's own, 2 / fan-out",
        "initialization.exceptions": "ours: uniform first predictions; depthwise: the authors' 2 / k^2",
        "optimizer": "Tan & Le 2019, section 5.2; epsilon and the rest as in recipes/efficientnet_b0_imagenet.py",
        "schedule": "Tan & Le 2019, section 5.2: times 0.97 every 2.4 epochs",
        "schedule.peak": "main.py: 0.016 * 128 / 256",
        "schedule.warmup": "main.py: lr_warmup_epochs 5",
        "regularization": "Tan & Le 2019, section 5.2: weight decay 1e-5",
        "regularization.decayed": "main.py: all except batch normalization",
        "regularization.label_smoothing": "main.py: 0.1",
        "weight_average": "ours: an average over 14 epochs; the authors' 0.9999 would average over most of the run",
        "loss": "main.py: softmax cross-entropy",
        "budget": "ours: 200 epochs of 74 steps, after which the rate is a twelfth; the authors train for 350",
    },
)
