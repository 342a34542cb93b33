"""Recipe for ConvNeXt-T on Fashion-MNIST, which converges within 120 steps.

    python -m zoo.train --recipe=convnext_tiny

Paper:     Liu et al. 2022, "A ConvNet for the 2020s", arXiv:2201.03545.
Data:      Fashion-MNIST, shipped with the project: 3,840 of its 60,000 training images, each seen at most once.
Hardware:  two CPU cores.
Expected:  the table in docs/recipes.md, from the runs in verification/ledger/convnext_tiny.cpu.jsonl.

Deviations from the paper: images of 48 pixels, and a layer scale that starts at 0.1; with the paper's 1e-6 every
block starts as the identity.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("convnext_tiny", options={"drop_path": 0.1, "initial_scale": 0.1}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(train=(Resize(48), HorizontalFlip(), Normalize()), eval=(Resize(48), Normalize())),
    initialization=Initialization(),
    optimizer=AdamW(),
    schedule=Cosine(peak=1e-3, warmup=0.1),
    regularization=Regularization(weight_decay=0.05, decayed=("*kernel",), label_smoothing=0.1),
    budget=Budget(batch_size=32, steps=120, evaluate_every=0.25, interim_examples=500),
    target=Target(0.74, within_steps=120),
    provenance={
        **FASHION_MNIST_CHOICES,
        "model": "Liu et al. 2022, table 9",
        "model.options.drop_path": "Liu et al. 2022, table 5: 0.1",
        "model.options.initial_scale": "ours, see above",
        "initialization": "Liu et al. 2022, table 5: truncated Gaussian, standard deviation 0.02, the network's own",
        "optimizer": "Liu et al. 2022, table 5: AdamW with 0.9 and 0.999",
        "schedule": "Liu et al. 2022, table 5: cosine after a warm-up",
        "schedule.peak": "ours: for batches of 32; the paper has 4e-3 for 4096",
        "regularization": "Liu et al. 2022, table 5: 0.05, label smoothing 0.1",
        "loss": "Liu et al. 2022: cross-entropy",
    },
)
