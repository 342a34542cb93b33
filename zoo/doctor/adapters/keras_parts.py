"""Copies of Keras models, and what a variant replaces in them."""

import contextlib
import dataclasses
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

# Names of variables that no optimizer trains, although they are weights.
STATISTICS = ("moving_mean", "moving_variance", "mean", "variance", "count")
KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")
ACTIVATIONS = ("Softmax", "ReLU", "LeakyReLU", "PReLU", "ELU")  # layers that are nothing else
SMALLEST = 1e-30  # probability whose logarithm is taken instead of that of 0

Edit = Callable[[Any, dict[str, Any]], None]  # changes the configuration of a layer


@dataclass(frozen=True)
class Compilation:
    """How a model is compiled.

    Attributes:
      loss: as given to `compile`.
      optimizer: class and configuration, whose learning rate is a number.
      settings: other arguments of `compile`.
    """

    loss: Any
    optimizer: tuple[Any, Mapping[str, Any]]
    settings: Mapping[str, Any]

    def with_adam(self) -> "Compilation":
        """Returns a compilation with Adam and its default settings, at a rate of 0.001."""
        import keras

        adam = keras.optimizers.Adam
        return dataclasses.replace(self, optimizer=(adam, adam(1e-3).get_config()))

    def without_regularization(self) -> "Compilation":
        """Returns a compilation without weight decay and label smoothing."""
        import keras

        kind, config = self.optimizer
        if config.get("weight_decay"):
            config = {**config, "weight_decay": 0.0}
        loss = self.loss
        if isinstance(loss, keras.losses.Loss) and loss.get_config().get("label_smoothing"):
            loss = type(loss).from_config({**loss.get_config(), "label_smoothing": 0.0})
        return dataclasses.replace(self, optimizer=(kind, config), loss=loss)

    def compile(self, model: Any) -> None:
        """Compiles a model with an optimizer of its own, which is built."""
        kind, config = self.optimizer
        model.compile(optimizer=kind.from_config(dict(config)), loss=self.loss, **self.settings)
        model.optimizer.build(model.trainable_variables)


def compilation_of(model: Any) -> tuple[Compilation, Callable[[int], float]]:
    """Returns how a model is compiled, and its learning rate as a function of the step.

    Raises:
      Exception: of Keras, if a schedule or an optimizer of the user's own cannot be made from its configuration.
    """
    import keras

    config = model.optimizer.get_config()
    if "inner_optimizer" in config:
        raise ValueError("an optimizer within another cannot be copied")
    rate = config["learning_rate"]
    settings = {"jit_compile": model.jit_compile, "run_eagerly": model.run_eagerly}
    with contextlib.suppress(Exception):  # a loss or metric of the user's own may have no configuration
        if weights := model.get_compile_config().get("loss_weights"):
            settings["loss_weights"] = weights
    if isinstance(rate, int | float):
        return Compilation(model.loss, (type(model.optimizer), config), settings), lambda step: float(rate)
    schedule = keras.saving.deserialize_keras_object(rate) if isinstance(rate, dict) else rate
    config = {**config, "learning_rate": 1.0}

    def scheduled(step):
        is_schedule = isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule)
        return float(keras.ops.convert_to_numpy(schedule(step) if is_schedule else schedule()))

    return Compilation(model.loss, (type(model.optimizer), config), settings), scheduled


def copied(model: Any, images: np.ndarray, edit: Edit | None = None) -> Any:
    """Returns a copy of a model with its weights and seeds, which is not compiled.

    Args:
      model: to copy; if it has no weights yet, those of the copy are drawn.
      images: some examples, to build it.
      edit: changes the configuration of each layer.

    Raises:
      Exception: of Keras, if the model cannot be made from its configuration.
    """
    import keras

    def clone(layer):
        if isinstance(layer, keras.layers.Lambda):
            return keras.layers.Lambda(layer.function, arguments=layer.arguments, name=layer.name)
        config = layer.get_config()
        if edit is not None:
            edit(layer, config)
        kind = keras.layers.Activation if config.pop("replaced", False) else type(layer)
        return kind.from_config(config)

    is_graph = isinstance(model, keras.Sequential) or (getattr(model, "inputs", None) and hasattr(model, "operations"))
    with _not_compiled(model):
        if is_graph:
            new = keras.models.clone_model(model, clone_function=clone, recursive=True)
        elif edit is None:
            new = _made_again(model)
        else:
            raise ValueError("the layers of a model with code of its own cannot be replaced")
    if type(new).train_step is not type(model).train_step or type(new).compute_loss is not type(model).compute_loss:
        raise ValueError("the copy would train otherwise")
    if not new.built or (model.weights and not new.weights):
        new(images[:2])
    if model.weights:
        new.set_weights(model.get_weights())
    old_seeds, new_seeds = seeds(model), seeds(new)
    if len(old_seeds) == len(new_seeds):
        for old, own in zip(old_seeds, new_seeds, strict=True):
            own.assign(keras.ops.convert_to_numpy(old.value))
    for _, layer in leaves(new):
        getattr(layer, "finalize_state", lambda: None)()  # of Normalization, which computes with derived values
    return new


def _made_again(model):
    """Returns a model with code of its own, made from its configuration as far as its constructor takes it."""
    import keras

    with contextlib.suppress(Exception):
        return keras.models.clone_model(model)
    config = model.get_config()
    return type(model)(**{key: config[key] for key in inspect.signature(type(model)).parameters if key in config})


def evaluated(model: Any, images: np.ndarray) -> np.ndarray:
    """Returns the outputs of a model, without compiling it."""
    import keras

    return keras.ops.convert_to_numpy(model(images, training=False))


@contextlib.contextmanager
def _not_compiled(model):
    """Lets a model appear as not compiled: a copy would otherwise be compiled from names, also of custom functions."""
    compiled, model.compiled = model.compiled, False
    try:
        yield
    finally:
        model.compiled = compiled


def seeds(model: Any) -> list[Any]:
    """Returns the variables of a model's random generators."""
    weights = {id(each) for each in model.weights}
    return [each for each in model.variables if id(each) not in weights]


def leaves(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields all layers by name, and those of models within in the place of these."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, keras.layers.InputLayer):
            yield f"{prefix}{layer.name}", layer


@contextlib.contextmanager
def calls_noted(model: Any, note: Callable[[str, Any, Callable, tuple, dict], Any]) -> Iterator[None]:
    """Replaces the `call` of each layer by a function of the layer's name, itself, its `call` and the arguments."""
    layers = list(leaves(model))
    for name, layer in layers:
        call = layer.call
        layer.call = lambda *args, _name=name, _layer=layer, _call=call, **kwargs: note(
            _name, _layer, _call, args, kwargs
        )
    try:
        yield
    finally:
        for _, layer in layers:
            if "call" in vars(layer):
                del layer.call


def without_activation(model: Any) -> Edit:
    """Returns an edit that removes the activation of a model's last layer."""
    last = _last_layer(model)

    def edit(layer, config):
        if layer is not last:
            return
        if type(layer).__name__ in ACTIVATIONS:
            kept = {"name": layer.name, "dtype": config.get("dtype"), "activation": "linear", "replaced": True}
            config.clear()
            config.update(kept)
        elif "activation" in config:
            config["activation"] = "linear"

    return edit


def _last_layer(model):
    import keras

    layers = list(model.layers)
    outputs = getattr(model, "outputs", None) or [None]
    found = [layer for layer in layers if getattr(layer, "output", None) is outputs[0]]
    last = (found or layers)[-1]
    return _last_layer(last) if isinstance(last, keras.Model) else last


def without_regularization(layer: Any, config: dict[str, Any]) -> None:
    """Removes regularizers, dropout and noise from the configuration of a layer; an `Edit`."""
    for key in config:
        if key.endswith("_regularizer"):
            config[key] = None
        if (key == "rate" and "Dropout" in type(layer).__name__) or key in ("dropout", "recurrent_dropout"):
            config[key] = 0.0
        if key == "stddev" and type(layer).__name__ == "GaussianNoise":
            config[key] = 0.0


def edits(changes: list[Edit]) -> Edit | None:
    """Returns an edit that makes all of some edits; None for none."""

    def edit(layer, config):
        for change in changes:
            change(layer, config)

    return edit if changes else None


def he_initial(model: Any) -> dict[int, np.ndarray]:
    """Returns initial weights by their `id`: kernels by He et al. 2015, biases 0, and normalization as identity."""
    random, values = np.random.default_rng(0), {}
    for _, layer in leaves(model):
        for weight in layer.weights:
            name, shape = weight.name.split("/")[-1], tuple(weight.shape)
            if name in KERNELS:
                depthwise = name == "depthwise_kernel" or type(layer).__name__.startswith("Depthwise")
                fan_in = math.prod(shape[:-2] if depthwise else shape[:-1])
                values[id(weight)] = random.normal(0, math.sqrt(2 / fan_in), shape).astype(np.float32)
            elif name in ("bias", "beta", "moving_mean"):
                values[id(weight)] = np.zeros(shape, np.float32)
            elif name in ("gamma", "moving_variance"):
                values[id(weight)] = np.ones(shape, np.float32)
    return values


def cross_entropy(labels: Any, outputs: Any) -> Any:
    """Returns the softmax cross-entropy of each example; a loss of Keras.

    Args:
      labels: class numbers [n] or [n, 1], or one-hot rows [n, K].
      outputs: logits [n, K], or [n, 1] of class 1 of two.
    """
    import keras

    outputs = keras.ops.reshape(outputs, (-1, outputs.shape[-1] if len(outputs.shape) > 1 else 1))
    width = outputs.shape[-1]
    if width == 1:
        outputs = keras.ops.concatenate([keras.ops.zeros_like(outputs), outputs], -1)
    if len(labels.shape) == 2 and labels.shape[-1] == width and width > 1:
        return keras.ops.categorical_crossentropy(labels, outputs, from_logits=True)
    labels = keras.ops.cast(keras.ops.reshape(labels, (-1,)), "int32")
    return keras.ops.sparse_categorical_crossentropy(labels, outputs, from_logits=True)


def cross_entropy_of_probabilities(labels: Any, outputs: Any) -> Any:
    """Returns `cross_entropy` of the logarithms of probabilities, which are logits."""
    import keras

    return cross_entropy(labels, keras.ops.log(keras.ops.maximum(outputs, SMALLEST)))


def cross_entropy_of_sigmoids(labels: Any, outputs: Any) -> Any:
    """Returns `cross_entropy` of the logits that sigmoids had."""
    import keras

    clipped = keras.ops.clip(outputs, 1e-7, 1 - 1e-7)
    return cross_entropy(labels, keras.ops.log(clipped) - keras.ops.log(1 - clipped))


def cross_entropy_for(outputs: np.ndarray) -> Callable[[Any, Any], Any]:
    """Returns the cross-entropy of outputs, by whether they are logits, or probabilities [n, K] or [n, 1]."""
    if outputs.shape[-1] > 1 and outputs.min() >= 0 and np.abs(outputs.sum(-1) - 1).max() < 1e-4:
        return cross_entropy_of_probabilities
    return cross_entropy_of_sigmoids if outputs.min() > 0 and outputs.max() < 1 else cross_entropy
