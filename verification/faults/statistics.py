"""Mistakes in batch normalization's running statistics, and in which statistics training uses."""

import flax.linen as nn
import jax.numpy as jnp
from flax import traverse_util
from jax import lax

import zoo.layers.normalization
from verification.faults.applies import has, modes_differ
from verification.faults.fault import fault
from verification.faults.patching import in_training, only_in_training, replaced
from zoo.layers import BatchNorm


@fault("The training step drops the updated running statistics.", applies=has("BatchNorm"))
def statistics_never_updated():
    def make(right):
        def wrong(model, params, batch_stats, *arguments, **options):
            outputs, _ = right(model, params, batch_stats, *arguments, **options)
            return outputs, batch_stats

        return wrong

    return in_training(make)


@fault(
    "The running variance has another momentum than the running mean: the weight of a new batch is multiplied.",
    strengths=(10.0, 2.0),
    matters=2.0,
    applies=has("BatchNorm"),
    bases=("bn_cnn",),
)
def variance_momentum(factor):
    def make(right):
        def wrong(model, params, batch_stats, *arguments, **options):
            outputs, changed = right(model, params, batch_stats, *arguments, **options)
            before = traverse_util.flatten_dict(dict(batch_stats))

            def update(path, new):
                return before[path] + factor * (new - before[path]) if path[-1] == "var" else new

            return outputs, traverse_util.path_aware_map(update, dict(changed))

        return wrong

    return in_training(make)


@fault(
    "The running variance is that of the batch with Bessel's correction.",
    applies=has("BatchNorm"),
    bases=("mobilenet_v3_small",),
)
def corrected_variance():
    """As in PyTorch; the reference networks of the zoo keep the biased variance.

    It is less than rounding where a batch has thousands of values, as in `bn_cnn`: a 22,000th.
    """

    def make(right):
        def wrong(x, scale, bias, epsilon):
            y, mean, variance = right(x, scale, bias, epsilon)
            count = x.size // x.shape[-1]
            return y, mean, variance * (count / max(count - 1, 1))

        return wrong

    return replaced(zoo.layers.normalization, "batch_norm", make)


@fault(
    "The running variance is the mean of the squares: the squared mean is not subtracted.",
    applies=has("BatchNorm"),
    bases=("bn_cnn", "resnet20"),
)
def second_moment_for_variance():
    def make(right):
        def wrong(x, scale, bias, epsilon):
            y, mean, variance = right(x, scale, bias, epsilon)
            return y, mean, variance + mean * mean

        return wrong

    return replaced(zoo.layers.normalization, "batch_norm", make)


@fault(
    "The running variance is the mean of the variances within single images.",
    applies=has("BatchNorm"),
    bases=("bn_cnn",),
)
def variance_within_images():
    def make(right):
        def wrong(x, scale, bias, epsilon):
            y, mean, variance = right(x, scale, bias, epsilon)
            if x.ndim == 4:
                variance = lax.stop_gradient(x.astype(jnp.float32).var((1, 2)).mean(0))
            return y, mean, variance

        return wrong

    return replaced(zoo.layers.normalization, "batch_norm", make)


@fault(
    "The running average is of standard deviations, whose square is kept as the variance.",
    applies=has("BatchNorm"),
    bases=("bn_cnn",),
)
def deviation_averaged():
    def make(right):
        def wrong(model, params, batch_stats, *arguments, **options):
            momenta = {}

            def intercept(next_function, given, named, context):
                if isinstance(context.module, BatchNorm) and context.method_name == "__call__":
                    momenta[context.module.path] = context.module.momentum
                return next_function(*given, **named)

            with nn.intercept_methods(intercept):
                outputs, changed = right(model, params, batch_stats, *arguments, **options)
            before = traverse_util.flatten_dict(dict(batch_stats))

            def average(path, new):
                if path[-1] != "var" or path[:-1] not in momenta:
                    return new
                keep, old = momenta[path[:-1]], before[path]
                of_batch = jnp.maximum((new - keep * old) / (1 - keep), 0)
                return (keep * jnp.sqrt(old) + (1 - keep) * jnp.sqrt(of_batch)) ** 2

            return outputs, traverse_util.path_aware_map(average, dict(changed))

        return wrong

    return in_training(make)


@fault("The running statistics of a layer take the scaled output's mean.", applies=has("BatchNorm"))
def statistics_of_output():
    def make(right):
        def wrong(x, scale, bias, epsilon):
            y, mean, variance = right(x, scale, bias, epsilon)
            return y, lax.stop_gradient(y.mean(tuple(range(x.ndim - 1))).astype(mean.dtype)), variance

        return wrong

    return replaced(zoo.layers.normalization, "batch_norm", make)


@fault("Training runs the network in evaluation mode: no dropout, running statistics.", applies=modes_differ)
def training_in_evaluation_mode():
    def make(right):
        def wrong(model, params, batch_stats, images, *arguments, **options):
            _, batch_stats = right(model, params, batch_stats, images, *arguments, **options)
            variables = {"params": params, **({"batch_stats": batch_stats} if batch_stats else {})}
            return model.apply(variables, images, train=False), batch_stats

        return wrong

    return in_training(make)


@fault("Batch normalization's epsilon is another in training only.", strengths=(100.0, 10.0), applies=has("BatchNorm"))
def batch_norm_epsilon_in_training(factor):
    def make(right):
        return lambda x, scale, bias, epsilon: right(x, scale, bias, factor * epsilon)

    return only_in_training(lambda: replaced(zoo.layers.normalization, "batch_norm", make))


@fault("Statistics are computed over half of the batch.", applies=has("BatchNorm"))
def statistics_of_half_a_batch():
    def make(right):
        def wrong(x, scale, bias, epsilon):
            if len(x) < 2:
                return right(x, scale, bias, epsilon)
            half = len(x) // 2
            first, mean, variance = right(x[:half], scale, bias, epsilon)
            second, *_ = right(x[half:], scale, bias, epsilon)
            return jnp.concatenate([first, second]), mean, variance

        return wrong

    return only_in_training(lambda: replaced(zoo.layers.normalization, "batch_norm", make))


@fault(
    "Batch statistics are those of each row of pixels: the axes lack the height.",
    applies=has("BatchNorm"),
    bases=("bn_cnn",),
)
def statistics_by_row():
    def make(right):
        def wrong(x, scale, bias, epsilon):
            if x.ndim != 4:
                return right(x, scale, bias, epsilon)
            exact = x.astype(jnp.float32)
            mean = exact.mean((0, 2), keepdims=True)
            variance = ((exact - mean) ** 2).mean((0, 2), keepdims=True)
            y = (exact - mean) * (lax.rsqrt(variance + epsilon) * scale) + bias
            of_rows = (lax.stop_gradient(each).mean((0, 1, 2)) for each in (mean, variance))
            return y.astype(x.dtype), *of_rows

        return wrong

    return replaced(zoo.layers.normalization, "batch_norm", make)


@fault("The statistics of the first normalization are frozen in training.", applies=has("BatchNorm"))
def first_normalization_frozen():
    def make(right):
        def wrong(model, *arguments, **options):
            seen = []

            def intercept(next_function, given, named, context):
                module = context.module
                if not isinstance(module, BatchNorm) or context.method_name != "__call__":
                    return next_function(*given, **named)
                seen.append(module.path)
                if module.path != seen[0]:
                    return next_function(*given, **named)
                object.__setattr__(module, "use_running_average", True)
                return next_function(*given, **named)

            with nn.intercept_methods(intercept):
                return right(model, *arguments, **options)

        return wrong

    return in_training(make)
