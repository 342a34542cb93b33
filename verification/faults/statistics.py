"""Mistakes in batch normalization's running statistics, and in which statistics training uses."""

import flax.linen as nn
import jax

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


@fault("The running statistics of a layer take the scaled output's mean.", applies=has("BatchNorm"))
def statistics_of_output():
    def make(right):
        def wrong(x, scale, bias, epsilon):
            y, mean, variance = right(x, scale, bias, epsilon)
            return y, jax.lax.stop_gradient(y.mean(tuple(range(x.ndim - 1))).astype(mean.dtype)), variance

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
            return jax.numpy.concatenate([first, second]), mean, variance

        return wrong

    return only_in_training(lambda: replaced(zoo.layers.normalization, "batch_norm", make))


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
