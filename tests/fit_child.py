"""A child process of the tests: trains a small network on all devices it has and saves what came out.

python tests/fit_child.py OUTPUT.npz STRATEGY ACCUMULATION WORKDIR [COORDINATOR PROCESSES PROCESS]
"""

import sys

import jax
import numpy as np
from conftest import small, tiny_dataset
from flax import traverse_util

import zoo

if __name__ == "__main__":
    output, strategy, accumulation, workdir, *distributed = sys.argv[1:]
    if distributed:
        coordinator, processes, process = distributed
        jax.distributed.initialize(coordinator, int(processes), int(process))
    recipe = small(zoo.load_recipe("alexnet"), budget__steps=5, budget__accumulation=int(accumulation))
    result = zoo.fit(recipe, workdir if workdir != "-" else None, strategy=strategy, dataset=tiny_dataset())
    params = traverse_util.flatten_dict(jax.device_get(result.variables["params"]), sep="/")
    losses = [record["loss"] for record in result.history if record["kind"] == "train"]
    np.savez(output, losses=losses, top1=result.metrics["top1"], eval_loss=result.metrics["loss"], **params)
    print(len(jax.devices()), "devices", jax.process_count(), "processes")
