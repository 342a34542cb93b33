"""Tests of RandAugment and TrivialAugment against Pillow and torchvision, and of how operations are sampled."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from pictures import ALPHA, apply, finds_wrong, noise, smooth, torchvision
from PIL import Image

from verification.traces.transforms import behaves
from verification.traces.transforms import policies as checks
from verification.traces.transforms.policies import NEAR, RAND, TRIVIAL, by_pillow, strengths, waves
from zoo.data.augment import policies
from zoo.errors import ZooError
from zoo.recipe import *

NAMES = list(policies.OPERATIONS)
WARPS = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
operate = jax.jit(policies.operate)


def ours(image, name, strength):
    return np.asarray(operate(jnp.asarray(image, jnp.float32), NAMES.index(name), jnp.float32(strength)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("space", ["rand", "trivial"])
def test_operations_match_pillow(name, space):
    """Geometric operations agree except for ties between pixels; colours, up to Pillow's rounding of integer blends."""
    image = waves(40)
    for strength in strengths({"rand": RAND, "trivial": TRIVIAL}[space], name, [0, 9, 17, 30], 40):
        expected = np.asarray(by_pillow(Image.fromarray(image), name, strength), float)
        found = ours(image, name, strength)
        assert np.array_equal(found, found.round()) and found.min() >= 0 and found.max() <= 255
        different = np.abs(found - expected)
        if name in WARPS:
            assert (different.max(-1) > 0).mean() < 0.03 and different.mean() < NEAR, strength
        else:
            assert different.max() <= 2, strength


@pytest.mark.parametrize("image", [smooth(33, 47), noise(33, 47), noise(33, 47, 1), np.full((8, 8, 3), 9, np.uint8)])
def test_operations_match_torchvision(image):
    autoaugment = torchvision("autoaugment")
    import torch

    tensor = torch.from_numpy(image.transpose(2, 0, 1).copy())
    for space, number in ((autoaugment.RandAugment(), 9), (autoaugment.RandAugment(), 30)):
        for name, (magnitudes, signed) in space._augmentation_space(31, image.shape[:2]).items():
            strength = float(magnitudes[number]) if magnitudes.ndim else 0.0
            for sign in (1, -1) if signed else (1,):
                theirs = autoaugment._apply_op(
                    tensor, name, sign * strength, autoaugment.InterpolationMode.NEAREST, None
                )
                found = ours(image, name, sign * strength)
                difference = np.abs(found - theirs.numpy().transpose(1, 2, 0).astype(float))
                details = (name, sign * strength, difference.max(), (difference > 0).mean())
                if name in WARPS:  # nearest pixels may tie
                    assert (difference.max(-1) > 0).mean() < 0.03, details
                elif name in ("Identity", "Posterize", "Solarize", "Equalize"):
                    assert difference.max() == 0, details
                else:  # blends that are an integer may be rounded to either side by float32 before truncation
                    assert difference.max() <= 1 and (difference > 0).mean() < 0.1, details


def test_strengths_match_the_papers():
    """Checks values of torchvision's tables; see also the comparison with its code."""
    rand = dict(zip(NAMES, policies._strengths(0.3, 150 / 331 * 60, 150 / 331 * 40, 30, 0.9, 4), strict=True))
    assert rand["ShearX"][30] == pytest.approx(0.3) and rand["ShearX"][9] == pytest.approx(0.09)
    assert rand["TranslateX"][30] == pytest.approx(27.19, abs=0.01) and rand["Rotate"][10] == pytest.approx(10)
    assert list(rand["Posterize"][[0, 3, 4, 9, 30]]) == [8, 8, 7, 7, 4]
    assert rand["Solarize"][0] == 255 and rand["Solarize"][30] == 0 and rand["Color"][15] == pytest.approx(0.45)


def test_strengths_and_signs_match_torchvision():
    autoaugment = torchvision("autoaugment")
    for arguments, space in (
        (
            (0.3, 150 / 331 * 60, 150 / 331 * 40, 30, 0.9, 4),
            autoaugment.RandAugment()._augmentation_space(31, (40, 60)),
        ),
        ((0.99, 32, 32, 135, 0.99, 6), autoaugment.TrivialAugmentWide()._augmentation_space(31)),
    ):
        assert list(space) == NAMES
        for row, (name, (magnitudes, signed)) in zip(policies._strengths(*arguments), space.items(), strict=True):
            np.testing.assert_allclose(row, np.broadcast_to(magnitudes.numpy(), 31), rtol=1e-5, atol=1e-5, err_msg=name)
            assert policies.OPERATIONS[name].signed == signed, name


@pytest.mark.parametrize("transform", [RandAugment(1, 15), RandAugment(2, 9), TrivialAugmentWide()], ids=str)
def test_results_match_pillow_and_operations_are_equally_frequent(transform):
    """Each check has a false-alarm rate of 1 in 1000 keys; the key is fixed."""
    passed, found = behaves(transform)
    assert passed, found


@pytest.mark.parametrize(
    ("claimed", "done"),
    [
        (RandAugment(1, 9), RandAugment(1, 20)),
        (RandAugment(1, 9), TrivialAugmentWide()),
        (RandAugment(1, 9), RandAugment(2, 9)),
        (TrivialAugmentWide(), RandAugment(1, 9)),
    ],
    ids=str,
)
def test_checks_reject_other_policies(claimed, done, monkeypatch):
    assert finds_wrong(checks, claimed, done, monkeypatch)


def test_signs_are_equally_frequent():
    operations = jnp.full(500, NAMES.index("Rotate"))
    signs = np.asarray(jax.vmap(policies._sign)(jax.random.split(jax.random.key(0), 500), operations))
    assert scipy.stats.binomtest(int((signs > 0).sum()), 500, 0.5).pvalue > ALPHA
    unsigned = jnp.full(500, NAMES.index("Solarize"))
    assert (jax.vmap(policies._sign)(jax.random.split(jax.random.key(0), 500), unsigned) == 1).all()


def test_several_operations_on_grey_images():
    image = noise(16, 16, 1)
    one, two = apply((RandAugment(1, 30),), image, key=3), apply((RandAugment(2, 30),), image, key=3)
    assert one.shape == two.shape == image.shape and not np.array_equal(one, two)


def test_bad_values():
    with pytest.raises(ZooError, match="RandAugment.magnitude must be from 0 to 30, not 31"):
        RandAugment(magnitude=31)
    with pytest.raises(ZooError, match="RandAugment.num_ops must be positive"):
        RandAugment(num_ops=0)
