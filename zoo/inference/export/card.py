"""The model card of an exported folder, `README.md`: only what is recorded about the network."""

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import traverse_util

from zoo.errors import printable
from zoo.inference.classifier import Classifier
from zoo.inference.export.check import Check
from zoo.inference.origin import FromFile, FromRun
from zoo.models.registry import find_entry

MAX_CLASSES_LISTED = 20
CHUNK = 2**20


def model_card(classifier: Classifier, layout: str, check: Check, title: str) -> str:
    """Returns the model card in Markdown, with the metadata of the Hugging Face Hub.

    Args:
      classifier: the exported classifier.
      layout: of its weights.
      check: of the exported weights.
      title: name of the folder.
    """
    assert classifier.architecture is not None and classifier.origin is not None
    name = classifier.architecture.name
    params = sum(
        int(np.prod(leaf.shape)) for leaf in traverse_util.flatten_dict(classifier.variables["params"]).values()
    )
    task = "tabular-classification" if classifier.feature_names else "image-classification"
    header = {"library_name": "zoo", "pipeline_tag": task, "tags": [task, "jax", "flax", name]}
    header |= _results(classifier.origin, task, title)
    lines = [
        "---",
        *(f"{key}: {json.dumps(value)}" for key, value in header.items()),  # JSON is YAML
        "---",
        "",
        f"# {_text(title)}",
        "",
        f"`{name}` ({find_entry(name).paper}) with {params:,} parameters, for {_classes(classifier)}.",
        "",
        *_lines(classifier.origin),
        "",
        "## Input",
        "",
        *_inputs(classifier),
        "",
        "## Use",
        "",
        "```python",
        "import zoo",
        "",
        'classifier = zoo.load_classifier("PATH OF THIS FOLDER")',
        f'classifier.predict("{"table.csv" if classifier.feature_names else "photo.jpg"}")',
        "```",
        "",
        f"`model.safetensors` has the names and axes of the layout `{layout}`; `zoo.import_weights` reads it too.",
        f"After writing, the file was read again: {_text(str(check))}.",
        "",
    ]
    return "\n".join(lines)


@functools.singledispatch
def _lines(origin: Any) -> list[str]:
    raise TypeError(type(origin).__name__)


@_lines.register
def _lines_of_run(origin: FromRun) -> list[str]:
    recipe, verdict = origin.recipe, origin.verdict
    facts = [
        ("data", f"{_text(recipe.data.source)}{_counts(origin.data)}"),
        ("verdict", "none: the run has not ended" if verdict is None else _text(verdict.explanation)),
        ("target", "none" if recipe.target is None else f"{recipe.target.metric} {recipe.target.value:g}"),
        ("steps", _steps(origin)),
        ("batch size", f"{recipe.budget.batch_size}"),
        ("seed", "not recorded" if origin.seed is None else f"{origin.seed}, one run"),
        ("recipe", f"fingerprint `{recipe.fingerprint}`"),
        ("versions", _versions(origin.environment)),
        ("device", _text(origin.environment.get("device", "not recorded"))),
    ]
    return ["## Training", "", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts)]


@_lines.register
def _lines_of_file(origin: FromFile) -> list[str]:
    how = {
        "published": "that with which the framework evaluates its published weights",
        "file": "that which the file describes",
        "given": "the one that was passed",
    }[origin.preprocessing]
    return [
        "## Origin",
        "",
        f"The weights are from the file `{_text(origin.path.name)}` in the layout `{origin.layout}`, SHA-256"
        f" `{_digest(origin.path)}`. Their preprocessing is {how}. Their accuracy has not been measured here.",
    ]


def _steps(origin: FromRun) -> str:
    if origin.step is None or origin.verdict is None or origin.step == origin.verdict.steps:
        return f"{origin.step if origin.verdict is None else origin.verdict.steps}"
    return f"{origin.verdict.steps}; the weights are from the checkpoint of step {origin.step}"


def _counts(data: Any) -> str:
    train, evaluation = data.get("training images"), data.get("evaluation images")
    return f", {train:,} for training and {evaluation:,} for evaluation" if train and evaluation else ""


def _versions(environment: Any) -> str:
    versions = environment.get("versions")
    if not isinstance(versions, dict):
        return "not recorded"
    found = [f"{name} {version}" for name, version in versions.items() if isinstance(version, str)]
    return _text(", ".join([f"Python {environment.get('python')}", *found]))


def _results(origin: Any, task: str, title: str) -> dict[str, Any]:
    """Returns the metadata by which the Hub shows the accuracy; empty if no accuracy is recorded for these weights."""
    if not isinstance(origin, FromRun) or origin.verdict is None or origin.verdict.value is None:
        return {}
    verdict = origin.verdict
    if origin.step not in (None, verdict.steps):
        return {}
    metric = {"type": "accuracy" if verdict.metric == "top1" else verdict.metric, "value": verdict.value}
    source = origin.recipe.data.source
    data = {"type": source.partition(":")[0], "name": source, "split": "evaluation"}
    result = {"task": {"type": task}, "dataset": data, "metrics": [metric]}
    return {"model-index": [{"name": title, "results": [result]}]}


def _classes(classifier: Classifier) -> str:
    names = classifier.class_names
    if len(names) > MAX_CLASSES_LISTED:
        return f"{len(names):,} classes, which `config.json` names"
    return f"the classes {', '.join(map(_text, names))}"


def _inputs(classifier: Classifier) -> list[str]:
    if classifier.feature_names is not None:
        return [f"Rows of {len(classifier.feature_names)} features, which `config.json` names in their order."]
    height, width, channels = classifier.input_shape
    steps = ", ".join("`" + printable(repr(transform)).replace("`", "'") + "`" for transform in classifier.transforms)
    colors = {1: "grey", 3: "RGB"}.get(channels, f"with {channels} channels")
    lines = [f"Images of {height}x{width} pixels, {colors}, prepared by {steps}."]
    statistics = jax.device_get(classifier.statistics)
    if np.ndim(statistics.mean) == 1:
        mean, scale = ([float(f"{value:.6g}") for value in each] for each in (statistics.mean, statistics.scale))
        lines.append(f"`Normalize()` subtracts {mean} from pixel values from 0 to 255 and divides by {scale}.")
    return lines


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _text(value: Any) -> str:
    """Returns text that Markdown shows as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|!" else letter for letter in printable(value))
