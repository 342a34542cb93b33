"""A child process of the tests, which trains a small network in several configurations and saves the results.

python tests/fit_child.py FOLDER RUN[,RUN...] [WORKDIR COORDINATOR PROCESSES PROCESS]

A RUN is DEVICES-STRATEGY-ACCUMULATION[-STEPS]; STEPS is the value of `steps_per_execution`. The results of each run are
saved as FOLDER/RUN.npz. With a coordinator, the process is one of several.
"""

import sys

import flax.linen as nn
import jax
import numpy as np
from examples import tiny_dataset
from flax import traverse_util
from tiny import RECIPE

import zoo
from zoo.layers import Conv, LocalResponseNorm, MaxPool
from zoo.recipe import HeNormal, Initialization


class Net(nn.Module):
    """A small network with the layers of AlexNet: grouped convolutions, local response normalization, dropout."""

    @nn.compact
    def __call__(self, images, train=False):
        x = nn.relu(Conv(8, 5, 2, "VALID", name="conv1")(images))
        x = LocalResponseNorm(name="norm1")(x)
        x = nn.relu(Conv(16, 3, groups=2, name="conv2")(x))
        x = MaxPool(3, 2, name="pool2")(x)
        x = nn.relu(nn.Dense(32, name="fc3")(x.reshape(len(x), -1)))
        x = nn.Dropout(0.5, deterministic=not train)(x)
        return nn.Dense(10, name="fc4")(x)


CHANGES = {"initialization": Initialization(kernel=HeNormal()), "budget.steps": 5}

if __name__ == "__main__":
    folder, runs, *distributed = sys.argv[1:]
    workdir = None
    if distributed:
        workdir, coordinator, processes, process = distributed
        jax.distributed.initialize(coordinator, int(processes), int(process))
    for run in runs.split(","):
        devices, strategy, accumulation, *steps = run.split("-")
        options = {"strategy": strategy, "steps_per_execution": int(*steps or [1])}
        recipe = RECIPE.override({**CHANGES, "budget.accumulation": int(accumulation)})
        used = jax.devices()[: int(devices)]
        assert len(used) == int(devices)
        result = zoo.fit(recipe, workdir, dataset=tiny_dataset(), model=Net(), devices=used, **options)
        params = traverse_util.flatten_dict(jax.device_get(result.variables["params"]), sep="/")
        losses = [record["loss"] for record in result.history if record["kind"] == "train"]
        np.savez(
            f"{folder}/{run}.npz",
            losses=losses,
            top1=result.metrics["top1"],
            eval_loss=result.metrics["loss"],
            **params,
        )
        print(len(used), "devices", jax.process_count(), "processes")
