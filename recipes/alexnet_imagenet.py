"""AlexNet on ImageNet, as Krizhevsky, Sutskever, Hinton 2012 trained it.

    python -m zoo.train --recipe=alexnet_imagenet

Status:    not run here. Its traces (learning rate, decay, initialization, images) are verified on random pixels.
Data:      tfds:imagenet2012, which one prepares from the archives that image-net.org gives out on request.
Hardware:  the paper took five to six days on two GTX 580; a GPU of today is limited by how fast the host decodes JPEG.
Expected:  the paper reports 40.7 % top-1 error for one such network, averaged over ten crops of each image; this recipe
           evaluates the central crop, for which Caffe's reimplementation gives 57.1 % accuracy (bvlc_alexnet/readme.md).
           That one differs: no change of colours, biases of 0.1 where the paper has 1 ("gave flat loss"), and twice the
           learning rate for biases.
Ours:      when the learning rate falls (the paper's authors watched the validation error), the sample for the mean image,
           the unit of the change of colours, evaluation by the central crop, and bfloat16 on GPUs and TPUs.
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
        "augmentation": "Krizhevsky et al. 2012, sections 2 (256 pixels) and 4.1; 227 because of the unpadded first window",
        "augmentation.train.5": "Krizhevsky et al. 2012, section 4.1; ours: eigenvalues are those of pixels from 0 to 1",
        "augmentation.eval": "ours: the central crop; the paper averages ten",
        "initialization": "Krizhevsky et al. 2012, section 5",
        "optimizer": "Krizhevsky et al. 2012, section 5: the rate is inside of the momentum in its update rule",
        "schedule.peak": "Krizhevsky et al. 2012, section 5",
        "schedule": "Krizhevsky et al. 2012, section 5: divided by 10, three times before the end",
        "schedule.boundaries": "ours: even; the paper's authors chose by hand, when the validation error no longer fell",
        "regularization": "Krizhevsky et al. 2012, section 5; biases do not decay in the authors' cuda-convnet configuration",
        "budget": "Krizhevsky et al. 2012, section 5: batches of 128, roughly 90 cycles",
        "loss": "Krizhevsky et al. 2012, section 3.5: multinomial logistic regression",
        "target": "Caffe's bvlc_alexnet, 57.1 % for the central crop; 40.7 % error for ten crops in the paper, table 2",
    },
)
