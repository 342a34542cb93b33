"""Faults of the optimizer, the learning rate, its schedule, and regularization."""

from verification.doctor.case import Fault
from zoo.recipe import SGD, Adam, Cosine, Exponential, Regularization
from zoo.recipe.optimizer import ClipByNorm


def _rate(subject, factor):
    return subject.override({"schedule.peak": subject.recipe.schedule.peak * factor})


def _schedule(subject, final):
    return subject.override({"schedule": Exponential(peak=subject.recipe.schedule.peak, final=final)})


def _warmup(subject, fraction):
    return subject.override({"schedule": Cosine(peak=subject.recipe.schedule.peak * 0.01, warmup=fraction)})


def _epsilon(subject, epsilon):
    return subject.override({"optimizer": Adam(epsilon=epsilon)})


def _clipping(subject, norm):
    return subject.override({"optimizer": SGD(momentum=0.0), "clipping": ClipByNorm(norm)})


def _momentum(subject, momentum):
    return subject.override({"optimizer": SGD(momentum=momentum)})


def _decay(subject, decay):
    return subject.override({"regularization": Regularization(weight_decay=decay)})


def _smoothing(subject, amount):
    return subject.override({"regularization": Regularization(label_smoothing=amount, l1=amount / 20)})


def _batch(subject, size):
    return subject.override({"budget.batch_size": size})


OPTIMIZER = ("optimizer_settings", "learning_rate_low")
FAULTS = (
    Fault("rate too high", ("learning_rate_high",), _rate, (100.0, 30.0, 1000.0), ("lenet5", "mlp", "plain", "bn_cnn")),
    Fault("rate too low", ("learning_rate_low",), _rate, (1e-3, 1e-2, 1e-4), ("lenet5", "mlp", "residual", "bn_cnn")),
    Fault(
        "schedule decays at once", ("schedule", "learning_rate_low"), _schedule, (1e-12, 1e-8), ("lenet5", "residual")
    ),
    Fault("warm-up of a hundredth", ("learning_rate_low", "schedule"), _warmup, (0.5, 0.9), ("lenet5", "residual")),
    Fault("epsilon of Adam", OPTIMIZER, _epsilon, (10.0, 1.0), ("mlp", "bn_cnn", "plain")),
    Fault("clipping to next to nothing", OPTIMIZER, _clipping, (1e-3, 1e-2), ("lenet5", "residual")),
    Fault(
        "momentum close to one", ("optimizer_settings", "learning_rate_high"), _momentum, (0.999, 0.995), ("lenet5",)
    ),
    Fault("weight decay", ("regularization_strong",), _decay, (0.3, 0.1, 1.0), ("lenet5", "mlp", "residual")),
    Fault("penalties", ("regularization_strong",), _smoothing, (0.9, 0.8), ("lenet5", "mlp")),
    Fault("tiny batches", ("batch_size", "learning_rate_high"), _batch, (1,), ("lenet5", "residual")),
)
