"""Recipe for ResNet-50 on ImageNet by procedure A2 of Wightman, Touvron and Jégou 2021, as in timm.

    python -m zoo.train --recipe=resnet50_imagenet_a2

Paper:     "ResNet strikes back: An improved training procedure in timm", arXiv:2110.00476.
Status:    not run here. Traces (budget, learning rate, decay, initialization, images) are verified on random pixels.
Data:      tfds:imagenet2012, prepared from the archives that image-net.org gives out on request.
Hardware:  several V100, in float16; the paper gives the hours.
Expected:  79.8 % accuracy at 224 pixels (the paper's tables).
Ours:      no repeated augmentation, with which the paper shows each image three times. Mixup or CutMix is drawn for
           every example; timm draws it once a batch. timm has magnitudes from 0 to 10, and applies each of its two
           operations with probability 1/2: one operation of magnitude 21 of 30 is the closest equivalent. timm's
           magnitudes vary slightly, and some of its operations differ. It does not scale the steps of parameters
           without decay to the norm of their weights, as LAMB does here. Targets above 0.2 become 1 in timm's loss;
           here they are unchanged. Images are resized with bilinear interpolation.

The loss here is the sum over classes and timm's is the mean, 1 / 1000 of it. For the same effect, LAMB's epsilon and
the bound on the norm of gradients are 1000 times timm's. The loss before training is 1000 ln 2.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("resnet50", num_classes=1000, options={"drop_path": 0.05, "zero_init_residual": True}),
    data=Data("tfds:imagenet2012", corrupt_limit=100),
    normalization=ChannelMeanStd(sample=10_000),
    augmentation=Augmentation(
        train=(RandomResizedCrop(224), HorizontalFlip(), RandAugment(num_ops=1, magnitude=21), Normalize()),
        eval=(ResizeShort(235), CenterCrop(224), Normalize()),
        mixing=OneOf((Mixup(0.1), CutMix(1.0))),
    ),
    initialization=Initialization(),
    optimizer=LAMB(epsilon=1e-3),
    clipping=ClipByNorm(1000.0),
    schedule=Cosine(peak=5e-3, warmup=5 / 300),
    regularization=Regularization(weight_decay=0.02, decayed=("*kernel",)),
    loss=SigmoidCrossEntropy(),
    budget=Budget(batch_size=2048, epochs=300, accumulation=8, evaluate_every=1 / 100),
    target=Target(0.79),
    provenance={
        **IMAGENET_CHOICES,
        "model": "Wightman et al. 2021",
        "model.options.drop_path": "Wightman et al. 2021, procedure A2: stochastic depth 0.05",
        "model.options.zero_init_residual": "timm's resnet50 by default",
        "data": "Wightman et al. 2021",
        "normalization": "timm, which has the statistics of the whole set",
        "augmentation": "Wightman et al. 2021, procedure A2",
        "augmentation.train.2": "Wightman et al. 2021: RandAugment 7/0.5; ours: one of magnitude 21, see above",
        "augmentation.eval": "Wightman et al. 2021: test crop ratio 0.95; 224 / 0.95 = 235",
        "augmentation.mixing": "Wightman et al. 2021, procedure A2: alpha 0.1 and 1.0; ours: drawn for every example",
        "initialization": "timm's resnet50, as in zoo/models/resnet.py",
        "optimizer": "Wightman et al. 2021, procedure A2: LAMB",
        "optimizer.epsilon": "timm/optim/lamb.py: 1e-6; ours: times 1000, like the gradient",
        "clipping": "timm/optim/lamb.py: max_grad_norm 1.0 by default; ours: times 1000, like the gradient",
        "schedule": "Wightman et al. 2021, procedure A2: 0.005, cosine after 5 epochs of warm-up",
        "regularization": "Wightman et al. 2021, procedure A2: weight decay 0.02, no label smoothing",
        "regularization.decayed": "timm: neither biases nor scales decay",
        "loss": "Wightman et al. 2021: binary cross-entropy",
        "budget": "Wightman et al. 2021, procedure A2: 300 epochs, batches of 2048",
        "budget.accumulation": "ours: parts of 256, for a GPU of 16 GB and more",
        "precision": "ours: bfloat16 where the hardware has units for it; the paper has float16",
        "target": "Wightman et al. 2021: 79.8 %; ours: below it, without repeated augmentation",
    },
)
