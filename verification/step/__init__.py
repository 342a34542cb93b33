"""Checks of the compiled training and evaluation steps from outside: inputs, losses, gradients, updates and counts."""

import dataclasses
from collections.abc import Iterator, Mapping

import jax
import numpy as np

from verification.check import Check, Group
from verification.shared import NOTHING
from verification.step.decisions import check_decisions, decides
from verification.step.devices import check_devices
from verification.step.evaluation import check_evaluation
from verification.step.forward import check_forward
from verification.step.gradient import check_gradient
from verification.step.inputs import Reader, check_inputs
from verification.step.loss import check_loss
from verification.step.order import check_host_crops, check_order
from verification.step.probe import QUICK_WEIGHTS, Probe, generic_state, late_step, small
from verification.step.run import check_run
from verification.step.specification import Specification
from verification.step.stand_in import StandIn, in_two_parts, with_stand_in
from verification.step.statistics import check_statistics
from verification.step.update import CONSECUTIVE, check_update
from zoo.training.experiment import Experiment
from zoo.training.step.state import TrainState

REPLACED = "with a small network in the place of the recipe's: "  # before the details of such checks


def check_step(
    recipe_name: str,
    experiment: Experiment,
    probe: Probe,
    seed: int,
    *,
    thorough: bool = True,
    shown: Mapping[str, str] = NOTHING,
) -> Iterator[Check]:
    """Checks the steps of an experiment as programs whose inside is unknown.

    Args:
      recipe_name: for the results.
      experiment: of the recipe.
      probe: of the experiment.
      seed: of the states that the steps start from.
      thorough: whether to compile the steps of a large network; otherwise, a small one takes its place, see
        `with_stand_in`, with at most two micro-batches, and everything else is the recipe's.
      shown: the recipes that show what the programs with the small network would (`programs`), or a short `run` with
        it, which are not compiled then; and the one that has the same `statistics`. See `verification.shared`.
    """
    group, recipe = Group(recipe_name, "step"), experiment.recipe
    if by := shown.get("statistics"):
        yield group.skip("statistics", f"shown by {by}; run it with --tier=full")
    else:
        yield check_statistics(group, experiment)
    yield check_order(group, experiment, thorough=thorough)
    if crops := check_host_crops(group, experiment):
        yield crops
    replaced = not thorough and not small(experiment, QUICK_WEIGHTS)
    if replaced and (by := shown.get("programs")):
        yield group.skip("programs", f"its kinds of parts are in those of {by}; run it with --tier=full")
        return
    if replaced:
        experiment = in_two_parts(experiment)
    if decides(recipe):
        yield check_decisions(group, recipe)
    reader = Reader(experiment)
    yield check_inputs(group, reader)
    yield check_loss(group, reader)
    if replaced:
        experiment = with_stand_in(experiment)
        probe = Probe(experiment)
    for check in check_programs(group, experiment, probe, seed):
        yield dataclasses.replace(check, detail=REPLACED + check.detail) if replaced else check
    if not replaced:
        yield from check_run(group, experiment, seed)
    elif recipe.weight_average is not None or decides(recipe):
        if by := shown.get("run"):
            yield group.skip("run", f"what decides in it is of the kinds of {by}; run it with --tier=full")
        else:
            yield from check_run(group, experiment, seed)


def check_programs(group: Group, experiment: Experiment, probe: Probe, seed: int) -> Iterator[Check]:
    """Checks the compiled training step and evaluation step of an experiment; arguments as those of `check_step`."""
    specification = Specification(experiment)
    batches = probe.batches(seed, CONSECUTIVE)
    start = probe.initial_state(seed)
    if experiment.start is None:  # else loaded weights are the same for all seeds
        yield check_seeds(group, start, probe.initial_state(seed + 1))
    generic = generic_state(start, seed)
    later = generic_state(start, seed + 1).replace(step=np.full_like(start.step, late_step(experiment)))
    yield from check_forward(group, probe, specification, [start, generic, later], batches)
    yield from check_update(group, probe, start, batches)
    stands_in = isinstance(experiment.model, StandIn)
    few = 2 if stands_in else None  # its gradient is not the recipe's: that of the loss and the inputs is what counts
    yield from check_gradient(group, probe, generic, batches[0], probe.step(generic, batches[0]), seed, few)
    if small(experiment):
        yield check_devices(group, probe, generic, batches[0])
    else:
        yield _devices_of_small_network(group, experiment, seed, batches[0])
    yield check_evaluation(group, experiment, specification, generic)


def _devices_of_small_network(group, experiment, seed, batch):
    """Compares devices with a small network: programs of a large one on two devices take minutes to compile."""
    replaced = with_stand_in(in_two_parts(experiment))
    probe = Probe(replaced)
    check = check_devices(group, probe, generic_state(probe.initial_state(seed), seed), batch)
    return dataclasses.replace(check, detail=REPLACED + check.detail)


def check_seeds(group: Group, state: TrainState, other: TrainState) -> Check:
    """Checks that the initial parameters of two seeds differ, except for those that are constant."""
    pairs = zip(jax.tree.leaves(state.params), jax.tree.leaves(other.params), strict=True)
    same = [np.array_equal(one, two) for one, two in pairs if np.ptp(one)]
    detail = f"{len(same) - sum(same)} of {len(same)} parameters that are not constant differ between two seeds"
    return group.check("seeds", not any(same), detail)
