"""Network in Network on Fashion-MNIST: converges within 200 steps.

    python -m zoo.train --recipe=nin_cifar

Paper:     Lin, Chen, Yan 2014, "Network In Network", arXiv:1312.4400.
Data:      Fashion-MNIST, which the project carries; 6,400 of its 60,000 training images are seen, each at most once.
Hardware:  two CPU cores.
Expected:  the table in README.md, from the runs in verification/ledger/nin_cifar.cpu.jsonl.

What in it is ours, and why: the logits of this network leave a ReLU before they are averaged over the image, and a
logit that is nowhere positive learns nothing any more. With biases of 0, half of them begin there: SGD with a rate of
0.01, and dropout, came to 0.20 in 250 steps (one run). Here the last biases are 1. Adam takes the place of the paper's SGD, whose
rate was lowered by hand over two days, and there is no dropout, which serves long runs.
"""

from zoo.recipe import *

RECIPE = Recipe(
    model=Model("nin_cifar", options={"dropout": 0.0}),
    data=Data("fashion_mnist"),
    normalization=ChannelMeanStd(sample=60_000),
    augmentation=Augmentation(
        train=(HorizontalFlip(), Normalize()),
        eval=(Normalize(),),
    ),
    initialization=Initialization(
        kernel=HeNormal(), bias=Constant(0.0), exceptions={"cccp6/kernel": Normal(0.05), "cccp6/bias": Constant(1.0)}
    ),
    optimizer=Adam(),
    schedule=Cosine(peak=1e-3, warmup=0.1),
    regularization=Regularization(),
    budget=Budget(batch_size=32, steps=200, evaluate_every=0.25, interim_examples=500),
    precision=Precision(cpu="float32", gpu="bfloat16", tpu="bfloat16"),
    target=Target(0.68, within_steps=200),
    provenance={
        "model": "Lin et al. 2014, section 4.1 and figure 2",
        "model.options.dropout": "ours, see above; the paper has 0.5",
        "data": "ours: real images that are small enough to carry along (Xiao et al. 2017)",
        "normalization": "ours: mean 0 and deviation 1, which initialization takes for granted",
        "augmentation": "ours: a shoe is a shoe from either side",
        "initialization": "He et al. 2015, section 2.2",
        "initialization.exceptions": "ours, see above",
        "optimizer": "ours: Kingma & Ba 2015; the paper has SGD with momentum",
        "schedule": "ours: a short run has to end with a small rate, and a cosine needs no choice of when it falls",
        "regularization": "ours: a run this short does not memorize",
        "loss": "Lin et al. 2014, section 3.2: softmax of the averaged maps",
        "budget": "ours: 6,400 images are what two CPU cores train on in a minute or two",
        "precision": "ours: bfloat16 where the hardware has units for it",
        "target": "ours: below the band of the reference runs in verification/ledger/",
    },
)
