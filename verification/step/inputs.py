"""Checks of the inputs as a network receives them in the compiled training step, read out by a linear network.

The weights of the network are zero, and all examples but one have weight 0. All logits are equal, and no target of a
loss that compares logits with targets, whose gradient would be zero there. Only the first logit depends on the input,
so that the gradient of its kernel is that example's input, times the gradient of the first bias: the input can be read
exactly from outside, however the step makes it.
"""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from verification.check import Check, Group
from verification.step.probe import Probe, late_step, of_second_device
from verification.step.specification import Specification
from zoo.data.pipeline import Batch
from zoo.training.experiment import Experiment

LOGIT = -0.5
DRAWS = 16  # positions of one image in a batch; flips of all of them agree between two steps in 1 of 65,536 cases
FEW_DRAWS = 4  # where a transform has many outcomes: four of 50 agree in 1 of 6 million cases
FEW_OUTCOMES = {"HorizontalFlip", "VerticalFlip", "RandomErasing"}  # or that leave many images as they are
TOLERANCE = 1e-4  # of the inputs' standard deviation: rounding of augmentation in another program


class Linear(nn.Module):
    """A constant for each class, and for the first one a linear function of all input values.

    Attributes:
      classes: number of logits.
    """

    classes: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x, zeros = x.reshape(len(x), -1), nn.initializers.zeros_init()
        kernel, bias = self.param("kernel", zeros, (x.shape[-1], 1)), self.param("bias", zeros, (self.classes,))
        return jnp.pad(x @ kernel, ((0, 0), (0, self.classes - 1))) + bias


class Reader:
    """Reads inputs and labels out of the compiled training step of an experiment.

    Attributes:
      probe: of the experiment with a linear network.
      state: its state, with weights of zero, and biases of `LOGIT`.
      specification: of the same experiment.
    """

    def __init__(self, experiment: Experiment) -> None:
        recipe = experiment.recipe.override({"auxiliary_weight": None, "weight_average": None, "transfer": None})
        plain = dataclasses.replace(
            experiment,
            recipe=recipe,
            model=Linear(len(experiment.dataset.class_names)),
            optimizer=optax.set_to_zero(),
            own_initializers={},
            start=None,
            frozen=frozenset(),
        )
        self.probe = Probe(plain)
        self.state = self.probe.initial_state(0)
        kernel, bias = self.state.params["kernel"], self.state.params["bias"]
        params = {"kernel": np.zeros_like(kernel), "bias": np.full_like(bias, LOGIT)}
        self.state = self.state.replace(params=params)
        self.specification = Specification(plain)

    def read(self, batch: Batch, place: int, step: int, seed: int = 0) -> tuple[np.ndarray, int]:
        """Returns the input [H, W, C] and the label of one example of a batch, in the step after `step` steps."""
        only = batch._replace(weight=(np.arange(len(batch.weight)) == place).astype(np.float32))
        state = self.state.replace(step=np.int32(step), seed=np.uint32(seed))
        outcome = self.probe.step(state, only)
        kernel, bias = outcome.gradient["kernel"].astype(np.float64), outcome.gradient["bias"]
        if not bias[0]:
            return np.full(self.probe.experiment.input_shape, np.nan), -1
        values = kernel[:, 0] / bias[0]
        return values.reshape(self.probe.experiment.input_shape), int(np.argmin(bias))


def check_inputs(group: Group, reader: Reader) -> Check:
    """Checks inputs and labels of some examples, and which random numbers they are made with.

    The second batch is that of a second device, the third that of a late step.
    """
    problems = []
    first, second, third = reader.probe.batches(0, 3)
    size = len(first.index)
    batches = {0: first, 1: of_second_device(second), late_step(reader.probe.experiment): third}
    compared, worst = 0, 0.0
    for step, batch in batches.items():
        expected, labels = reader.specification.inputs(reader.state.replace(step=np.int32(step)), batch)
        spread = float(np.std(expected)) or 1.0
        for place in {0, 1, size - 1} & {*range(size)}:
            values, label = reader.read(batch, place, step)
            off = float(np.abs(values - expected[place]).max()) / spread
            worst, compared = (worst if off <= worst else off), compared + 1  # NaN counts as the largest
            if label == -1:
                problems.append("the step has no gradient")
            elif label != labels[place]:
                problems.append(f"example {batch.index[place]} has label {label}, in the data set {labels[place]}")
    if not worst < TOLERANCE:
        problems.append(f"inputs differ by {worst:.2g} standard deviations from the recipe's transforms of the images")
    kinds = [type(each).__name__ for each in reader.probe.experiment.train_pipeline.transforms if each.random]
    problems += _keys(reader, first, FEW_DRAWS if {*kinds} - FEW_OUTCOMES else DRAWS, random=bool(kinds))
    random = f"{', '.join(kinds)} drawn anew for each example and step" if kinds else "nothing is random on the device"
    detail = f"{compared} inputs and labels are those of the recipe, to {worst:.1e} standard deviations; {random}"
    figures = {"value": float(worst), "high": TOLERANCE}
    return group.check("inputs", not problems, "; ".join(dict.fromkeys(problems)) or detail, figures)


def _keys(reader, batch, draws_of_batch, *, random):
    """Returns problems of the random numbers: one image at several positions, in several steps."""
    size = len(batch.index)
    same = jax.tree.map(lambda array: np.repeat(array[:1], size, axis=0), batch)._replace(position=batch.position)
    experiment = reader.probe.experiment
    epoch = -(-experiment.train_pipeline.epoch // experiment.recipe.budget.batch_size)

    def draws(step, seed):
        places = range(min(size, draws_of_batch))
        steps = [step + 3 * epoch * number for number in range(-(-draws_of_batch // size))]  # a small batch has few
        return tuple(
            reader.read(same, place, at, seed)[0].astype(np.float32).tobytes() for at in steps for place in places
        )

    first, problems = draws(0, 0), []
    found = {(step, seed): draws(step, seed) for step, seed in ((1, 0), (epoch, 0), (0, 1))}
    if draws(0, 0) != first:
        problems.append("the same step gives different inputs")
    if not random:
        return problems + (["inputs are random, but no transform is"] if {first} != {*found.values()} else [])
    for (step, seed), others in found.items():
        if others == first:
            problems.append(f"augmentation is the same in step {step + 1} of seed {seed} as in step 1 of seed 0")
    if len(set(first)) == 1:
        problems.append("all examples of a batch are augmented alike")
    return problems
