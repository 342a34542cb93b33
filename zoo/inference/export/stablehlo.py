"""Export to StableHLO by `jax.export`: a program with its weights, for CPU, CUDA and TPU, and any batch size."""

import json
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from zoo.inference.classifier import Classifier
from zoo.inference.export.program import BATCH, Program, describe_program

PLATFORMS = ("cpu", "cuda", "tpu")


def sidecar(path: Path) -> Path:
    """Returns the path of the JSON file that describes inputs and outputs, beside the program."""
    return path.with_name(f"{path.name}.json")


def write(classifier: Classifier, program: Program, path: Path) -> list[Path]:
    """Writes the program and its description; returns the paths written."""
    (batch,) = jax.export.symbolic_shape(BATCH)
    inputs = jax.ShapeDtypeStruct((batch, *program.shape), program.dtype)
    exported = jax.export.export(jax.jit(program.function), platforms=PLATFORMS)(inputs)
    path.write_bytes(exported.serialize())
    content = {"format": "jax.export", "platforms": list(PLATFORMS), **describe_program(classifier, program)}
    sidecar(path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return [path, sidecar(path)]


def load(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Loads a program; the function takes inputs and returns logits."""
    exported = jax.export.deserialize(bytearray(path.read_bytes()))
    call = jax.jit(exported.call)
    return lambda inputs: np.asarray(call(inputs))
