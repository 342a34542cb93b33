"""Checks that the images that the network gets follow the recipe."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from verification.check import Check, Group
from verification.shared import random_parts
from verification.traces.transforms import ALPHA, behaves, mixes
from zoo.data.pipeline import evaluation_batches
from zoo.data.selection import sample_indices
from zoo.recipe import (
    Augmentation,
    CenterCrop,
    ChannelMeanStd,
    FixedMeanStd,
    PixelMean,
    PresetCrop,
    RawRange,
    Resize,
    ResizeShort,
    SignedRange,
    TenCrop,
    UnitRange,
)
from zoo.recipe.augmentation import Mixing, Normalization, Transform
from zoo.training.experiment import Experiment
from zoo.training.step.inputs import inputs_and_labels

EXAMPLES = 256


def check_images(group: Group, experiment: Experiment, same_transforms: str | None = None) -> Iterator[Check]:
    """Checks evaluation inputs, resizing and crops, each random training transform, and mixing.

    Args:
      group: of the checks.
      experiment: of the recipe.
      same_transforms: recipes that together have the same random transforms, which are checked in their place.
    """
    # Sampled from the whole split: images of a folder are sorted by class, and colours differ between classes.
    inputs = network_inputs(experiment, sample_indices(len(experiment.dataset.eval), EXAMPLES))
    plausible, found = looks_normalized(experiment.recipe.normalization, inputs)
    yield group.check("input", plausible, f"{found}, for {type(experiment.recipe.normalization).__name__}")
    shape = tuple(inputs.shape[1:])
    detail = f"{shape} in evaluation, {experiment.input_shape} in training"
    yield group.check("size", fits(experiment, shape), detail)
    if fixed := resizing_parts(experiment.recipe.augmentation):
        results = [behaves(part) for part in fixed]
        yield group.check("resizing", all(passed for passed, _ in results), "; ".join(found for _, found in results))
    parts = random_parts(experiment.recipe.augmentation)
    if parts and same_transforms:
        yield group.skip("transforms", f"shown by {same_transforms}; run it with --tier=full")
        return
    checked = [(part, *(mixes if isinstance(part, Mixing) else behaves)(part)) for part in parts]
    for part, passed, found in checked:
        false_alarms = "" if isinstance(part, TenCrop) else f"; false alarm for 1 of {1 / ALPHA:,.0f} keys"
        yield group.check(type(part).__name__, passed, f"{found}{false_alarms}")


def resizing_parts(augmentation: Augmentation) -> list[Transform]:
    """Returns the different transforms of training and evaluation that change an image's size without being random."""
    kinds = (Resize, ResizeShort, CenterCrop, PresetCrop)
    return list(dict.fromkeys(part for part in (*augmentation.train, *augmentation.eval) if isinstance(part, kinds)))


def fits(experiment: Experiment, shape: tuple[int, int, int]) -> bool:
    """Returns whether evaluation images have the size of training images, or a valid larger one.

    They may be less than 1.5 times as large if the network accepts both sizes, since objects appear larger in random
    crops than in center crops (Touvron et al. 2019, arXiv:1906.06423, section 3).
    """
    if shape == experiment.input_shape:
        return True

    def parameters(shape):
        variables = jax.eval_shape(
            lambda: experiment.model.init(jax.random.key(0), jnp.zeros((1, *shape)), train=False)
        )
        return jax.tree.map(lambda leaf: leaf.shape, variables)

    larger = all(1 <= size / trained < 1.5 for size, trained in zip(shape, experiment.input_shape, strict=True))
    return larger and parameters(shape) == parameters(experiment.input_shape)


def network_inputs(experiment: Experiment, indices: np.ndarray) -> np.ndarray:
    """Returns the network inputs for some evaluation images, float32 [N, H, W, C]; `TenCrop` gives ten per image.

    Args:
      experiment: the experiment with the `eval_pipeline`.
      indices: indices of the images in the split.
    """
    pipeline = experiment.eval_pipeline
    batch = next(evaluation_batches(pipeline, len(indices), indices))
    look = jax.jit(inputs_and_labels, static_argnums=0)
    images = np.asarray(look(pipeline.transforms, experiment.constants(pipeline), batch, jax.random.key(0))[0])
    return images.reshape(-1, *images.shape[-3:])


def looks_normalized(normalization: Normalization, inputs: np.ndarray) -> tuple[bool, str]:
    """Returns whether inputs [N, H, W, C] have the range or moments of this normalization, and a description of these.

    The bounds allow for differences between the splits, and for the lower standard deviation of resized images; pixels
    without normalization exceed them at least tenfold.
    """
    means, stds = inputs.mean((0, 1, 2)), inputs.std((0, 1, 2))
    extremes = f"values from {inputs.min():.2f} to {inputs.max():.2f}"
    mean_list, std_list = (", ".join(f"{value:.2f}" for value in values) for values in (means, stds))
    moments = f"channel means {mean_list}, stds {std_list}"
    match normalization:
        case ChannelMeanStd():
            return bool(np.all(np.abs(means) < 0.5) and np.all(np.abs(stds - 1) < 0.5)), moments
        case FixedMeanStd(mean, std):
            low, high = -np.array(mean) / np.array(std), (255 - np.array(mean)) / np.array(std)
            smallest, largest = inputs.min((0, 1, 2)), inputs.max((0, 1, 2))
            within = np.all(smallest >= low - 1e-3) and np.all(largest <= high + 1e-3)
            return bool(within and np.all(largest - smallest > (high - low) / 2)), extremes
        case UnitRange():
            return bool(inputs.min() >= 0 and 0.5 < inputs.max() <= 1), extremes
        case RawRange():
            return bool(inputs.min() >= 0 and 127 < inputs.max() <= 255), extremes
        case SignedRange():
            return bool(-1 <= inputs.min() < 0 < inputs.max() <= 1), extremes
        case PixelMean():
            return bool(np.all(np.abs(means) < 30) and np.all(stds > 10)), moments
    raise TypeError(f"no bounds for {type(normalization).__name__}: add them to verification/traces/images.py")
