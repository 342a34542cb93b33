"""Losses against PyTorch and against their formulas in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from verification.loss import closed_form, of_equal_logits, of_random_logits
from zoo.errors import ZooError
from zoo.recipe import Focal, GeneralizedCrossEntropy, Huber, SigmoidCrossEntropy, SoftmaxCrossEntropy
from zoo.training.step.loss import example_losses
from zoo.training.step.objective import Objective, sums_of_outputs, sums_over_examples

RANDOM = np.random.default_rng(0)
LOGITS = (2 * RANDOM.standard_normal((7, 5))).astype(np.float32)
LABELS = RANDOM.integers(0, 5, 7)
HARD = np.eye(5, dtype=np.float32)[LABELS]
SOFT = RANDOM.dirichlet(np.ones(5), 7).astype(np.float32)
LOSSES = [
    SoftmaxCrossEntropy(),
    SigmoidCrossEntropy(),
    Focal(),
    Focal(0.5),
    Huber(),
    Huber(0.3),
    GeneralizedCrossEntropy(0.7),
]


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_losses_match_their_formulas(loss):
    for targets in (HARD,) if loss.hard_labels else (HARD, SOFT):
        found = example_losses(loss, jnp.asarray(LOGITS), jnp.asarray(targets))
        assert found.shape == (7,) and found.dtype == jnp.float32
        np.testing.assert_allclose(found, closed_form(loss, LOGITS, targets), rtol=1e-5, atol=1e-7)


def test_losses_match_pytorch():
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    logits, targets = torch.tensor(LOGITS), torch.tensor(SOFT)
    for loss, expected in (
        (SoftmaxCrossEntropy(), functional.cross_entropy(logits, targets, reduction="none")),
        (
            SigmoidCrossEntropy(),
            functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(-1),
        ),
        (Huber(0.3), functional.huber_loss(logits, targets, reduction="none", delta=0.3).mean(-1)),
    ):
        np.testing.assert_allclose(example_losses(loss, LOGITS, SOFT), expected.numpy(), rtol=1e-5, atol=1e-7)


def test_limits_stated_in_the_papers():
    cross_entropy = example_losses(SoftmaxCrossEntropy(), LOGITS, HARD)
    np.testing.assert_allclose(example_losses(Focal(0.0), LOGITS, HARD), cross_entropy, rtol=1e-6)
    np.testing.assert_allclose(example_losses(GeneralizedCrossEntropy(1e-4), LOGITS, HARD), cross_entropy, rtol=1e-3)
    absolute = np.abs(jax.nn.softmax(LOGITS) - HARD).sum(-1) / 2
    np.testing.assert_allclose(example_losses(GeneralizedCrossEntropy(1.0), LOGITS, HARD), absolute, rtol=1e-5)
    # Lin et al. 2017, section 3.2: with gamma 2, an example with p = 0.9 has 100 times lower loss
    confident = jnp.log(jnp.array([[0.9, 0.1]]))
    target = jnp.array([[1.0, 0.0]])
    ratio = example_losses(SoftmaxCrossEntropy(), confident, target) / example_losses(Focal(2.0), confident, target)
    assert float(ratio[0]) == pytest.approx(100, rel=1e-4)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_gradients_are_finite_for_extreme_logits(loss):
    logits = jnp.array([[200.0, 0.0, -200.0], [-200.0, 0.0, 200.0], [0.0, 0.0, 0.0]])
    targets = jnp.tile(jnp.array([[1.0, 0.0, 0.0]]), (3, 1))
    values, gradient = (
        example_losses(loss, logits, targets),
        jax.grad(lambda logits: example_losses(loss, logits, targets).sum())(logits),
    )
    assert jnp.isfinite(values).all() and jnp.isfinite(gradient).all()
    assert float(jnp.abs(gradient[2]).max()) > 0


def test_equal_logits():
    assert of_equal_logits(SoftmaxCrossEntropy(), 10) == pytest.approx(np.log(10))
    assert of_equal_logits(SigmoidCrossEntropy(), 10) == pytest.approx(10 * np.log(2))


def test_logits_of_variance_one():
    """For one image and two classes, the loss is a function of the difference of two normal logits, which is normal."""
    highest = np.log1p(np.exp(np.sqrt(2) * scipy.stats.norm.isf(0.05)))
    assert of_random_logits(SoftmaxCrossEntropy(), 2, (1,), 0.1)[1] == pytest.approx(highest, rel=0.01)
    many, one = (of_random_logits(SoftmaxCrossEntropy(), 10, images, 0.1) for images in ((7,) * 9, (1,)))
    assert one[0] < many[0] < np.log(10) < many[1] < one[1]


@pytest.mark.parametrize("scale", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_losses_of_random_logits_lie_within_their_bounds(scale):
    """Of 20,000 networks, 200 +- 14 may lie outside at this level, whether or not logits depend on the image."""
    random = np.random.default_rng(1)
    low, high = of_random_logits(SoftmaxCrossEntropy(), 10, (2,) * 8, 0.01)
    labels = np.eye(10)[np.arange(16) // 2]
    for images in (1, 16):
        logits = np.broadcast_to(scale * random.standard_normal((20_000, images, 10)), (20_000, 16, 10))
        loss = closed_form(SoftmaxCrossEntropy(), logits, labels).mean(-1)
        assert np.count_nonzero((loss < low) | (loss > high)) < 260


def test_sums_smooth_labels_and_exclude_padding():
    torch = pytest.importorskip("torch")
    weight = jnp.array([1.0, 1, 1, 0, 1, 1, 0])
    broken = jnp.asarray(LOGITS).at[3].set(jnp.nan)
    sums = sums_over_examples(broken, jnp.asarray(HARD), weight, Objective(label_smoothing=0.1))
    each = torch.nn.functional.cross_entropy(
        torch.tensor(LOGITS), torch.tensor(LABELS), reduction="none", label_smoothing=0.1
    )
    assert float(sums.loss) == pytest.approx(float(each.numpy() @ np.asarray(weight)), rel=1e-5)
    assert float(sums.count.sum()) == 5


def test_auxiliary_losses_are_weighted():
    labels, weight = jnp.asarray(LABELS), jnp.ones(7)
    others = [jnp.asarray(LOGITS[::-1]), jnp.asarray(LOGITS * 3)]
    found = sums_of_outputs((jnp.asarray(LOGITS), others), labels, weight, Objective(auxiliary_weight=0.3))
    main, *auxiliary = (closed_form(SoftmaxCrossEntropy(), each, HARD).sum() for each in (LOGITS, *others))
    assert float(found.loss) == pytest.approx(main + 0.3 * sum(auxiliary), rel=1e-5)
    assert float(found.correct.sum()) == (LOGITS.argmax(-1) == LABELS).sum()
    with pytest.raises(ZooError, match="returns auxiliary logits in training: set auxiliary_weight to"):
        sums_of_outputs((jnp.asarray(LOGITS), others), labels, weight, Objective())
    with pytest.raises(ZooError, match="returns no auxiliary logits in training: set auxiliary_weight=None"):
        sums_of_outputs(jnp.asarray(LOGITS), labels, weight, Objective(auxiliary_weight=0.3))
