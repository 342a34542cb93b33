"""The predictions for single examples, and the mistakes among them that are worth looking at."""

import base64
import io
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from zoo.data.dataset import Dataset
from zoo.data.pipeline import InputPipeline, decoded
from zoo.json_files import strict
from zoo.training.step.objective import OUTCOMES

MOST = 12  # mistakes of each kind
THUMBNAIL = 96  # pixels of the longer side
SMALL = 64  # pixels: up to this size, a picture without loss is small enough
MOST_FEATURES = 6  # of an example from a table


class Outcomes(NamedTuple):
    """The predictions for N examples of a split.

    Attributes:
      index: int [N], their positions in the split of the input pipeline.
      label: int [N], their classes.
      predicted: int [N], the predicted classes.
      loss: float32 [N], of the recipe's loss.
      probability: float32 [N], of the predicted class, under the softmax.
      of_class: float32 [N], of the example's own class.
    """

    index: np.ndarray  # type: ignore[assignment]  # shadows the method of tuples
    label: np.ndarray
    predicted: np.ndarray
    loss: np.ndarray
    probability: np.ndarray
    of_class: np.ndarray


def make_outcomes(rows: np.ndarray, indices: np.ndarray) -> Outcomes:
    """Makes outcomes from rows of `Sums.outcomes`, [N, 6], and the examples' positions in the split, in their order."""
    counted = rows[:, OUTCOMES.index("counted")] > 0  # the others are images that cannot be decoded
    columns = dict(zip(OUTCOMES, rows[counted].T, strict=True))
    return Outcomes(
        np.asarray(indices)[: len(rows)][counted],
        columns["label"].astype(int),
        columns["predicted"].astype(int),
        columns["loss"],
        columns["probability"],
        columns["of_class"],
    )


def worst(outcomes: Outcomes, most: int = MOST) -> np.ndarray:
    """Returns the places of the wrong predictions with the highest loss, highest first."""
    return _first(outcomes, outcomes.loss, most)


def most_confident(outcomes: Outcomes, most: int = MOST) -> np.ndarray:
    """Returns the places of the wrong predictions with the highest probability, highest first."""
    return _first(outcomes, outcomes.probability, most)


def _first(outcomes, value, most):
    wrong = np.flatnonzero(outcomes.label != outcomes.predicted)
    order = np.argsort(-np.nan_to_num(value[wrong], nan=np.inf), kind="stable")
    return wrong[order[:most]]


def describe_mistakes(outcomes: Outcomes, pipeline: InputPipeline, dataset: Dataset) -> dict[str, Any]:
    """Returns the content of `mistakes.json`.

    Returns:
      `examples` and `mistakes`, their numbers, and two lists, `worst` and `confident`, of mistakes. Each has `index` in
      the split, `name` (where it is from), `class`, `predicted`, `loss`, `probability`, `probability of class`, and
      either `picture`, a data URI of the image as it is before the transforms on the device, or `values`, the first
      features of an example from a table.
    """
    places = {"worst": worst(outcomes), "confident": most_confident(outcomes)}
    indices = np.unique(outcomes.index[np.concatenate(list(places.values()))])
    shown = _values(indices, pipeline, dataset) if dataset.feature_names else _pictures(indices, pipeline)

    def describe(place):
        index = int(outcomes.index[place])
        return strict(
            {
                "index": index,
                "name": pipeline.split.describe(index),
                "class": dataset.class_names[outcomes.label[place]],
                "predicted": dataset.class_names[outcomes.predicted[place]],
                "loss": float(outcomes.loss[place]),
                "probability": float(outcomes.probability[place]),
                "probability of class": float(outcomes.of_class[place]),
                **shown.get(index, {}),
            }
        )

    return {
        "examples": len(outcomes.index),
        "mistakes": int((outcomes.label != outcomes.predicted).sum()),
        **{kind: [describe(place) for place in of_kind] for kind, of_kind in places.items()},
    }


def _values(indices, pipeline, dataset):
    """Returns the first features of examples, by index."""
    names = dataset.feature_names[:MOST_FEATURES]
    rows = pipeline.split.images[indices, 0, 0, : len(names)].tolist()
    values = (dict(zip(names, row, strict=True)) for row in rows)
    return {int(index): {"values": each} for index, each in zip(indices, values, strict=True)}


def _pictures(indices: np.ndarray, pipeline: InputPipeline) -> Mapping[int, dict[str, str]]:
    """Returns the pictures of examples, by index."""
    if not len(indices):
        return {}
    if pipeline.resident:
        assert pipeline.split.images is not None
        return {int(index): {"picture": data_uri(pipeline.split.images[index])} for index in indices}
    return {
        int(index): {"picture": data_uri(image)}
        for images, _, some in decoded(pipeline, indices)
        for image, index in zip(images, some, strict=True)
    }


def data_uri(image: np.ndarray) -> str:
    """Returns an image, uint8 [H, W, C], as a data URI of a small PNG or JPEG file."""
    picture = Image.fromarray(image[..., :3] if image.shape[-1] >= 3 else image[..., 0])
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    kind = "png" if max(picture.size) <= SMALL else "jpeg"
    file = io.BytesIO()
    picture.save(file, kind, **({"optimize": True} if kind == "png" else {"quality": 80}))
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
