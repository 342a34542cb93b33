"""Recipe for AlexNet on ImageNet, as trained by Krizhevsky, Sutskever and Hinton 2012.

    python -m zoo.train --recipe=alexnet_imagenet

Paper:     "ImageNet Classification with Deep Convolutional Neural Networks".
Status:    not run here. Traces (budget, learning rate, decay, initialization, images) are verified on random pixels.
Data:      tfds:imagenet2012, prepared from the archives that image-net.org gives out on request.
Hardware:  the paper took five to six days on two GTX 580; a GPU of today is limited by how fast the host decodes
           JPEG.
Expected:  the paper reports 40.7 % top-1 error for one such network, averaged over ten crops of each image; this
           recipe evaluates the central crop, for which Caffe's reimplementation has 57.1 % accuracy
           (bvlc_alexnet/readme.md). That one has no color augmentation, biases of 0.1 where the paper has 1 ("gave
           flat loss"), and twice the learning rate for biases.
Ours:      the steps at which the learning rate decays (the authors watched the validation error), the number of
           images for the mean image, the unit of the color augmentation, evaluation of the central crop, and bfloat16
           on GPUs and TPUs.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("alexnet", num_classes=1000, options={"dropout": 0.5}),
    data=Data("tfds:imagenet2012", corrupt_limit=100),
    normalization=PixelMean(sample=10_000),
    augmentation=Augmentation(
        train=(ResizeShort(256), CenterCrop(256), Normalize(), RandomCrop(227), HorizontalFlip(), PCAColor(0.1)),
        eval=(ResizeShort(256), CenterCrop(256), Normalize(), CenterCrop(227)),
    ),
    initialization=Initialization(
        kernel=Normal(0.01),
        bias=Constant(0.0),
        exceptions={f"{layer}/bias": Constant(1.0) for layer in ("conv2", "conv4", "conv5", "fc6", "fc7")},
    ),
    optimizer=SGD(momentum=0.9, rate_in_momentum=True),
    schedule=MultiStep(peak=0.01, boundaries=(0.25, 0.5, 0.75), factor=0.1),
    regularization=Regularization(weight_decay=5e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=128, epochs=90, evaluate_every=1 / 90),
    target=Target(0.57),
    provenance={
        **IMAGENET_CHOICES,
        "model": "Krizhevsky et al. 2012, section 3.5 and figure 2",
        "model.options.dropout": "Krizhevsky et al. 2012, section 4.2",
        "data": "Krizhevsky et al. 2012, section 2",
        "normalization": "Krizhevsky et al. 2012, section 2: the mean activity over the training set is subtracted",
        "augmentation": "Krizhevsky et al. 2012, sections 2 (256 pixels) and 4.1; 227: conv1 has no padding",
        "augmentation.train.5": "Krizhevsky et al. 2012, section 4.1; ours: eigenvalues for pixels from 0 to 1",
        "augmentation.eval": "ours: the central crop; the paper averages ten crops",
        "initialization": "Krizhevsky et al. 2012, section 5",
        "optimizer": "Krizhevsky et al. 2012, section 5: its update rule has the learning rate inside the momentum",
        "schedule.peak": "Krizhevsky et al. 2012, section 5",
        "schedule": "Krizhevsky et al. 2012, section 5: divided by 10, three times before the end",
        "schedule.boundaries": "ours: evenly spaced; the authors lowered it when the validation error stopped falling",
        "regularization": "Krizhevsky et al. 2012, section 5; biases do not decay in the authors' cuda-convnet",
        "budget": "Krizhevsky et al. 2012, section 5: batches of 128, roughly 90 cycles",
        "loss": "Krizhevsky et al. 2012, section 3.5: multinomial logistic regression",
        "target": "Caffe's bvlc_alexnet, 57.1 % for the central crop; 40.7 % error for ten crops in the paper, table 2",
    },
)
