"""`zoo.export`: writes a trained network for other programs, and checks what was written."""

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from zoo.errors import ExportDiffers, ZooError, printable, unknown
from zoo.files import expand
from zoo.inference.classifier import Classifier, Examples
from zoo.inference.export import huggingface, onnx, stablehlo, tensors
from zoo.inference.export.check import Check, compare, expected_and_prepared, real_examples
from zoo.inference.export.program import Input, Program, make_program
from zoo.inference.loading import load_classifier

Format = Literal["stablehlo", "onnx", "safetensors", "huggingface"]


class Export(NamedTuple):
    """What was exported.

    Attributes:
      paths: of the files that were written, or of the folder.
      check: the comparison with the classifier.
      program: the exported program; None if only weights are exported.
    """

    paths: tuple[Path, ...]
    check: Check
    program: Program | None


def export(
    classifier: Classifier,
    path: str | os.PathLike[str],
    format: Format,
    *,
    layout: str = "zoo",
    input: Input = "raw",
    check: Examples | None = None,
    overwrite: bool = False,
) -> Export:
    """Writes a trained network in a format of other programs, and checks it before it appears under its name.

    The check loads what was written, as its users will, on the CPU, and compares logits on real images.

    Args:
      classifier: see `zoo.load_classifier`.
      path: the file to write, or for "huggingface" the folder.
      format: "stablehlo", for `jax.export.deserialize` on CPU, CUDA and TPU, with a JSON file beside it that describes
        inputs and outputs; "onnx", which has this description in its metadata; "safetensors", the weights alone; or
        "huggingface", a folder with weights, configuration, preprocessing and model card. The programs take any
        number of examples.
      layout: of the weights of "safetensors" and "huggingface", see `zoo.import_weights`.
      input: of the programs: "raw" for uint8 images from 0 to 255 after resize and crop, [N, H, W, C], which the
        program normalizes, or features as in the table; "normalized" for the network's own inputs, float32.
      check: images or rows to compare on, as for `Classifier.logits`; None for some of the run's evaluation data, or
        of Fashion-MNIST.
      overwrite: whether an existing file or exported folder is replaced.

    Raises:
      ExportDiffers: the logits differ; nothing is left behind.
      ZooError: the network cannot be exported so, or the output cannot be written.
    """
    if format not in get_args(Format):
        raise unknown("format", format, get_args(Format))
    if input not in get_args(Input):
        raise unknown("input", input, get_args(Input))
    target = expand(os.fspath(path))
    _check_target(target, format, overwrite)
    classifier = dataclasses.replace(classifier, network=classifier.network.clone(dtype=jnp.float32))
    with jax.default_device(_cpu()), _temporary(target) as temporary:
        if format == "stablehlo" or format == "onnx":
            module = stablehlo if format == "stablehlo" else onnx
            program = make_program(classifier, input)
            written = module.write(classifier, program, temporary)
            done = _check_program(classifier, program, module.load(temporary), check)
        else:
            program = None
            written = (tensors if format == "safetensors" else huggingface).write(classifier, layout, temporary)
            done = _check_weights(classifier, temporary, check)
        if not done.passed:
            raise ExportDiffers(f"{printable(target)} was not written: it computes something else: {done}")
        if format == "huggingface":
            huggingface.write_card(classifier, layout, temporary, done, target.name)
            written = [temporary]
        final = tuple(target.with_name(each.name.removeprefix(PREFIX)) for each in written)
        for source, destination in zip(written, final, strict=True):
            _replace(source, destination)
    return Export(final, done, program)


def _check_program(
    classifier: Classifier,
    program: Program,
    logits: Callable[[np.ndarray], np.ndarray],
    given: Examples | None,
) -> Check:
    split, source = real_examples(classifier, given)
    expected, examples = expected_and_prepared(classifier, split)
    inputs = np.ascontiguousarray(program.prepare(examples))
    if len(inputs) > 1:  # another batch size than the next call, for programs that hold for one only
        logits(inputs[:1])
    return compare(expected, logits(inputs), source)


def _check_weights(classifier: Classifier, path: Path, given: Examples | None) -> Check:
    split, source = real_examples(classifier, given)
    expected, _ = expected_and_prepared(classifier, split)
    found, _ = expected_and_prepared(load_classifier(path), split)
    return compare(expected, found, source)


def _cpu() -> jax.Device:
    """Returns the device of the check: others may round float32 to fewer digits by default."""
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError:
        raise ZooError("exports are checked on the CPU, which JAX_PLATFORMS excludes: add cpu to it") from None


PREFIX = ".tmp."


@contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """Yields a path in the folder of the target, with its suffix; what is still there at the end is removed.

    Raises:
      ZooError: the folder cannot be written.
    """
    path = target.with_name(f"{PREFIX}{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove(path)
        yield path
    except OSError as error:
        raise ZooError(f"{printable(target)} cannot be written: {error.strerror or error}") from None
    finally:
        _remove(path)
        _remove(stablehlo.sidecar(path))


def _remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _check_target(target: Path, format: Format, overwrite: bool) -> None:
    """Raises `ZooError` for an output that exists, unless it may be replaced."""
    others = [stablehlo.sidecar(target)] if format == "stablehlo" else []
    for path in (target, *others):
        if not path.exists():
            continue
        if not overwrite:
            raise ZooError(f"{printable(path)} exists: choose another output, or allow to replace it with overwrite")
        if path.is_dir() != (format == "huggingface"):
            raise ZooError(f"{printable(path)} is {'a folder' if path.is_dir() else 'a file'}: choose another output")
        if path.is_dir() and (foreign := sorted({each.name for each in path.iterdir()} - {*huggingface.FILES})):
            raise ZooError(
                f"{printable(path)} has other files than an exported folder, such as {printable(foreign[0])}"
            )


def _replace(source: Path, destination: Path) -> None:
    if destination.is_dir():  # a folder cannot replace another one that has files
        before = destination.with_name(f"{PREFIX}{destination.name}.before")
        _remove(before)
        destination.rename(before)
        source.rename(destination)
        _remove(before)
    else:
        source.replace(destination)
