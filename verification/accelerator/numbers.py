"""Checks of logits and gradients of every network on the accelerator, against float64 on the CPU."""

import functools
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from verification.accelerator.unit import Settings
from verification.architecture.behaviour import create_shallow, random_variables
from zoo.compilation import compile_quickly
from zoo.layers.lowering import convolution_lowering
from zoo.models.registry import create_model, find_entry, list_models

IMAGES = 4
SIDE = 64  # image size of a rehearsal in pixels, or the network's minimum if that is larger
# Maximum error of float32 on the accelerator, relative to that on the CPU. The order of summation differs, and Winograd
# convolutions lose another digit (Lavin & Gray 2016).
MAX_ERROR_RATIO = 32.0


def networks(settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the benchmarked networks, and all others."""
    from verification.accelerator.speed import NETWORKS

    if settings.rehearse:
        return ("lenet5",), ("bn_cnn",)
    return NETWORKS, tuple(name for name in list_models() if name not in NETWORKS)


def measure(unit: str, settings: Settings) -> dict[str, Any]:
    """Compares a training step of one network on the accelerator with float64 on the CPU, at three precisions.

    float32 at the highest precision must agree; float32 at the default precision and bfloat16 are only reported. The
    step uses batch statistics, and no dropout, since its masks depend on the dtype.

    Args:
      unit: name of the network.
      settings: a rehearsal uses a shallow network and small images.

    Returns:
      `agrees`; and for each of "highest", "default" and "bfloat16": `logits`, the largest error of a logit in standard
      deviations of the logits; `gradients`, the median error of the gradients of parameters and images, relative to
      their norms; `ratio`, the largest ratio of an error to its tolerance; and `worst`, the array with this ratio.
    """
    make = create_shallow if settings.rehearse else create_model
    shape = find_entry(unit).input_shape
    side = min(shape[0], max(create_shallow(unit).smallest, SIDE)) if settings.rehearse else shape[0]
    images = np.random.default_rng(1).standard_normal((IMAGES, side, side, shape[-1])).astype(np.float32)
    labels = np.arange(IMAGES) % find_entry(unit).num_classes
    variables = random_variables(make(unit), images)
    host, device = jax.devices("cpu")[0], jax.devices()[0]

    def run(where, dtype, precision):
        with jax.default_device(where), jax.default_matmul_precision(precision):
            given = jax.device_put((variables, images, labels), where)
            if dtype == jnp.float64:
                given = jax.tree.map(lambda leaf: leaf.astype(dtype) if leaf.dtype == jnp.float32 else leaf, given)
            step = functools.partial(_logits_and_gradients, make(unit, dtype=dtype))
            compiled = compile_quickly(step, *given) if where == host else jax.jit(step).lower(*given).compile()
            return _flat(jax.device_get(compiled(*given)))

    with convolution_lowering("xla"):
        with jax.enable_x64(True):
            exact = run(host, jnp.float64, "highest")
        rounded = run(host, jnp.float32, "highest")
        computed = {
            "highest": run(device, jnp.float32, "highest"),
            "default": run(device, jnp.float32, "default"),
            "bfloat16": run(device, jnp.bfloat16, "default"),
        }
    tolerances = _allowed(rounded, exact)
    report = {name: _compare(found, exact, tolerances) for name, found in computed.items()}
    return {"agrees": report["highest"]["ratio"] <= 1.0, **report, "side": side}


def _logits_and_gradients(model, variables, images, labels):
    def loss(params, images):
        with nn.intercept_methods(_without_dropout):
            logits, _ = model.apply({**variables, "params": params}, images, train=True, mutable=["batch_stats"])
        logits = cast(jax.Array, logits)
        wide = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
        return -jnp.take_along_axis(jax.nn.log_softmax(wide), labels[:, None], 1).mean(), wide

    (_, logits), (of_params, of_images) = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(
        variables["params"], images
    )
    return {"logits": logits, "params": of_params, "images": of_images}


def _without_dropout(next_function, args, kwargs, context):
    if isinstance(context.module, nn.Dropout) and context.method_name == "__call__":
        return args[0]
    return next_function(*args, **kwargs)


def _flat(tree):
    return {name: np.asarray(leaf, np.float64) for name, leaf in traverse_util.flatten_dict(tree, sep="/").items()}


def _allowed(rounded, exact):
    """Returns the tolerance of each array, from its float32 error on the CPU and the median relative error."""
    errors = {name: float(np.linalg.norm(rounded[name] - exact[name])) for name in exact}
    norms = {name: float(np.linalg.norm(exact[name])) for name in exact}
    typical = float(np.median([errors[name] / norms[name] for name in exact if norms[name] > 0]))
    return {name: MAX_ERROR_RATIO * (errors[name] + typical * norms[name]) for name in exact}


def _compare(found, exact, tolerances):
    errors = {name: float(np.linalg.norm(found[name] - exact[name])) for name in exact}
    ratios = {name: errors[name] / tolerances[name] if tolerances[name] else float(errors[name] > 0) for name in exact}
    ratios = {name: ratio if np.isfinite(ratio) else np.inf for name, ratio in ratios.items()}
    worst = max(ratios, key=ratios.__getitem__)
    norms = {name: float(np.linalg.norm(exact[name])) for name in exact}
    relative = [errors[name] / norms[name] for name in exact if name != "logits" and norms[name] > 0]
    return {
        "logits": float(np.abs(found["logits"] - exact["logits"]).max() / exact["logits"].std()),
        "gradients": float(np.median(relative)),
        "ratio": ratios[worst],
        "worst": worst,
    }
