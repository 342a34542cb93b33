"""Checks of RandAugment and TrivialAugment, against the same operations in Pillow."""

import math

import numpy as np
import scipy.stats
from PIL import Image, ImageEnhance, ImageOps

from verification.traces.transforms.probe import ALPHA, IMAGES, behaves, many
from zoo.recipe import RandAugment, TrivialAugmentWide

NEAR = 2.0  # mean difference of pixel values, above that by rounding and nearest-neighbor ties; see the tests
BINS = 31
LEVELS = 4  # groups of strengths for the chi-squared test

# Largest strengths of the fourteen operations; translations below 1 are relative to the width. None: no strength.
RAND = {
    "Identity": None,
    "ShearX": 0.3,
    "ShearY": 0.3,
    "TranslateX": 150 / 331,
    "TranslateY": 150 / 331,
    "Rotate": 30,
    "Brightness": 0.9,
    "Color": 0.9,
    "Contrast": 0.9,
    "Sharpness": 0.9,
    "Posterize": 4,
    "Solarize": 255,
    "AutoContrast": None,
    "Equalize": None,
}
TRIVIAL = {
    **RAND,
    **dict.fromkeys(("ShearX", "ShearY", "Brightness", "Color", "Contrast", "Sharpness"), 0.99),
    **dict.fromkeys(("TranslateX", "TranslateY"), 32),
    "Rotate": 135,
    "Posterize": 6,
}
SIGNED = tuple(RAND)[1:10]


def by_pillow(image: Image.Image, name: str, strength: float) -> Image.Image:
    """Applies an operation; shears are slopes, translations pixels, rotations degrees counter-clockwise."""
    shear = {"ShearX": (1, strength, 0, 0, 1, 0), "ShearY": (1, 0, 0, strength, 1, 0)}
    shift = {"TranslateX": (1, 0, -int(strength), 0, 1, 0), "TranslateY": (1, 0, 0, 0, 1, -int(strength))}
    match name:
        case "Identity":
            return image
        case "Rotate":
            return image.rotate(strength)
        case "Brightness" | "Color" | "Contrast" | "Sharpness":
            return getattr(ImageEnhance, name)(image).enhance(1 + strength)
        case "Posterize":
            return ImageOps.posterize(image, int(strength))
        case "Solarize":
            return ImageOps.solarize(image, math.ceil(strength))
        case "AutoContrast":
            return ImageOps.autocontrast(image)
        case "Equalize":
            return ImageOps.equalize(image)
    return image.transform(image.size, Image.Transform.AFFINE, {**shear, **shift}[name])


def strengths(largest: dict[str, float | None], name: str, bins: range | list[int], side: int) -> list[float]:
    """Returns the possible strengths of an operation, with both signs if it is signed."""
    most = largest[name]
    if most is None:
        return [0.0]
    if name.startswith("Translate") and most < 1:
        most = most * side
    values = [most * bin / (BINS - 1) for bin in bins]
    if name == "Posterize":
        return [8.0 - round(value) for value in values]
    if name == "Solarize":
        return [255.0 - value for value in values]
    return [sign * value for value in values for sign in (1, -1)] if name in SIGNED else values


def waves(side: int) -> np.ndarray:
    """Returns a smooth picture of all hues, with a value range that leaves room for more contrast."""
    rows, columns = np.mgrid[:side, :side]
    pattern = [110 + 60 * np.sin(columns / 5 + channel) * np.cos(rows / 7 - 2 * channel) for channel in range(3)]
    return np.stack(pattern, -1).astype(np.uint8)


def _agrees(transform, largest, bins):
    """Returns whether results are close to Pillow's, with the right frequencies of operations and strengths."""
    picture = waves(40)
    candidates, operations, levels, chances = [], [], [], []
    for operation, name in enumerate(largest):
        options = strengths(largest, name, bins, len(picture))
        for place, strength in enumerate(options):
            candidates.append(np.asarray(by_pillow(Image.fromarray(picture), name, strength), np.float32))
            operations.append(operation)
            levels.append(LEVELS * place // len(options))
            chances.append(1 / len(largest) / len(options))
    candidates, kinds = np.stack(candidates), np.array([operations, levels])

    def nearest(image):
        distances = np.abs(candidates - image).mean((1, 2, 3))
        best = distances.min()
        return int(np.argmax(distances <= best + 0.1)), best  # the first of nearly equal ones

    # Operations of zero strength are indistinguishable: expected frequencies are those of the classified candidates.
    taken_for = [nearest(candidate)[0] for candidate in candidates]
    results = [nearest(result) for result in many(transform, picture)]
    far = sum(distance > NEAR for _, distance in results)
    pvalues = []
    for kind in kinds:
        expected = np.bincount(kind[taken_for], chances, minlength=kind.max() + 1) * IMAGES
        found = np.bincount(kind[[taken_for[index] for index, _ in results]], minlength=len(expected))
        possible = expected > 0
        pvalues.append(scipy.stats.chisquare(found[possible], expected[possible]).pvalue if possible.sum() > 1 else 1.0)
    unlike = f"{far} of {IMAGES} images differ from Pillow's"
    found = (
        f"{unlike}, p = {pvalues[0]:.3f} for the frequencies of operations and {pvalues[1]:.3f} for those of strengths"
    )
    return not far and min(pvalues) >= ALPHA / 2, found


@behaves.register
def _rand_augment(transform: RandAugment):
    return _agrees(RandAugment(1, transform.magnitude), RAND, [transform.magnitude])


@behaves.register
def _trivial_augment_wide(transform: TrivialAugmentWide):
    return _agrees(transform, TRIVIAL, range(BINS))
