"""Recipe for EfficientNet-B0 on ImageNet, as trained by Tan and Le 2019, but without AutoAugment.

    python -m zoo.train --recipe=efficientnet_b0_imagenet

Paper:     "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", arXiv:1905.11946. What it
           leaves open is from the authors' code, models/official/efficientnet in tensorflow/tpu.
Status:    not run here. Traces (budget, learning rate, decay, initialization, images) are verified on random pixels.
Data:      tfds:imagenet2012, prepared from the archives that image-net.org gives out on request.
Hardware:  the code is for 32 TPU cores with 64 images each (main.py: num_replicas, train_batch_size); no time is
           given.
Expected:  77.1 % accuracy with AutoAugment (the paper's table 2); without it less, so that the target here is ours.
Ours:      no AutoAugment, which is not among the parts of a recipe; images are resized with bilinear interpolation,
           in the authors' code with bicubic. Strided convolutions pad as in PyTorch. Batch normalization computes its
           statistics over 256 images; in the authors' code over as many on four cores.

The paper does not mention five epochs of warm-up, the average of weights, which includes the running statistics,
RMSprop's epsilon of 0.001, and that all parameters decay except those of batch normalization.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model(
        "efficientnet_b0",
        num_classes=1000,
        options={"dropout": 0.2, "drop_path": 0.2, "epsilon": 1e-3, "momentum": 0.99},
    ),
    data=Data("tfds:imagenet2012", corrupt_limit=100),
    normalization=ChannelMeanStd(sample=10_000),
    augmentation=Augmentation(
        train=(RandomResizedCrop(224), HorizontalFlip(), Normalize()),
        eval=(ResizeShort(256), CenterCrop(224), Normalize()),
    ),
    initialization=Initialization(bias=Constant(0.0), exceptions={"*/depthwise/conv/kernel": HeNormal()}),
    optimizer=RMSprop(
        decay=0.9, momentum=0.9, epsilon=1e-3, epsilon_in_root=True, initial_average=1.0, rate_in_momentum=True
    ),
    schedule=Step(peak=0.128, warmup=5 / 350, every=2.4 / 350, factor=0.97),
    regularization=Regularization(weight_decay=1e-5, decayed=("*kernel", "*/se/*bias", "fc/bias"), label_smoothing=0.1),
    weight_average=WeightAverage(decay=0.9999),
    budget=Budget(batch_size=2048, epochs=350, accumulation=8, evaluate_every=1 / 70),
    target=Target(0.76),
    provenance={
        **IMAGENET_CHOICES,
        "model": "Tan & Le 2019, table 1",
        "model.options.dropout": "Tan & Le 2019, section 5.2: 0.2 for B0",
        "model.options.drop_path": "Tan & Le 2019, section 5.2: stochastic depth with survival probability 0.8",
        "model.options.epsilon": "efficientnet_builder.py: batch_norm_epsilon 1e-3",
        "model.options.momentum": "Tan & Le 2019, section 5.2: batch norm momentum 0.99",
        "data": "Tan & Le 2019, section 5.2",
        "normalization": "main.py: normalize_features, with the statistics of the whole set",
        "augmentation": "preprocessing.py: crops of 8 to 100 % of the area, flips; ours: no AutoAugment",
        "augmentation.eval": "preprocessing.py: the central 224 of 256 pixels",
        "initialization": "efficientnet_model.py; kernels are the network's own, with variance 2 / fan-out",
        "initialization.exceptions": "efficientnet_model.py: variance 2 / k^2; in torchvision all outputs count",
        "optimizer": "Tan & Le 2019, section 5.2: decay, momentum; the rest: tf.train.RMSPropOptimizer",
        "optimizer.epsilon": "utils.py: build_optimizer, 0.001",
        "schedule": "Tan & Le 2019, section 5.2: times 0.97 every 2.4 epochs",
        "schedule.peak": "main.py: 0.016 * 2048 / 256; the paper's 0.256 is for twice the batch",
        "schedule.warmup": "main.py: lr_warmup_epochs 5",
        "regularization": "Tan & Le 2019, section 5.2: weight decay 1e-5",
        "regularization.decayed": "main.py: all variables except those of batch normalization",
        "regularization.label_smoothing": "main.py: label_smoothing 0.1",
        "weight_average": "main.py: moving_average_decay 0.9999 with num_updates; utils.py: running statistics too",
        "budget": "main.py: 218,949 steps of 2048, which are 350 epochs",
        "budget.accumulation": "ours: parts of 256, for a GPU of 24 GB and more",
        "loss": "main.py: softmax cross-entropy",
        "precision": "main.py: use_bfloat16; ours: float32 where the hardware has no units for it",
        "target": "ours: a percent below the 77.1 % of the paper's table 2, without AutoAugment",
    },
)
