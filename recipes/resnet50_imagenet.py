"""ResNet-50 on ImageNet, as He, Zhang, Ren, Sun 2015 trained it.

    python -m zoo.train --recipe=resnet50_imagenet

Status:    not run here. Its traces (budget, learning rate, decay, initialization, images) are verified on random pixels.
Data:      tfds:imagenet2012, which one prepares from the archives that image-net.org gives out on request.
Hardware:  the authors had 8 GPUs with 32 images each (README of KaimingHe/deep-residual-networks); no time is given.
Expected:  75.3 % accuracy for the central crop (the same README: 24.7 % error); 77.1 % over ten crops (the paper's table 3).
           torchvision's network trained in nearly this way has 76.1 %, with its strides placed as here.
Ours:      the scale of crops. The paper resizes the shorter side to a random length from 256 to 480 pixels; here the crop's
           area is drawn, from what those lengths leave of an image of 3:4. Standard deviations are divided out, too, and
           the mean is one of each channel; the paper subtracts a mean for each pixel. When the learning rate falls: the
           authors waited for the error to plateau. Strides are in 3x3 convolutions, see zoo/models/resnet.py. Batch
           normalization is over the 256 images of one device, where the authors had 32 on each of theirs. It is evaluated
           with moving averages; the authors computed its statistics after training, over a large batch, and say that
           moving averages "might lead to different results".
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("resnet50", num_classes=1000),
    data=Data("tfds:imagenet2012", corrupt_limit=100),
    normalization=ChannelMeanStd(sample=10_000),
    augmentation=Augmentation(
        train=(
            RandomResizedCrop(224, min_area=0.16, max_area=0.57, max_ratio=1.0),
            HorizontalFlip(),
            Normalize(),
            PCAColor(0.1),
        ),
        eval=(ResizeShort(256), CenterCrop(224), Normalize()),
    ),
    initialization=Initialization(kernel=HeNormal(), bias=Constant(0.0), exceptions={"fc/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9, rate_in_momentum=True),
    schedule=MultiStep(peak=0.1, boundaries=(0.25, 0.5, 0.75), factor=0.1),
    regularization=Regularization(weight_decay=1e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=256, epochs=120, evaluate_every=1 / 120),
    target=Target(0.75),
    provenance={
        **IMAGENET_CHOICES,
        "model": "He et al. 2015, arXiv:1512.03385, table 1",
        "data": "He et al. 2015, arXiv:1512.03385, section 4.1",
        "normalization": "ours: of each channel; the paper subtracts a mean of each pixel",
        "augmentation": "He et al. 2015, arXiv:1512.03385, section 3.4: crops of 224 pixels, flips, colours",
        "augmentation.train.0": "ours: the area of 224 in 480 and in 256 pixels, of images of 3:4; the paper draws the length",
        "augmentation.train.3": "Krizhevsky et al. 2012, section 4.1, to which section 3.4 refers; colours count from 0 to 1",
        "augmentation.eval": "README of KaimingHe/deep-residual-networks: central 224 pixels, shorter side 256",
        "initialization": "He et al. 2015, arXiv:1502.01852, section 2.2, to which section 3.4 refers",
        "initialization.exceptions": "Goyal et al. 2017, arXiv:1706.02677, section 5.1; predictions start even",
        "optimizer": "He et al. 2015, arXiv:1512.03385, section 3.4: momentum 0.9",
        "optimizer.rate_in_momentum": "README of KaimingHe/deep-residual-networks: v := momentum * v + lr * g",
        "schedule.peak": "He et al. 2015, arXiv:1512.03385, section 3.4",
        "schedule": "He et al. 2015, arXiv:1512.03385, section 3.4: divided by 10 when the error plateaus",
        "schedule.warmup": "He et al. 2015, arXiv:1512.03385, has none on ImageNet",
        "schedule.boundaries": "ours: even; the authors watched the error",
        "regularization": "He et al. 2015, arXiv:1512.03385, section 3.4: weight decay 0.0001, and nothing else",
        "regularization.decayed": "ours: kernels; the paper does not say whether batch normalization decays",
        "budget": "He et al. 2015, arXiv:1512.03385, section 3.4: up to 600,000 batches of 256",
        "loss": "He et al. 2015, arXiv:1512.03385, section 3.3: softmax",
        "target": "README of KaimingHe/deep-residual-networks: 24.7 % error for the central crop",
    },
)
