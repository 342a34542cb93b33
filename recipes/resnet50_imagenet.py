"""Recipe for ResNet-50 on ImageNet, as trained by He, Zhang, Ren and Sun 2015.

    python -m zoo.train --recipe=resnet50_imagenet

Paper:     "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
Status:    not run here. Traces (budget, learning rate, decay, initialization, images) are verified on random pixels.
Data:      tfds:imagenet2012, prepared from the archives that image-net.org gives out on request.
Hardware:  the authors had 8 GPUs with 32 images each (README of KaimingHe/deep-residual-networks); no time is given.
Expected:  75.3 % accuracy for the central crop (the same README: 24.7 % error); 77.1 % over ten crops (the paper's
           table 3). torchvision's network, trained in nearly this way, has 76.1 %, with the strides in the same
           convolutions as here.
Ours:      the scale of crops. The paper resizes the shorter side to a random length from 256 to 480 pixels; here the
           area of the crop is random, in the range that those lengths give for an image of 3:4. Images are divided by
           the standard deviation as well, and a mean for each channel is subtracted, in the paper one for each pixel.
           The epochs at which the learning rate decays: the authors waited for the error to plateau. Strides are in
           3x3 convolutions, see zoo/models/resnet.py. Batch normalization computes its statistics over the 256 images
           of one device, where the authors had 32 on each of theirs. It is evaluated with running statistics; the
           authors computed them after training, over a large batch, and say that moving averages "might lead to
           different results".
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
        "augmentation": "He et al. 2015, arXiv:1512.03385, section 3.4: crops of 224 pixels, flips, color augmentation",
        "augmentation.train.0": "ours: the areas of 224 pixels in 480 and in 256; in the paper the length is random",
        "augmentation.train.3": "Krizhevsky et al. 2012, section 4.1, as section 3.4 says; ours: pixels from 0 to 1",
        "augmentation.eval": "README of KaimingHe/deep-residual-networks: central 224 pixels, shorter side 256",
        "initialization": "He et al. 2015, arXiv:1502.01852, section 2.2, to which section 3.4 refers",
        "initialization.exceptions": "Goyal et al. 2017, arXiv:1706.02677, section 5.1; uniform first predictions",
        "optimizer": "He et al. 2015, arXiv:1512.03385, section 3.4: momentum 0.9",
        "optimizer.rate_in_momentum": "README of KaimingHe/deep-residual-networks: v := momentum * v + lr * g",
        "schedule.peak": "He et al. 2015, arXiv:1512.03385, section 3.4",
        "schedule": "He et al. 2015, arXiv:1512.03385, section 3.4: divided by 10 when the error plateaus; no warm-up",
        "schedule.boundaries": "ours: evenly spaced; the authors watched the error",
        "regularization": "He et al. 2015, arXiv:1512.03385, section 3.4: weight decay 0.0001, no other regularization",
        "regularization.decayed": "ours: kernels; the paper does not say whether batch normalization decays",
        "budget": "He et al. 2015, arXiv:1512.03385, section 3.4: up to 600,000 batches of 256",
        "loss": "He et al. 2015, arXiv:1512.03385, section 3.3: softmax",
        "target": "README of KaimingHe/deep-residual-networks: 24.7 % error for the central crop",
    },
)
