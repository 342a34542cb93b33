"""Recipe for VGG-16 on ImageNet, as trained by Simonyan and Zisserman 2015.

    python -m zoo.train --recipe=vgg16_imagenet

Paper:     "Very Deep Convolutional Networks for Large-Scale Image Recognition", arXiv:1409.1556.
Status:    not run here. Traces (budget, learning rate, decay, initialization, images) are verified on random pixels.
Data:      tfds:imagenet2012, prepared from the archives that image-net.org gives out on request.
Hardware:  the paper took two to three weeks on four Titan Black.
Expected:  the authors' network has 71.5 % accuracy for the central crop (README of KaimingHe/deep-residual-networks,
           after matconvnet), and 73.0 % applied to whole images (the paper's table 3: network D, 27.0 % error, S = Q
           = 256).
Ours:      random crops lie in the central square of an image, in the paper anywhere in it. A mean for each pixel is
           subtracted, in the paper one for each channel. The epochs at which the learning rate decays: the authors
           waited for the validation error. The initialization: the authors took the first and the last layers from
           network A, and found after submission that Glorot initialization makes this unnecessary; this recipe uses
           Glorot initialization.

Images keep their standard deviation of about 60, on which Glorot initialization relies here: it halves the variance
at each of the sixteen layers, because a ReLU discards half of its input. Divided by their standard deviation, images
would leave no signal at the last layer.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("vgg16", num_classes=1000, options={"dropout": 0.5}),
    data=Data("tfds:imagenet2012", corrupt_limit=100),
    normalization=PixelMean(sample=10_000),
    augmentation=Augmentation(
        train=(ResizeShort(256), CenterCrop(256), Normalize(), RandomCrop(224), HorizontalFlip(), PCAColor(0.1)),
        eval=(ResizeShort(256), CenterCrop(256), Normalize(), CenterCrop(224)),
    ),
    initialization=Initialization(kernel=GlorotUniform(), bias=Constant(0.0)),
    optimizer=SGD(momentum=0.9, rate_in_momentum=True),
    schedule=MultiStep(peak=0.01, boundaries=(0.25, 0.5, 0.75), factor=0.1),
    regularization=Regularization(weight_decay=5e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=256, epochs=74, evaluate_every=1 / 74),
    target=Target(0.71),
    provenance={
        **IMAGENET_CHOICES,
        "model": "Simonyan & Zisserman 2015, table 1, column D",
        "model.options.dropout": "Simonyan & Zisserman 2015, section 3.1",
        "data": "Simonyan & Zisserman 2015, section 4",
        "normalization": "ours: the mean of each pixel; section 2.1 subtracts that of each channel",
        "augmentation": "Simonyan & Zisserman 2015, section 3.1: S = 256, crops of 224, flips, color augmentation",
        "augmentation.train.1": "ours: images need a common size before the mean image is subtracted",
        "augmentation.train.5": "Krizhevsky et al. 2012, section 4.1; ours: eigenvalues for pixels from 0 to 1",
        "augmentation.eval": "ours: the central crop; the paper averages over the whole image, or over crops",
        "initialization": "Simonyan & Zisserman 2015, section 3.1: Glorot & Bengio 2010; biases 0",
        "optimizer": "Simonyan & Zisserman 2015, section 3.1: momentum 0.9; the learning rate enters as in Caffe",
        "schedule.peak": "Simonyan & Zisserman 2015, section 3.1",
        "schedule": "Simonyan & Zisserman 2015, section 3.1: divided by 10, three times",
        "schedule.boundaries": "ours: evenly spaced; the authors waited until the validation accuracy stopped rising",
        "regularization": "Simonyan & Zisserman 2015, section 3.1",
        "regularization.decayed": "ours: kernels; the paper does not say whether biases decay",
        "budget": "Simonyan & Zisserman 2015, section 3.1: batches of 256, 370,000 steps, 74 epochs",
        "loss": "Simonyan & Zisserman 2015, section 3.1: multinomial logistic regression",
        "target": "README of KaimingHe/deep-residual-networks: 28.5 % error for the central crop",
    },
)
