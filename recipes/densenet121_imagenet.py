"""Recipe for DenseNet-121 on ImageNet, as trained by Huang, Liu, van der Maaten and Weinberger 2017.

    python -m zoo.train --recipe=densenet121_imagenet

Paper:     "Densely Connected Convolutional Networks", arXiv:1608.06993. For images it refers to fb.resnet.torch.
Status:    not run here. Traces (budget, learning rate, decay, initialization, images) are verified on random pixels.
Data:      tfds:imagenet2012, prepared from the archives that image-net.org gives out on request.
Hardware:  the paper does not say.
Expected:  74.98 % accuracy for one crop (the paper's table 3: 25.02 % error; 23.61 % over ten).
Ours:      brightness, contrast and saturation change in this order, in fb.resnet.torch in random order.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("densenet121", num_classes=1000),
    data=Data("tfds:imagenet2012", corrupt_limit=100),
    normalization=ChannelMeanStd(sample=10_000),
    augmentation=Augmentation(
        train=(
            RandomResizedCrop(224),
            Brightness(0.4),
            Contrast(0.4),
            Saturation(0.4),
            PCAColor(0.1),
            Normalize(),
            HorizontalFlip(),
        ),
        eval=(ResizeShort(256), CenterCrop(224), Normalize()),
    ),
    initialization=Initialization(
        kernel=HeNormal(), bias=Constant(0.0), exceptions={"classifier/kernel": Normal(0.01)}
    ),
    optimizer=SGD(momentum=0.9, nesterov=True),
    schedule=MultiStep(peak=0.1, boundaries=(30 / 90, 60 / 90), factor=0.1),
    regularization=Regularization(weight_decay=1e-4, decayed=("*",)),
    budget=Budget(batch_size=256, epochs=90, evaluate_every=1 / 90),
    target=Target(0.74),
    provenance={
        **IMAGENET_CHOICES,
        "model": "Huang et al. 2017, table 1",
        "data": "Huang et al. 2017, section 4.1",
        "normalization": "fb.resnet.torch, datasets/imagenet.lua",
        "augmentation": "fb.resnet.torch, datasets/imagenet.lua, as Huang et al. 2017, section 4.1; ours: the order",
        "augmentation.eval": "Huang et al. 2017, section 4.1: a crop of 224 pixels; fb.resnet.torch: shorter side 256",
        "initialization": "Huang et al. 2017, section 4.2: He et al. 2015",
        "initialization.bias": "torchvision's densenet121, which was made after the authors' code",
        "initialization.exceptions": "ours: uniform first predictions; the authors keep Torch's, +-1 / sqrt(1024)",
        "optimizer": "Huang et al. 2017, section 4.2: Nesterov momentum 0.9 without dampening",
        "optimizer.rate_in_momentum": "Torch, which the authors used",
        "schedule": "Huang et al. 2017, section 4.2: 0.1, a tenth from epoch 30 and again from epoch 60; no warm-up",
        "regularization": "Huang et al. 2017, section 4.2: weight decay 0.0001",
        "regularization.decayed": "fb.resnet.torch, train.lua: all parameters",
        "budget": "Huang et al. 2017, section 4.2: 90 epochs, batches of 256",
        "budget.accumulation": "ours: a batch fits on a GPU of 24 GB",
        "loss": "Huang et al. 2017, table 1: softmax",
        "target": "Huang et al. 2017, table 3: 25.02 % error",
    },
)
