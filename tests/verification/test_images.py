"""Tests that the verification of network inputs covers every transform of a recipe."""

import pytest

from verification.check import Group
from verification.traces.images import check_images
from zoo.recipe import *
from zoo.recipe.augmentation import Transform
from zoo.recipe.part import Part
from zoo.training.prepare import prepare


@pytest.mark.slow
def test_all_transforms_of_a_recipe_are_checked(recipe, dataset):
    train = (Resize(67), RandomRotation(20), RandomZoom(0.2), TrivialAugmentWide(), Normalize(), Cutout(16), Cutout(8))
    augmentation = Augmentation(train, (Resize(75), Normalize(), TenCrop(67)), Mixup(0.4))
    changed = recipe.override({"augmentation": augmentation, "normalization": ChannelMeanStd()})
    checks = list(check_images(Group("tiny", "traces"), prepare(changed, dataset)))
    assert all(check.status == "pass" for check in checks), checks
    names = [check.name for check in checks]
    random = ["RandomRotation", "RandomZoom", "TrivialAugmentWide", "Cutout", "Cutout", "TenCrop", "Mixup"]
    assert names == ["input", "size", "resizing", *random]


def test_every_random_transform_has_a_check():
    from verification.traces.transforms import behaves
    from verification.traces.transforms.mixing import own_fraction
    from zoo.recipe.augmentation import Mixing

    shipped = [kind for kind in Part.kinds.values() if kind.__module__.startswith("zoo.")]  # and not of other tests
    kinds = [kind for kind in shipped if issubclass(kind, Transform) and kind.random]
    assert len(kinds) == 17
    unchecked = [kind.__name__ for kind in kinds if behaves.dispatch(kind) is behaves.dispatch(object)]
    mixings = [kind for kind in shipped if issubclass(kind, Mixing)]
    assert unchecked == []
    assert len(mixings) == 3
    assert all(own_fraction.dispatch(kind) is not own_fraction.dispatch(object) for kind in mixings)


def test_transform_without_a_check_is_an_error():
    from verification.traces.transforms import behaves

    with pytest.raises(TypeError, match="no check of Normalize: add it to verification/traces/transforms"):
        behaves(Normalize())
