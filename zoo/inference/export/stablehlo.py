"""Export to StableHLO by `jax.export`: a program with its weights, for CPU, CUDA and TPU, and any batch size."""

import contextlib
import json
from collections.abc import Callable, Iterator
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
    with _without_source_locations():
        exported = jax.export.export(jax.jit(program.function), platforms=PLATFORMS)(inputs)
    path.write_bytes(exported.serialize())
    content = {"format": "jax.export", "platforms": list(PLATFORMS), **describe_program(classifier, program)}
    sidecar(path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return [path, sidecar(path)]


@contextlib.contextmanager
def _without_source_locations() -> Iterator[None]:
    """Leaves the paths of this machine's source files out of programs lowered inside this context."""
    name = "jax_traceback_in_locations_limit"
    before = getattr(jax.config, name)
    jax.config.update(name, 0)
    try:
        yield
    finally:
        jax.config.update(name, before)


def load(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Loads a program; the function takes inputs and returns logits."""
    exported = jax.export.deserialize(bytearray(path.read_bytes()))
    call = jax.jit(exported.call)
    return lambda inputs: np.asarray(call(inputs))
