"""All-CNN-C on Fashion-MNIST: converges within 200 steps.

    python -m zoo.train --recipe=all_cnn_c

Paper:     Springenberg, Dosovitskiy, Brox, Riedmiller 2015, "Striving for Simplicity: The All Convolutional Net",
           arXiv:1412.6806.
Data:      Fashion-MNIST, which the project carries; 6,400 of its 60,000 training images are seen, each at most once.
Hardware:  two CPU cores.
Expected:  the table in README.md, from the runs in verification/ledger/all_cnn_c.cpu.jsonl.

What in it is ours, and why: as in recipes/nin_cifar.py, and for the same reasons: the last biases are 1, for the logits
leave a ReLU, Adam takes the place of SGD, and there is no dropout.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("all_cnn_c", options={"dropout": 0.0, "input_dropout": 0.0}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(HorizontalFlip(), Normalize()),
        eval=(Normalize(),),
    ),
    initialization=Initialization(
        kernel=HeNormal(), bias=Constant(0.0), exceptions={"conv9/kernel": Normal(0.05), "conv9/bias": Constant(1.0)}
    ),
    optimizer=Adam(),
    schedule=Cosine(peak=5e-4, warmup=0.1),
    regularization=Regularization(),
    budget=Budget(batch_size=32, steps=200, evaluate_every=0.25, interim_examples=500),
    precision=Precision(cpu="float32", gpu="bfloat16", tpu="bfloat16"),
    target=Target(0.7, within_steps=200),
    provenance={
        "model": "Springenberg et al. 2015, table 1",
        "model.options": "ours, see above; the paper drops 0.2 of the input and 0.5 behind what takes the place of pools",
        "data": "ours: real images that are small enough to carry along (Xiao et al. 2017)",
        "normalization": "ours: mean 0 and deviation 1, which initialization takes for granted",
        "augmentation": "ours: a shoe is a shoe from either side",
        "initialization": "He et al. 2015, section 2.2",
        "initialization.exceptions": "ours, see above",
        "optimizer": "ours: Kingma & Ba 2015; the paper has SGD with momentum 0.9",
        "schedule": "ours: a short run has to end with a small rate, and a cosine needs no choice of when it falls",
        "regularization": "ours: a run this short does not memorize; the paper has a weight decay of 0.001",
        "loss": "Springenberg et al. 2015, section 3: softmax",
        "budget": "ours: 6,400 images are what two CPU cores train on in a minute or two",
        "precision": "ours: bfloat16 where the hardware has units for it",
        "target": "ours: below the band of the reference runs in verification/ledger/",
    },
)
