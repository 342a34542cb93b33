"""Training steps in Keras with a copy of a user's model, from snapshots that are never changed."""

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.doctor.adapters.draws import Stream, draws
from zoo.doctor.adapters.keras_parts import (
    STATISTICS,
    Compilation,
    Edit,
    compilation_of,
    copied,
    cross_entropy_for,
    edits,
    evaluated,
    seeds,
    without_activation,
    without_regularization,
)
from zoo.errors import ZooError, reason


@dataclass(frozen=True, eq=False)
class KerasState:
    """A snapshot of training, in the host's memory.

    Attributes:
      step: the number of training steps made.
      variables: values of the model's variables, random generators included.
      optimizer: values of the optimizer's variables.
      draws: states of the global random generators, from which the next step draws.
    """

    step: int
    variables: Sequence[np.ndarray]
    optimizer: Sequence[np.ndarray]
    draws: Mapping[str, Any]


class Training:
    """A compiled model that is put into one state after the other.

    Attributes:
      model: the model.
      compilation: how it is compiled; None if the model is the user's own, since it cannot be copied.
      reached: the state that the model is in; None if it is no longer that of a snapshot.
    """

    def __init__(self, model: Any, compilation: Compilation | None) -> None:
        """Takes a model, and compiles it if it is a copy."""
        self.model, self.compilation = model, compilation
        self.reached: KerasState | None = None
        self._recorder: tuple[Any, Any] | None = None
        if compilation is not None:
            compilation.compile(model)
        elif not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)

    def changed(self, start: KerasState, changes: Mapping[str, Any], images: np.ndarray) -> "Training":
        """Returns a copy, at a state, with another loss, optimizer or regularization.

        Args:
          start: the state.
          changes: of a variant.
          images: the first ones of training, as the model is given them.

        Raises:
          KeyError: the model, or a layer of it, cannot be made from its configuration.
        """
        if self.compilation is None:
            raise KeyError(next(iter(changes)))
        compilation = self.compilation
        layers: list[Edit] = []
        if "optimizer" in changes:
            compilation = compilation.with_adam()
        if "regularization" in changes:
            layers.append(without_regularization)
            compilation = compilation.without_regularization()
        if "loss" in changes:
            layers.append(without_activation(self.model))
        self.put(start)
        try:
            model = copied(self.model, images, edits(layers))
        except Exception as error:
            if "regularization" in changes:
                raise KeyError("regularization") from error
            model = copied(self.model, images)  # logits can be computed from probabilities
        if "loss" in changes:
            compilation = dataclasses.replace(compilation, loss=cross_entropy_for(evaluated(model, images)))
        new = Training(model, compilation)
        if "optimizer" not in changes:
            _assign(model.optimizer.variables, start.optimizer)
        return new

    def snapshot(self, step: int) -> KerasState:
        """Returns the present state."""
        variables, optimizer = self._values(self.model.variables), self._values(self.model.optimizer.variables)
        self.reached = KerasState(step, variables, optimizer, draws())
        return self.reached

    def put(self, state: KerasState) -> None:
        """Brings the model into a state, unless it is in it."""
        if state is self.reached:
            return
        self.reached = None
        _assign(self.model.variables, state.variables)
        _assign(self.model.optimizer.variables, state.optimizer)
        self.reached = state

    @contextlib.contextmanager
    def at(self, state: KerasState, *, keeps: bool = False, stream: Stream | None = None) -> Iterator[None]:
        """Puts the model into a state, with its random numbers; a user's own model is as before afterwards.

        Args:
          state: to start from.
          keeps: whether what follows leaves the state as it is; otherwise it is no longer known.
          stream: the random numbers to draw; None for the state's.
        """
        owned = self.compilation is not None
        variables = [] if owned else self._all()
        outside = self._values(variables)
        with Stream(state.draws) if stream is None else stream:
            self.put(state)
            self.reached = None
            try:
                yield
                if keeps:
                    self.reached = state
            finally:
                if not owned:
                    _assign(variables, outside)
                    self.reached = None

    @property
    def has_rate(self) -> bool:
        """Whether the optimizer's learning rate can be set, and is not that of a schedule."""
        return any(each.name == "learning_rate" for each in self.model.optimizer.variables)

    def step(self, images: np.ndarray, labels: np.ndarray, rate: float) -> float:
        """Makes a training step at a learning rate; returns the loss before it."""
        if self.has_rate:
            self.model.optimizer.learning_rate = rate
        self.model.reset_metrics()
        return float(self.model.train_on_batch(images, labels, return_dict=True)["loss"])

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Returns the outputs for images, in evaluation."""
        outputs = self.model.predict_on_batch(images)
        if isinstance(outputs, dict | list | tuple):
            raise ZooError("doctor: the model must have a single output")
        return np.asarray(outputs, np.float32)

    def loss(self, outputs: np.ndarray, labels: np.ndarray) -> float:
        """Returns the loss of outputs, without what layers add to it."""
        import keras

        value = self.model.compute_loss(
            y=keras.ops.convert_to_tensor(labels), y_pred=keras.ops.convert_to_tensor(outputs)
        )
        added = sum(float(keras.ops.convert_to_numpy(each)) for each in self.model.losses)
        return float(keras.ops.convert_to_numpy(value)) - added

    def parameters(self) -> list[tuple[str, int]]:
        """Returns names and positions, among the model's variables, of the weights that are not statistics."""
        positions = {id(each): number for number, each in enumerate(self.model.variables)}
        trained = {id(each) for each in self.model.trainable_variables}
        names: dict[str, int] = {}
        for weight in self.model.weights:
            if id(weight) in trained or weight.name.split("/")[-1] not in STATISTICS:
                name = weight.path
                names[f"{name}:{positions[id(weight)]}" if name in names else name] = positions[id(weight)]
        return list(names.items())

    def gradients(self, images: np.ndarray, labels: np.ndarray) -> dict[int, np.ndarray]:
        """Returns the gradients of the loss of a batch, by the positions of `parameters`; none of a frozen layer.

        They are what an optimizer receives, in every backend: a copy of the model is compiled with one that writes them
        down.
        """
        if self.compilation is None:
            raise ZooError("doctor: the model cannot be copied, so that its gradients are not known")
        if self._recorder is None:
            model = copied(self.model, images)
            optimizer = _recorder()
            model.compile(optimizer=optimizer, loss=self.compilation.loss, **self.compilation.settings)
            optimizer.build(model.trainable_variables)
            self._recorder = model, optimizer
        model, optimizer = self._recorder
        _assign(model.variables, self._values(self.model.variables))
        _assign(optimizer.recorded, [np.zeros(each.shape, np.float32) for each in optimizer.recorded])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a weight has no gradient
            model.train_on_batch(images, labels)
        positions = {id(each): number for number, each in enumerate(model.variables)}
        found = self._values(optimizer.recorded)
        return {positions[id(each)]: value for each, value in zip(model.trainable_variables, found, strict=True)}

    def seeds(self) -> list[int]:
        """Returns the positions, among the model's variables, of the states of random generators."""
        own = {id(each) for each in seeds(self.model)}
        return [number for number, each in enumerate(self.model.variables) if id(each) in own]

    def _all(self):
        return [*self.model.variables, *self.model.metrics_variables, *self.model.optimizer.variables]

    def _values(self, variables):
        import keras

        # Copies: the memory of some arrays is used again in the next step.
        return [np.array(keras.ops.convert_to_numpy(each.value)) for each in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _recorder():
    """Returns an optimizer that leaves variables as they are, and keeps the gradients in variables of its own."""
    import keras

    class Recorder(keras.optimizers.Optimizer):
        def __init__(self) -> None:
            super().__init__(learning_rate=0.0)
            self.recorded: list[Any] = []

        def build(self, variables: Any) -> None:
            if not self.built:
                super().build(variables)
                self.recorded = [self.add_variable_from_reference(each, name="gradient") for each in variables]

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            self.assign(self.recorded[self._get_variable_index(variable)], gradient)

    return Recorder()


def training_of(model: Any, images: np.ndarray) -> tuple[Training, Callable[[int], float]]:
    """Returns the training of a copy of a model, or else of the model itself, and its learning rate by step.

    Raises:
      ZooError: the model can neither be copied, nor has it weights.
    """
    import keras

    try:
        compilation, schedule = compilation_of(model)
        training = Training(copied(model, images), compilation)
        if model.weights:
            theirs, ours = (evaluated(each, images[:2]) for each in (model, training.model))
            if not np.allclose(ours, theirs, 1e-4, 1e-5, equal_nan=True):
                raise ValueError("the copy computes something else")
    except Exception as error:
        if not model.built:
            raise ZooError(f"doctor: the model cannot be copied, and is not built: {reason(error)}") from error
        rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
        return Training(model, None), lambda step: rate
    begun = int(keras.ops.convert_to_numpy(model.optimizer.iterations))
    if model.optimizer.built:
        old, new = (
            [each for each in optimizer.variables if each.name != "learning_rate"]
            for optimizer in (model.optimizer, training.model.optimizer)
        )
        _assign(new, [keras.ops.convert_to_numpy(each.value) for each in old])
    return training, lambda step: schedule(begun + step)
