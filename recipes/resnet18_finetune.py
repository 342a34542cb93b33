"""Recipe for fine-tuning ResNet-18, trained on ImageNet, on photographs of one's own.

    python -m zoo.train --recipe=resnet18_finetune --data=folder:flowers --weights=resnet18.safetensors

Weights:   torchvision's ResNet18_Weights.IMAGENET1K_V1, resnet18-f37072fd.pth; or others of the network, such as timm's
           or the folder of a run. The layout is found from the file, and images are prepared as the weights were
           trained.
Paper:     Kornblith, Shlens, Le 2019, "Do Better ImageNet Models Transfer Better?", arXiv:1805.08974, who fine-tune all
           layers with SGD and Nesterov momentum; He et al. 2016 for the network.
Data:      a folder with a sub-folder of images for each class; tfds:imagenette if --data is omitted.
Status:    not run at full length here, for lack of torchvision's weights.
Hardware:  two CPU cores, or one GPU.
Expected:  an accuracy above the majority-class baseline: there is no other target, because the data is yours.
Ours:      a tenth of the learning rate for the trained layers, which few images would otherwise undo; a short run.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("resnet18"),
    data=Data("tfds:imagenette"),
    normalization=FixedMeanStd(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
    augmentation=Augmentation(
        train=(RandomResizedCrop(224), HorizontalFlip(), Normalize()),
        eval=(PresetCrop(256, 224), Normalize()),
    ),
    initialization=Initialization(exceptions={"fc/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9, nesterov=True),
    schedule=Cosine(peak=0.05, warmup=0.1),
    regularization=Regularization(weight_decay=1e-4, decayed=("*kernel",)),
    budget=Budget(batch_size=32, steps=300, evaluate_every=0.1, interim_examples=1_000),
    transfer=Transfer(rates={"*": 0.1, "fc/*": 1.0}),
    provenance={
        **IMAGENETTE_CHOICES,
        "model": "He et al. 2016, table 1",
        "normalization": "torchvision's presets: mean 0.485, 0.456, 0.406 and std 0.229, 0.224, 0.225, times 255",
        "augmentation.train": "Kornblith et al. 2019, appendix A.5: random crops and horizontal flips",
        "augmentation.eval": "torchvision's presets: resize to 256, central crop of 224",
        "initialization": "ours: only the last layer is drawn; small weights make the first predictions uniform",
        "optimizer": "Kornblith et al. 2019, appendix A.5: Nesterov momentum 0.9",
        "regularization": "He et al. 2016, section 3.4: 0.0001",
        "loss": "He et al. 2016, table 1: softmax",
        "budget": "ours: 9,600 images, about an hour on two CPU cores and a minute on a GPU",
        "transfer": "ours: trained layers change slowly",
        "transfer.source": "torchvision's ResNet18_Weights.IMAGENET1K_V1, resnet18-f37072fd.pth",
    },
)
