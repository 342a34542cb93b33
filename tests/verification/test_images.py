"""The verification of what the network is fed sees every transform of a recipe."""

import pytest

from verification.check import Group
from verification.traces.images import check_images
from zoo.recipe import *
from zoo.recipe.augmentation import Transform
from zoo.recipe.part import Part
from zoo.training.prepare import prepare


@pytest.mark.slow
def test_new_transforms_are_checked(recipe, dataset):
    train = (Resize(67), RandomRotation(20), RandomZoom(0.2), TrivialAugmentWide(), Normalize(), Cutout(16), Cutout(8))
    augmentation = Augmentation(train, (Resize(75), Normalize(), TenCrop(67)), Mixup(0.4))
    changed = recipe.override({"augmentation": augmentation, "normalization": ChannelMeanStd()})
    checks = list(check_images(Group("tiny", "traces"), prepare(changed, dataset)))
    assert all(check.status == "pass" for check in checks), checks
    names = [check.name for check in checks]
    random = ["RandomRotation", "RandomZoom", "TrivialAugmentWide", "Cutout", "Cutout", "TenCrop", "Mixup"]
    assert names == ["splits", "input", "size", *random]


def test_there_is_a_check_of_every_random_transform():
    from verification.traces.transforms import behaves
    from verification.traces.transforms.mixing import own_fraction
    from zoo.recipe.augmentation import Mixing

    kinds = [kind for kind in Part.kinds.values() if issubclass(kind, Transform) and kind.random]
    assert len(kinds) == 17
    unchecked = [kind.__name__ for kind in kinds if behaves.dispatch(kind) is behaves.dispatch(object)]
    mixings = [kind for kind in Part.kinds.values() if issubclass(kind, Mixing)]
    assert unchecked == []
    assert len(mixings) == 3 and all(own_fraction.dispatch(kind) is not own_fraction.dispatch(object) for kind in mixings)


def test_a_transform_without_a_check_is_an_error():
    from verification.traces.transforms import behaves

    with pytest.raises(TypeError, match="there is no check of Resize here yet"):
        behaves(Resize(8))
