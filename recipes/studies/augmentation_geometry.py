"""Study of geometric augmentation for LeNet-5 on 1,200 images, which it sees 27 times."""

from zoo.recipe import (
    HorizontalFlip,
    Normalize,
    RandomCrop,
    RandomResizedCrop,
    RandomRotation,
    RandomShear,
    RandomZoom,
    Resize,
    Study,
    TenCrop,
)

from . import IMAGES_1200, LENET5


def _before(*transforms):
    """Changes that augment pixel values from 0 to 255."""
    return {"augmentation.train": (*transforms, Resize(32), Normalize())}


STUDY = Study(
    title="Augmentation by geometry, on 1,200 images",
    base=LENET5.override({**IMAGES_1200, "budget.steps": 500}),
    variants={
        "none": {},
        "flip": _before(HorizontalFlip()),
        "rotation, shear, zoom": _before(RandomRotation(10), RandomShear(10), RandomZoom(0.1)),
        "crop after padding": _before(RandomCrop(28, padding=2)),
        "resized crop": {"augmentation.train": (RandomResizedCrop(32, min_area=0.5), Normalize())},
        "crop, ten in evaluation": {
            "augmentation.train": (Resize(36), RandomCrop(32), HorizontalFlip(), Normalize()),
            "augmentation.eval": (Resize(36), Normalize(), TenCrop(32)),
        },
    },
    description=__doc__,
    conclusion="Every kind lowers the evaluation loss, from 0.63 to 0.57 for small rotations, shears and zooms and"
    " for crops after padding, and to 0.60 or 0.61 for the others. None increases accuracy in a run this"
    " short: 0.800 without augmentation, 0.796 to 0.801 with flips, small rotations and padded crops, and"
    " less with larger crops, 0.777 and 0.784.",
    seeds=2,
    metric="loss",
)
