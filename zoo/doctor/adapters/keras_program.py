"""A program made from what users of Keras have: a compiled model and its data, on any backend."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from zoo.doctor.adapters.delivery import Delivery, Reached, check_changes, explained, in_parts
from zoo.doctor.adapters.draws import Stream, seeded
from zoo.doctor.adapters.keras_data import Arrays, loader_of
from zoo.doctor.adapters.keras_parts import calls_noted, he_initial
from zoo.doctor.adapters.keras_training import KerasState, Training, training_of
from zoo.doctor.adapters.loader import as_array, first_axis, last_axis, length
from zoo.errors import ZooError, shown

FAILED = "a training step cannot be made"
UNUSABLE = "the model cannot be evaluated"


def from_keras(
    model: Any,
    train: Any,
    evaluation: Any,
    *,
    name: str | None = None,
    classes: int | None = None,
    batch_size: int = 32,
    epochs: int | None = None,
) -> "KerasProgram":
    """Makes a program of a compiled Keras 3 model, for `zoo.diagnose`; it works with every backend.

    A step is `train_on_batch`, a prediction `predict_on_batch`, of a copy of the model: the arguments stay as they are,
    and so do the global random generators. A model that Keras cannot copy is used itself, and restored after each call:
    then there are no gradients, and few variants. Callbacks, sample weights and class weights are not known.

    Args:
      model: compiled, with its initial weights, which are part of what is diagnosed.
      train: (x, y) arrays, which are shuffled in each epoch as `fit` does; a PyDataset; or a tf.data.Dataset, a
        DataLoader of PyTorch or another iterable of batches (x, y) that can be iterated over again.
      evaluation: likewise, of the evaluation examples; arrays are not shuffled.
      name: of the program, for messages; the model's by default.
      classes: the number of classes, if it is known.
      batch_size: of arrays.
      epochs: of the whole run, if it is known.

    Raises:
      ZooError: the model is not compiled or has several inputs or outputs, or the data is of another kind.
    """
    import keras

    if not isinstance(model, keras.Model):
        raise ZooError(f"doctor: model must be a keras.Model, not {shown(model)}")
    if not getattr(model, "optimizer", None) or not model.loss:
        raise ZooError("doctor: the model is not compiled with an optimizer and a loss: call compile")
    if isinstance(model.loss, dict | list | tuple) or len(getattr(model, "outputs", None) or [0]) > 1:
        raise ZooError("doctor: the model must have a single output, and a single loss")
    own = loader_of(train, "train", batch_size, train=True)
    other = loader_of(evaluation, "evaluation", batch_size, train=False)
    images, _ = (as_array(each.first()[0]) for each in (own, other))
    per_epoch = length(own.source)
    delivery = Delivery(own, other, len(images), per_epoch)
    with Stream():
        training, rate = training_of(model, images)
    total = None if epochs is None or per_epoch is None else epochs * per_epoch
    return KerasProgram(model.name if name is None else name, classes, total, training, delivery, rate)


class KerasProgram:
    """Training in Keras, see `zoo.doctor.program.Program`.

    Images and activations are [n, H, W, C]. Parameters and gradients have Keras's own paths and shapes.
    """

    def __init__(
        self,
        name: str,
        classes: int | None,
        total_steps: int | None,
        training: Training,
        delivery: Delivery,
        rate: Callable[[int], float],
        start: KerasState | None = None,
    ) -> None:
        """Takes a training that is shared at most with variants, which start each step from a state as well.

        Args:
          name, classes: see `from_keras`.
          total_steps: of the whole run; None if they are not known.
          training: of the model.
          delivery: of the batches.
          rate: the learning rate of a step.
          start: the state before the first step; None for the present one.
        """
        self.name, self.classes, self.total_steps = name, classes, total_steps
        self.learning_rate = rate
        self._training, self._delivery = training, delivery
        self._start = training.snapshot(0) if start is None else start
        self._evaluation_stream = Stream()  # predictions are random if the user's evaluation is
        loaders = {"train": delivery.train, "eval": delivery.evaluation}
        arrays = {split: loader.source for split, loader in loaders.items() if isinstance(loader.source, Arrays)}
        # Capabilities that depend on what was given.
        self.examples = self._examples if len(arrays) == 2 else None
        self.gradients = None if training.compilation is None else self._gradients

    # The protocol.

    def init(self, seed: int) -> KerasState:
        """Returns the state that the user passed, whatever the seed, which only dropout and the like depend on."""
        variables = list(self._start.variables)
        for place in self._training.seeds():
            state = np.asarray(variables[place])
            variables[place] = np.concatenate([state[:1] + state.dtype.type(seed % 2**31), state[1:]])
        return KerasState(0, variables, self._start.optimizer, seeded(seed))

    def step(self, state: KerasState, images: np.ndarray, labels: np.ndarray) -> tuple[KerasState, float]:
        training = self._training
        with training.at(state), explained(FAILED):
            loss = training.step(self._given(images), np.asarray(labels), self.learning_rate(state.step))
            new = training.snapshot(state.step + 1)
        return new, loss

    def predict(self, state: KerasState, images: np.ndarray) -> np.ndarray:
        with self._training.at(state, keeps=True, stream=self._evaluation_stream), explained(UNUSABLE):
            return self._training.predict(self._given(images))

    def train_batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return iter(self._delivery.batches)

    def eval_batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return iter(self._delivery.evaluation)

    # Capabilities.

    def parameters(self, state: KerasState) -> Mapping[str, np.ndarray]:
        return {name: state.variables[place] for name, place in self._training.parameters()}

    def _gradients(self, state: KerasState, images: np.ndarray, labels: np.ndarray) -> Mapping[str, np.ndarray]:
        with self._training.at(state, keeps=True), explained(FAILED):
            found = self._training.gradients(self._given(images), np.asarray(labels))
        return {
            name: found[place] if place in found else np.zeros_like(state.variables[place])  # of a frozen layer
            for name, place in self._training.parameters()
        }

    def activations(self, state: KerasState, images: np.ndarray) -> Mapping[str, np.ndarray]:
        import keras

        found: dict[str, np.ndarray] = {}
        calls: dict[str, int] = {}

        def note(name, layer, call, args, kwargs):
            output = call(*args, **kwargs)
            if hasattr(output, "shape"):
                calls[name] = calls.get(name, 0) + 1
                values = np.asarray(keras.ops.convert_to_numpy(output), np.float32)
                found[name if calls[name] == 1 else f"{name}:{calls[name]}"] = self._delivered(values)
            return output

        model = self._training.model
        with self._training.at(state), explained(FAILED), calls_noted(model, note):
            model(self._given(images), training=True)
        return found

    def inputs(self, images: np.ndarray, *, train: bool, seed: int) -> np.ndarray:
        """Returns what the first layer with weights receives: the images after any preprocessing in the model."""
        import keras

        received: list[Any] = []

        def note(name, layer, call, args, kwargs):
            if layer.weights and not isinstance(layer, keras.layers.Normalization) and args:
                received.append(args[0])
                raise Reached
            return call(*args, **kwargs)

        def apply(some):
            given = self._given(some)
            received.clear()
            with contextlib.suppress(Reached), calls_noted(self._training.model, note):
                self._training.model(given, training=train)
            values = np.asarray(keras.ops.convert_to_numpy(received[0])) if received else given
            values = values.reshape(given.shape) if values.size == given.size else values
            return self._delivered(values if values.ndim == given.ndim else given)

        with self._training.at(self.init(seed)), explained(UNUSABLE):
            return in_parts(np.asarray(images), apply)

    def loss(self, outputs: np.ndarray, labels: np.ndarray) -> float:
        with Stream(), explained("the loss cannot be computed"):
            return self._training.loss(np.asarray(outputs, np.float32), np.asarray(labels))

    def _examples(self, split: str, limit: int) -> tuple[np.ndarray, np.ndarray, Sequence[str]]:
        source: Any = (self._delivery.train if split == "train" else self._delivery.evaluation).source
        chosen = np.unique(np.linspace(0, len(source.images) - 1, min(limit, len(source.images))).astype(int))
        names = [f"{split}[{place}]" for place in chosen]
        return self._delivered(source.images[chosen]), source.labels[chosen], names

    def variant(self, **changes: Any) -> "KerasProgram":
        check_changes(changes)
        delivery, total = self._delivery.changed(changes), self.total_steps
        if "batch_size" in changes and total is not None:
            total = max(total * self._delivery.batch // delivery.batch, 1)
        training, start = self._training, self._start
        with Stream():
            if {"loss", "optimizer", "regularization"} & set(changes):
                images = self._arranged(delivery.scaled(next(iter(delivery.train.again()))[0]))
                training = training.changed(start, changes, images)
                start = training.snapshot(0)
            if "initialization" in changes:
                drawn = he_initial(training.model)
                pairs = zip(training.model.variables, start.variables, strict=True)
                start = dataclasses.replace(start, variables=[drawn.get(id(each), value) for each, value in pairs])
        return KerasProgram(self.name, self.classes, total, training, delivery, self._rate(changes), start)

    def _rate(self, changes):
        """Returns the learning rate by step, with the changes to it."""
        rate, factor = self.learning_rate, changes.get("rate", 1.0)
        if not self._training.has_rate and {"rate", "schedule"} & set(changes):
            raise KeyError("rate" if "rate" in changes else "schedule")
        if "optimizer" in changes:
            return lambda step: 1e-3 * factor
        if "schedule" in changes:
            total = self.total_steps or 10_000
            peak = max(map(rate, range(0, total, max(total // 200, 1))))
            return lambda step: peak * factor
        return rate if factor == 1 else lambda step: rate(step) * factor

    # Layouts.

    def _given(self, images):
        """Returns images as the model is given them."""
        return self._arranged(self._delivery.scaled(images))

    def _arranged(self, images):
        return first_axis(images) if self._delivery.train.channels_first else images

    def _delivered(self, values):
        return last_axis(values) if self._delivery.train.channels_first else values
