"""The first steps of a run with the reference's seed, compared number by number with those of the reference.

Healthy runs of one seed agree on different processors, devices and lowerings until rounding has grown to a visible
difference. How fast it grows is measured when the reference is recorded, by moving inputs and parameters by a unit in
the last place, and by compiling with another lowering. Within the first steps, any change of data, order, keys,
initialization, network, loss or optimizer that matters shows.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from verification.check import Check, Group
from verification.ledger import data_name, fingerprint
from verification.step.evaluation import some_examples
from verification.step.probe import QUICK_WEIGHTS, Probe, small
from zoo import parallel
from zoo.catalog import list_recipes
from zoo.training.evaluation import evaluate_pipeline
from zoo.training.experiment import Experiment
from zoo.training.run.environment import environment

FOLDER = Path(__file__).parent / "values"
SEED = 0
STEPS = 8
# Smallest tolerance, relative: ten times what an Intel Xeon and an AMD EPYC differ by where rounding does not grow.
FLOOR = 1e-5
MARGIN = 10  # between the measured growth of rounding and the tolerance
USELESS = 0.03  # tolerances above this end the comparison
MAX_BYTES = 100_000  # of a file of reference values
MOVES = 3  # runs with moved inputs and parameters


class Trace(NamedTuple):
    """What is compared of a run's first steps.

    Attributes:
      steps: the loss and the length of the gradient of each step, [steps, 2].
      evaluations: the loss of the evaluation before the first and after the last step, of some evaluation examples.
      examples: number of examples of an evaluation.
    """

    steps: np.ndarray
    evaluations: tuple[float, float]
    examples: int


def trace(probe: Probe, seed: int = SEED, move: np.random.Generator | None = None, steps: int = STEPS) -> Trace:
    """Makes the first steps of a run.

    Args:
      probe: of an experiment.
      seed: of the run.
      move: moves inputs and initial parameters by about a unit in the last place; None for the run as it is.
      steps: number of steps, if the run has as many.
    """
    experiment, state = probe.experiment, probe.initial_state(seed)
    if move is not None:
        probe = probe.with_statistics(_moved_statistics(experiment.statistics, move))
        state = state.replace(params=jax.tree.map(lambda value: _moved(value, move), state.params))
    before = _evaluate(experiment, state)
    values = []
    for batch in probe.batches(seed, min(steps, experiment.total_steps)):
        outcome = probe.step(state, batch)
        squares = [float(np.vdot(leaf, leaf)) for leaf in outcome.gradient.values()]
        values.append((outcome.loss, np.sqrt(np.sum(squares))))
        state = outcome.state
    after = _evaluate(experiment, state)
    return Trace(np.array(values), (before["loss"], after["loss"]), before["examples"])


def _moved_statistics(statistics, random):
    scale = np.asarray(statistics.scale)
    return statistics._replace(scale=np.nextafter(scale, np.float32(np.inf) * random.choice([-1, 1])))


def _moved(value, random):
    return (value * (1 + 2.0**-24 * random.standard_normal(value.shape, np.float32))).astype(np.float32)


def _evaluate(experiment, state):
    pipeline = some_examples(experiment.eval_pipeline, experiment.input_shape)
    return evaluate_pipeline(
        experiment.eval_step,
        parallel.replicate(state.evaluated, experiment.mesh),
        experiment.constants(pipeline),
        pipeline,
        experiment.mesh,
        batch_size=experiment.recipe.budget.batch_size // experiment.recipe.budget.accumulation,
    )


def path_of(recipe_name: str, platform: str) -> Path:
    """Returns the path of the reference values of a recipe on a platform."""
    return FOLDER / f"{recipe_name}.{platform}.json"


def differences(found: Trace, expected: Trace) -> tuple[np.ndarray, np.ndarray]:
    """Returns the relative differences of each step [steps, 2], and of the losses of the evaluations [2]."""
    ours, theirs = np.array(found.evaluations), np.array(expected.evaluations)
    return np.abs(found.steps / expected.steps - 1), np.abs(ours / theirs - 1)


def make_reference(experiment: Experiment, variants: list[Trace]) -> dict[str, Any]:
    """Returns the reference values of an experiment, and the tolerances from the differences of `variants`."""
    probe = Probe(experiment)
    base = trace(probe)
    runs = [trace(probe, move=np.random.default_rng(number)) for number in range(MOVES)] + variants
    found = [differences(run, base) for run in runs]
    grown = np.maximum.accumulate(np.max([steps for steps, _ in found], axis=0), axis=0)
    # After the steps, parameters differ as much as those that the last losses were computed with.
    evaluations = np.max([(before, max(after, *of_steps[-1])) for of_steps, (before, after) in found], axis=0)
    recipe = experiment.recipe
    machine = environment()
    return {
        "fingerprint": fingerprint(recipe),
        "data": data_name(experiment.dataset.spec),
        "seed": SEED,
        "batch_size": probe.batch_size,
        "loss": base.steps[:, 0].tolist(),
        "grad_norm": base.steps[:, 1].tolist(),
        "evaluation_loss": list(base.evaluations),
        "examples": base.examples,
        "tolerance": {
            "loss": _tolerances(grown[:, 0]),
            "grad_norm": _tolerances(grown[:, 1]),
            "evaluation_loss": _tolerances(evaluations),
        },
        "environment": {name: machine[name] for name in ("versions", "device", "processor", "convolution")},
    }


def _tolerances(grown):
    return [float(f"{max(FLOOR, MARGIN * value):.2g}") for value in grown]


def check_fingerprint(recipe_name: str, probe: Probe, platform: str, *, thorough: bool = True) -> Iterator[Check]:
    """Compares the first steps of the probe's experiment with the reference's.

    Args:
      recipe_name: of the reference.
      probe: of the experiment.
      platform: "cpu", "gpu" or "tpu".
      thorough: whether to compile the steps of a large network.
    """
    group, path = Group(recipe_name, "fingerprint"), path_of(recipe_name, platform)
    if not path.exists():
        command = f"; record them with python -m verification.fingerprint --recipe={recipe_name}"
        known = recipe_name in list_recipes()
        yield group.skip("first steps", f"no reference values on {platform}" + (command if known else ""))
        return
    known = json.loads(path.read_bytes()[:MAX_BYTES])
    if not thorough and not small(probe.experiment, QUICK_WEIGHTS):
        yield group.skip("first steps", "compiling a larger network's step is part of --tier=full")
        return
    if reason := _other(known, probe):
        yield group.skip("first steps", reason)
        return
    tolerance = known["tolerance"]
    allowed, allowed_after = np.column_stack([tolerance["loss"], tolerance["grad_norm"]]), tolerance["evaluation_loss"]
    useful = allowed < USELESS
    # Steps after the last value that is compared would show nothing.
    count = len(useful) if allowed_after[1] < USELESS else 1 + int(np.argwhere(useful)[:, 0].max())
    useful, allowed = useful[:count], allowed[:count]
    found = trace(probe, known["seed"], steps=count)
    expected = Trace(
        np.column_stack([known["loss"], known["grad_norm"]])[:count],
        tuple(known["evaluation_loss"]),
        known["examples"],
    )
    off, of_evaluations = differences(found, expected)
    problems = [
        f"{('the loss', 'the length of the gradient')[what]} of step {step + 1} is {found.steps[step, what]:.7g}, the"
        f" reference's {expected.steps[step, what]:.7g}: relative difference {off[step, what]:.1e}, of healthy runs"
        f" less than {allowed[step, what]:.1e}"
        for step, what in np.argwhere(~(off <= allowed) & useful)[:1]
    ]
    detail = (
        f"losses of {useful[:, 0].sum()} and gradients of {useful[:, 1].sum()} steps with the reference's seed agree to"
        f" {off[useful].max():.1e}, tolerance {allowed[0].max():.0e} to {allowed[useful].max():.0e}"
    )
    figures = {"value": float(off[useful].max()), "high": float(allowed[useful].max()), "n": len(found.steps)}
    yield group.check("first steps", not problems, "; ".join(problems) or detail, figures)
    yield _check_evaluations(group, found, expected, of_evaluations, np.array(allowed_after))


def _check_evaluations(group, found, expected, off, allowed):
    when = ("before the first step", f"after {len(found.steps)} steps")
    if found.examples != expected.examples:
        return group.check(
            "evaluations", False, f"{found.examples} examples were evaluated, the reference's {expected.examples}"
        )
    compared = allowed < USELESS
    for place in np.argwhere(compared & ~(off <= allowed))[:1, 0]:
        values = f"{found.evaluations[place]:.7g}, the reference's {expected.evaluations[place]:.7g}"
        bound = f"healthy runs differ by less than {allowed[place]:.1e}"
        return group.check("evaluations", False, f"the loss of the evaluation {when[place]} is {values}: {bound}")
    moments = " and ".join(np.array(when)[compared])
    return group.check(
        "evaluations",
        True,
        f"losses of {found.examples} examples {moments} agree to {off[compared].max():.1e}, tolerance"
        f" {allowed[compared].max():.0e}",
    )


def _other(known, probe):
    """Returns why reference values do not apply to an experiment; None if they do."""
    experiment = probe.experiment
    if known["fingerprint"] != fingerprint(experiment.recipe):
        return "the recipe has changed since its reference values were recorded; record them again"
    if known["data"] != data_name(experiment.dataset.spec):
        return f"the reference values are for {known['data']}, this run uses {data_name(experiment.dataset.spec)}"
    if known["batch_size"] != probe.batch_size:
        return "the reference values are for another batch size of these checks; record them again"
    return None
