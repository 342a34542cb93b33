"""Checks of a network in batches, on an empty batch, in bfloat16, in a training step, and under `jax.export`."""

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from verification.architecture.gradients import compare_gradients
from verification.check import Check, Group
from zoo.compilation import compile_quickly, run_once
from zoo.layers.lowering import convolution_lowering, lowering_of_programs
from zoo.models.registry import create_model, find_entry, list_models

# Options, by module name, for fewer blocks and narrower linear layers, which are faster to compile and run. Kernels and
# strides are unchanged.
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
# Networks that together have every kind of layer: class, and of a convolution the size of its kernel, its strides, and
# whether it is grouped or depthwise, of a pool its window and strides.
EVERY_KIND = (
    "alexnet",
    "bn_cnn",
    "convnext_small",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "inception_resnet_v2",
    "lenet5",
    "mlp",
    "nin_cifar",
    "regnet_y_400mf",
    "resnet110",
    "resnet9",
    "shufflenet_v2_x1_0",
    "zfnet",
)
SIDE = 48  # pixels, or the network's minimum if that is larger
BATCH_TOLERANCE = 1e-5  # relative to the largest logit, in float32
BFLOAT16_TOLERANCE = 3e-2


def create_shallow(model_name: str, **overrides: Any) -> nn.Module:
    """Returns `zoo.create_model` with fewer repeated blocks and narrower linear layers, as in `SHALLOW`."""
    return create_model(model_name, **SHALLOW.get(find_entry(model_name).module.__name__, {}), **overrides)


def shallow_twin(model_name: str) -> str | None:
    """Returns an earlier network of the registry that is the same one with fewer blocks; None if there is none."""
    model, shape = create_shallow(model_name), find_entry(model_name).input_shape
    earlier = itertools.takewhile(lambda name: name != model_name, list_models())
    same = (name for name in earlier if find_entry(name).input_shape == shape and create_shallow(name) == model)
    return next(same, None)


def check_behaviour(model_name: str) -> Iterator[Check]:
    """Checks properties that every network must have, with random weights on small images.

    Of two networks that differ in what `SHALLOW` leaves out, only the first is checked.
    """
    group = Group(model_name, "architecture")
    if twin := shallow_twin(model_name):
        yield group.skip("behaviour", f"the network with fewer blocks that is checked here is that of {twin}")
        return
    model, input_shape = create_shallow(model_name), find_entry(model_name).input_shape
    side = max(model.smallest, min(SIDE, input_shape[0]))
    images = np.random.default_rng(0).standard_normal((4, side, side, input_shape[-1])).astype(np.float32)
    variables = random_variables(model, images)

    logits = _logits(model, variables, images[:2])
    largest = float(np.abs(logits).max())
    if not largest:
        yield group.check("batch", False, "all logits are 0, for random weights and images")
        return
    for_one = compile_quickly(_apply(model), variables, images[:1])
    alone = np.concatenate([for_one(variables, images[index : index + 1]) for index in range(2)])
    apart = float(np.abs(logits[0] - logits[1]).max()) / largest
    off = float(np.abs(logits - alone).max()) / largest
    yield group.check(
        "batch",
        off <= BATCH_TOLERANCE < apart,
        f"logits differ by {off:.1e} of the largest between batches of 1 and 2, by {apart:.1e} between images",
    )
    none = jax.eval_shape(lambda: model.apply(variables, images[:0], train=False))
    yield group.check(
        "no image", none.shape == (0, *logits.shape[1:]), f"an empty batch gives logits of shape {list(none.shape)}"
    )

    rough = _logits(create_shallow(model_name, dtype=jnp.bfloat16), variables, images[:2])
    off = float(np.abs(rough.astype(np.float32) - logits).max()) / largest
    yield group.check(
        "bfloat16",
        rough.dtype == jnp.bfloat16 and off <= BFLOAT16_TOLERANCE,
        f"{rough.dtype} logits differ from float32 by {off:.1e} of the largest, tolerance {BFLOAT16_TOLERANCE:.0e}",
    )
    yield from _train(group, model, variables, images)
    exported = jax.export.export(jax.jit(_apply(model)), platforms=["cpu", "cuda", "tpu"])(variables, images)
    yield group.check(
        "export",
        exported.out_avals[0].shape == (4, *logits.shape[1:]),
        f"jax.export gives {len(exported.mlir_module_serialized):,} bytes for CPU, CUDA and TPU",
    )


def random_variables(model: nn.Module, images: np.ndarray) -> dict[str, Any]:
    """Returns initial variables: normal weights of variance 1 / fan_in (LeCun et al. 1998), zero biases, unit scales.

    Compiling the network's own initializers would take longer than everything else.
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


def _train(group, model, variables, images):
    """Checks that a step updates all variables, is random iff there is dropout, and has the gradients of its loss."""

    def loss(params, key):
        logits, changed = model.apply(
            {**variables, "params": params}, images, train=True, rngs={"dropout": key}, mutable=["batch_stats"]
        )
        return (logits.astype(jnp.float32) ** 2).mean(), changed

    key = jax.random.key(1)
    with as_in_training():
        step = compile_quickly(jax.grad(loss, has_aux=True), variables["params"], key)
    gradients, changed = jax.device_get(step(variables["params"], key))
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((gradients, changed))):
        yield group.check("training step", False, "gradients or running statistics are not finite")
        return
    others = jax.device_get(step(variables["params"], jax.random.key(2))[0])
    yield group.check("training step", *_updates(model, variables, gradients, changed, others))
    passed, message = compare_gradients(
        lambda params: loss(params, key)[0], lambda params: jax.device_get(step(params, key)[0]), variables["params"]
    )
    yield group.skip("gradients", message) if passed is None else group.check("gradients", passed, message)


@contextlib.contextmanager
def as_in_training():
    """Selects the lowering of training, and on GPUs and TPUs products in float32 rather than in fewer bits."""
    platform = jax.default_backend()
    precision = None if platform == "cpu" else "highest"
    with convolution_lowering(lowering_of_programs(platform)), jax.default_matmul_precision(precision):
        yield


def _updates(model, variables, gradients, changed, others):
    """Returns whether gradients and new statistics are not all zero, and differ for another key iff they should."""
    still = [path for path, leaf in traverse_util.flatten_dict(gradients, sep="/").items() if not np.any(leaf)]
    before, after = (traverse_util.flatten_dict(tree.get("batch_stats", {}), sep="/") for tree in (variables, changed))
    still += [path for path in before if np.array_equal(before[path], after[path])]
    if still:
        return False, f"no update of {', '.join(still)}"
    random = not all(map(np.array_equal, jax.tree.leaves(gradients), jax.tree.leaves(others)))
    rates = [rate for rate in ("dropout", "drop_path") if getattr(model, rate, 0.0)]
    if random != bool(rates):
        return (
            False,
            f"gradients {'depend' if random else 'do not depend'} on the key, with dropout rates {rates or 'of 0'}",
        )
    return True, f"updates all {len(jax.tree.leaves(gradients)) + len(before)} parameters and running statistics"
