"""Loading of a trained network from a run folder."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from zoo.data.normalization import Statistics
from zoo.errors import ZooError, ZooWarning, printable
from zoo.recipe import Recipe
from zoo.training.run.checkpoint import Checkpoints
from zoo.training.run.files import RunFiles


class TrainedRun(NamedTuple):
    """A trained network with its recipe and data description.

    Attributes:
      recipe: as resolved when the run started.
      step: of the newest intact checkpoint.
      variables: {"params": ..., "batch_stats": ...}, as `model.apply` and `zoo.evaluate` take them; the moving average,
        or the best ones so far, if the recipe has weight averaging or early stopping.
      statistics: of the training images.
      class_names: logit i is for the class `class_names[i]`.
      feature_names: names of the columns that the network was trained on; None for images.
    """

    recipe: Recipe
    step: int
    variables: dict[str, Any]
    statistics: Statistics
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...] | None


def _warn(text: str) -> None:
    warnings.warn(text, ZooWarning, stacklevel=4)


def load_run(path: str | Path, on_damaged: Callable[[str], None] = _warn) -> TrainedRun:
    """Loads the newest intact checkpoint of a run, which may still be training.

    Args:
      path: the run folder.
      on_damaged: called with a line about each damaged checkpoint that is skipped; by default issues a `ZooWarning`.

    Raises:
      ZooError: the folder is not a run folder, or has no intact checkpoint.
    """
    folder = RunFiles(path)
    identity, statistics = folder.read_identity(), folder.read_statistics()
    state = None
    if folder.checkpoints.is_dir():
        checkpoints = Checkpoints(folder.checkpoints, clean_up=False)
        try:
            state = checkpoints.restore(None, on_damaged)
        finally:
            checkpoints.close()
    if state is None or statistics is None:
        raise ZooError(f"{printable(path)} has no checkpoint yet, or no intact one")
    learned = state.get("best") or state.get("average") or state
    variables = {name: learned[name] for name in ("params", "batch_stats") if learned.get(name)}
    recipe = Recipe.from_json(identity["recipe"])
    features = identity["data"].get("features")
    return TrainedRun(
        recipe,
        int(state["step"]),
        variables,
        statistics,
        class_names=tuple(identity["data"]["classes"]),
        feature_names=features and tuple(features),
    )
