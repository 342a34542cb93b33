"""Recipe for GoogLeNet on ImageNet, as Caffe's bvlc_googlenet was trained.

    python -m zoo.train --recipe=googlenet_imagenet

Paper:     Szegedy et al. 2014, "Going Deeper with Convolutions", arXiv:1409.4842. It says little about training
           (section 6); bvlc_googlenet, made with the first author's help, specifies everything.
Status:    not run here. Traces (budget, learning rate, decay, initialization, images) are verified on random pixels.
Data:      tfds:imagenet2012, prepared from the archives that image-net.org gives out on request.
Hardware:  the paper estimates a week on a few GPUs; Caffe took 1.7 s for 128 images on a K40, which is 12 days for 60
           epochs.
Expected:  68.7 % top-1 and 88.9 % top-5 accuracy for the central crop (models/bvlc_googlenet/readme.md in
           BVLC/caffe).
Ours:      a mean for each pixel is subtracted, in Caffe one for each channel. Biases have the learning rate of
           kernels, in Caffe twice as much.

Caffe left out the paper's own random crops, 8 to 100 % of the area, and its color augmentation. For these crops:
--set='augmentation.train=[RandomResizedCrop(size=224),HorizontalFlip,Normalize]', with ChannelMeanStd for
normalization, and a longer run: Caffe's other schedule, 4 % less every 8 epochs as in the paper, takes 250 epochs.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("googlenet", num_classes=1000, options={"aux_heads": True, "dropout": 0.4, "aux_dropout": 0.7}),
    data=Data("tfds:imagenet2012", corrupt_limit=100),
    normalization=PixelMean(sample=10_000),
    augmentation=Augmentation(
        train=(Resize(256), Normalize(), RandomCrop(224), HorizontalFlip()),
        eval=(Resize(256), Normalize(), CenterCrop(224)),
    ),
    initialization=Initialization(
        kernel=LeCunUniform(),
        bias=Constant(0.2),
        exceptions={"fc/bias": Constant(0.0), "aux?/fc2/bias": Constant(0.0)},
    ),
    optimizer=SGD(momentum=0.9, rate_in_momentum=True),
    schedule=Polynomial(peak=0.01, power=0.5),
    regularization=Regularization(weight_decay=2e-4, decayed=("*kernel",)),
    auxiliary_weight=0.3,
    budget=Budget(batch_size=32, epochs=60, evaluate_every=1 / 60),
    target=Target(0.68),
    provenance={
        **IMAGENET_CHOICES,
        "model": "Szegedy et al. 2014, table 1",
        "model.options": "Szegedy et al. 2014, table 1 (dropout) and section 5 (auxiliary classifiers)",
        "data": "Szegedy et al. 2014, section 7",
        "normalization": "ours: the mean of each pixel; Caffe's train_val.prototxt subtracts 104, 117, 123",
        "augmentation": "models/bvlc_googlenet/train_val.prototxt: crops of 224 from 256 x 256 pixels, flips",
        "initialization": "train_val.prototxt: xavier, variance 1 / fan-in; biases 0.2, in the last layers 0",
        "optimizer": "models/bvlc_googlenet/quick_solver.prototxt; Szegedy et al. 2014, section 6: momentum 0.9",
        "schedule": "models/bvlc_googlenet/quick_solver.prototxt: poly, power 0.5, from 0.01; no warm-up",
        "regularization": "quick_solver.prototxt: weight decay 0.0002; train_val.prototxt: not of biases",
        "auxiliary_weight": "Szegedy et al. 2014, section 5: 0.3",
        "budget": "models/bvlc_googlenet/quick_solver.prototxt: 2,400,000 batches of 32, by readme.md 60 epochs",
        "loss": "Szegedy et al. 2014, table 1: softmax",
        "target": "models/bvlc_googlenet/readme.md: 68.7 % for the central crop",
    },
)
