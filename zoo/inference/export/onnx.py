"""Export to ONNX by jax2onnx: a program with its weights, for any batch size."""

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from zoo.errors import ZooError, reason
from zoo.inference.classifier import Classifier
from zoo.inference.export.program import BATCH, INPUT_NAME, OUTPUT_NAME, Program, describe_program

OPSET = 20  # has the operations of all networks, such as Gelu; ONNX 1.15, November 2023
KEY = "zoo"  # of the description in the model's metadata
INSTALL = "python -m pip install jax2onnx==0.13.0 onnxruntime"


def write(classifier: Classifier, program: Program, path: Path) -> list[Path]:
    """Writes the program, with its description as JSON in its metadata; returns the paths written.

    Raises:
      ZooError: jax2onnx is not installed, or it lacks an operation of the program.
    """
    inputs: Any = jax.ShapeDtypeStruct((BATCH, *program.shape), program.dtype)
    with _quiet():
        try:
            import jax2onnx
        except ImportError:
            raise ZooError(f"the format onnx requires jax2onnx: {INSTALL}") from None
        try:
            model = jax2onnx.to_onnx(
                program.function,
                [inputs],
                model_name=classifier.architecture.name if classifier.architecture else "network",
                opset=OPSET,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
            )
        except Exception as error:  # jax2onnx documents none
            raise ZooError(
                f"jax2onnx cannot convert this program with JAX {jax.__version__}, use stablehlo: {reason(error)}"
            ) from None
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, json.dumps(describe_program(classifier, program))
    path.write_bytes(model.SerializeToString())
    return [path]


def load(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Loads a program with onnxruntime; the function takes inputs and returns logits.

    Raises:
      ZooError: onnxruntime is not installed, or cannot run the program.
    """
    try:
        import onnxruntime
    except ImportError:
        raise ZooError(f"the format onnx is checked with onnxruntime: {INSTALL}") from None
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return lambda inputs: np.asarray(session.run([OUTPUT_NAME], {INPUT_NAME: inputs})[0])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences jax2onnx, which logs tracebacks about operations that this version of JAX does not have."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
