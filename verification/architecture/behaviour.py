"""Does the network behave? In a step of training, in a batch, in bfloat16, for no image and for one, and exported."""

from collections.abc import Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from verification.check import Check, Group
from zoo.compilation import compile_quickly, run_once
from zoo.models.registry import create_model, find_entry

# Repetitions of a block are the same code once more, and only take longer to compile; wide linear layers only take longer to
# run. Both are left out here: by the name of the module, the options that do so. Kernels and strides stay.
SHALLOW: Mapping[str, Mapping[str, Any]] = {
    "AlexNet": {"hidden": 256},
    "AlexNetOWT": {"hidden": 256},
    "ConvNeXt": {"depths": (1, 1, 2, 1)},
    "DenseNet": {"blocks": (2, 2, 2, 2)},
    "EfficientNet": {"depth": 0.3},
    "InceptionResNetV2": {"blocks": (1, 2, 1)},
    "InceptionV4": {"blocks": (1, 2, 1)},
    "RegNetY": {"depths": (1, 1, 2, 1)},
    "ResNet": {"blocks": (1, 2, 1, 1)},
    "ResNetCifar": {"blocks": 2},
    "ResNetV2": {"blocks": (1, 2, 1, 1)},
    "VGG": {"hidden": 256},
    "WideResNet": {"blocks": 2},
    "ZFNet": {"hidden": 256},
}
SIDE = 48  # pixels; or what the network needs at least
BATCH_TOLERANCE = 1e-5  # of the largest logit, in float32
BFLOAT16_TOLERANCE = 3e-2


def create_shallow(model_name: str, **overrides: Any) -> nn.Module:
    """`zoo.create_model`, without repetitions of blocks and wide linear layers."""
    return create_model(model_name, **SHALLOW.get(find_entry(model_name).module.__name__, {}), **overrides)


def check_behaviour(model_name: str) -> Iterator[Check]:
    """Checks what a user of any network relies on, with random weights on small images."""
    group = Group(model_name, "architecture")
    model, input_shape = create_shallow(model_name), find_entry(model_name).input_shape
    side = max(model.smallest, min(SIDE, input_shape[0]))
    images = np.random.default_rng(0).standard_normal((4, side, side, input_shape[-1])).astype(np.float32)
    variables = random_variables(model, images)

    logits = _logits(model, variables, images[:2])
    largest = float(np.abs(logits).max())
    for_one = compile_quickly(_apply(model), variables, images[:1])
    alone = np.concatenate([for_one(variables, images[index : index + 1]) for index in range(2)])
    apart = float(np.abs(logits[0] - logits[1]).max()) / largest
    off = float(np.abs(logits - alone).max()) / largest
    yield group.check(
        "batch",
        off <= BATCH_TOLERANCE < apart,
        f"images alone and in a batch: logits differ by {off:.1e}, two images' by {apart:.1e}, of the largest",
    )
    none = jax.eval_shape(lambda: model.apply(variables, images[:0], train=False))
    yield group.check("no image", none.shape == (0, *logits.shape[1:]), f"gives logits {list(none.shape)}")

    rough = _logits(create_shallow(model_name, dtype=jnp.bfloat16), variables, images[:2])
    off = float(np.abs(rough.astype(np.float32) - logits).max()) / largest
    yield group.check(
        "bfloat16",
        rough.dtype == jnp.bfloat16 and off <= BFLOAT16_TOLERANCE,
        f"{rough.dtype} logits differ from float32's by {off:.1e} of the largest, {BFLOAT16_TOLERANCE:.0e} is allowed",
    )
    yield group.check("training step", *_train(model, variables, images))
    exported = jax.export.export(jax.jit(_apply(model)), platforms=["cpu", "cuda", "tpu"])(variables, images)
    yield group.check(
        "export",
        exported.out_avals[0].shape == (4, *logits.shape[1:]),
        f"jax.export gives {len(exported.mlir_module_serialized):,} bytes for CPU, CUDA and TPU",
    )


def random_variables(model: nn.Module, images: np.ndarray) -> dict[str, Any]:
    """What training starts from: weights with the variance 1 / fan_in (LeCun et al. 1998), shifts of 0, scales of 1.

    The network's own initializers would take longer to compile than all the rest.
    """
    random = np.random.default_rng(0)
    abstract = jax.eval_shape(lambda: model.init(jax.random.key(0), images[:1], train=False))

    def draw(path, shape):
        if len(shape) > 1:
            return random.standard_normal(shape, np.float32) * np.float32(np.sqrt(1 / np.prod(shape[:-1])))
        return np.full(shape, path[-1] not in ("bias", "mean"), np.float32)

    flat = traverse_util.flatten_dict(abstract)
    return traverse_util.unflatten_dict({path: draw(path, array.shape) for path, array in flat.items()})


def _apply(model):
    return lambda variables, images: model.apply(variables, images, train=False)


def _logits(model, variables, images):
    return run_once(_apply(model), variables, images)


def _train(model, variables, images):
    """Whether a step changes every parameter and moving statistic, at random if anything is dropped; a line that says so."""

    def loss(params, key):
        logits, changed = model.apply(
            {**variables, "params": params}, images, train=True, rngs={"dropout": key}, mutable=["batch_stats"]
        )
        return (logits.astype(jnp.float32) ** 2).mean(), changed

    step = compile_quickly(jax.grad(loss, has_aux=True), variables["params"], jax.random.key(1))
    gradients, changed = jax.device_get(step(variables["params"], jax.random.key(1)))
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((gradients, changed))):
        return False, "gives gradients or moving statistics that are not finite"
    still = [path for path, leaf in traverse_util.flatten_dict(gradients, sep="/").items() if not np.any(leaf)]
    before, after = (traverse_util.flatten_dict(tree.get("batch_stats", {}), sep="/") for tree in (variables, changed))
    still += [path for path in before if np.array_equal(before[path], after[path])]
    if still:
        return False, f"leaves alone: {', '.join(still)}"
    others = jax.device_get(step(variables["params"], jax.random.key(2))[0])
    drawn = not all(map(np.array_equal, jax.tree.leaves(gradients), jax.tree.leaves(others)))
    rates = [rate for rate in ("dropout", "drop_path") if getattr(model, rate, 0.0)]
    if drawn != bool(rates):
        return False, f"{'depends' if drawn else 'does not depend'} on the key, with rates of {rates or 'nothing'}"
    return True, f"changes all {len(jax.tree.leaves(gradients)) + len(before)} parameters and moving statistics"
