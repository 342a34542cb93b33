"""All checks of a recipe, cheapest first."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax

import zoo.data.sources
from verification import SEED
from verification.architecture import check_architecture
from verification.check import Check, Group, NoClosedForm
from verification.convergence import MIN_RUNS, check_convergence, too_few_runs
from verification.convergence.first_steps import check_first_steps
from verification.devices import keep_programs, mesh_of_runs
from verification.fingerprint import check_fingerprint
from verification.initialization import check_initialization
from verification.ledger import read_first_steps, read_ledger, seconds
from verification.shared import recipes_before
from verification.step import check_step
from verification.step.probe import QUICK_WEIGHTS, Probe, small
from verification.synthetic_data import with_synthetic_data
from verification.traces import check_traces
from zoo.catalog import list_recipes, load_recipe
from zoo.differences import nearest_recipe
from zoo.errors import DataNotPrepared, WeightsMissing, ZooError
from zoo.recipe import Recipe
from zoo.training.experiment import Experiment
from zoo.training.prepare import prepare
from zoo.training.tracking import Tracker

QUICK_SECONDS = 10.0


@dataclass(frozen=True)
class Prepared:
    """An experiment under test.

    Attributes:
      subject: name of the recipe, or of what is tested in its place.
      experiment: the experiment.
      seed: seed of the run under test.
      trackers: trackers of that run.
      skipped: the check that is yielded instead of training; None to train.
      thorough: whether to make the more expensive checks of the step, see `check_step`.
      shown: by what they show, recipes that stand for this one, see `verification.shared`.
      own_network: whether the network is the user's: no source states the distributions that the recipe leaves to it.
    """

    subject: str
    experiment: Experiment
    seed: int = SEED
    trackers: Sequence[Tracker] = ()
    skipped: Check | None = None
    thorough: bool = True
    shown: Mapping[str, str] = dataclasses.field(default_factory=dict)
    own_network: bool = False

    @functools.cached_property
    def probe(self) -> Probe:
        """The training step with a recording optimizer, which several checks use."""
        return Probe(self.experiment)


def _starts(under: Prepared) -> Iterator[Check]:
    if by := under.shown.get("distributions"):
        yield Group(under.subject, "initialization").skip("distributions", f"shown by {by}; run it with --tier=full")
    else:
        loss = under.thorough or under.own_network or small(under.experiment, QUICK_WEIGHTS)
        yield from check_initialization(
            under.subject, under.experiment, under.seed, own_network=under.own_network, loss=loss
        )


def _converges(under: Prepared) -> Iterator[Check]:
    name, experiment, platform = under.subject, under.experiment, jax.default_backend()
    if under.skipped:
        yield under.skipped
    elif runs := only_first_steps(name, experiment.recipe, platform):
        yield from check_first_steps(name, experiment, runs, under.seed, under.trackers)
    else:
        yield from check_convergence(name, experiment, platform, under.seed, under.trackers)


# The groups of checks of an experiment, in the order in which they run.
OF_EXPERIMENT: Mapping[str, Callable[[Prepared], Iterator[Check]]] = {
    "initialization": _starts,
    "traces": lambda under: check_traces(under.subject, under.experiment, under.shown),
    "step": lambda under: check_step(
        under.subject,
        under.experiment,
        under.probe,
        under.seed,
        thorough=under.thorough,
        shown=under.shown,
    ),
    "fingerprint": lambda under: check_fingerprint(
        under.subject, under.probe, jax.default_backend(), thorough=under.thorough
    ),
    "convergence": _converges,
}
GROUPS = ("architecture", *OF_EXPERIMENT)


def check_experiment(under: Prepared, groups: Sequence[str]) -> Iterator[Check]:
    """Yields the checks of an experiment that belong to the given groups, cheapest first."""
    for group, check in OF_EXPERIMENT.items():
        if group in groups:
            keep_programs()
            try:
                yield from check(under)
            except NoClosedForm as error:
                yield Group(under.subject, group).undecided("closed form", str(error))


def check_recipe(
    name: str,
    groups: Sequence[str] = GROUPS,
    seed: int = SEED,
    trackers: Sequence[Tracker] = (),
    tier: Literal["quick", "full"] = "full",
    data: str | None = None,
    on_prepared: Callable[[Experiment], None] = lambda experiment: None,
    beside: Sequence[str] = (),
    weights: str | None = None,
) -> Iterator[Check]:
    """Checks a recipe and its network.

    Args:
      name: name of the recipe.
      groups: the groups of checks to run.
      seed: seed of the run under test.
      trackers: trackers of that run.
      tier: "quick" trains only recipes that take less than `QUICK_SECONDS`.
      data: location of the data set, if it differs from the recipe's.
      on_prepared: called with the experiment before its checks, if it can be trained here and in this tier.
      beside: names of the recipes that are checked in the quick tier as well, in order; what they show before this one
        is not checked again, unless the recipe is trained.
      weights: the weights that the recipe starts from, if it does; None for those that it names. Without any, it is
        checked as if it trained from scratch, and not trained.

    Raises:
      ZooError: there is no recipe of this name, `data` cannot be read, or the recipe does not start from weights.
    """
    recipe = with_weights(load_recipe(name), weights)
    if "architecture" in groups:
        yield from check_architecture(recipe.model.name)
    if set(groups) <= {"architecture"}:
        return
    skipped, dataset = None, None
    try:
        recipe.check_weights_given()
    except WeightsMissing as error:
        recipe = recipe.override({"transfer": None})
        skipped = Group(name, "convergence").skip("target", f"not run here: {error}")
    try:
        try:
            dataset = zoo.data.sources.open_data(recipe.data, data)
            if tier == "quick" and not skipped:
                skipped = skip_training(name, recipe, jax.default_backend())
        except DataNotPrepared as error:
            if data is not None:
                raise
            recipe, dataset = with_synthetic_data(recipe)
            skipped = skipped or Group(name, "convergence").skip("target", f"not run here: {error}")
        if skipped and set(groups) <= {"architecture", "convergence"}:
            yield _with_advice(skipped, name, recipe)
            return
        trains = "convergence" in groups and not skipped
        experiment = prepare(recipe, dataset, mesh=mesh_of_runs(), decode_ahead=trains)
    except ZooError as error:
        if data is not None and dataset is None:  # what the user named cannot be read
            raise
        yield Group(name, "traces").check("preparation", False, str(error))
        return
    if not skipped:  # else its first steps may take minutes, or more memory than there is
        on_prepared(experiment)
    # What the quick tier trains is compiled for training anyway.
    thorough = tier == "full" or not skipped
    shown = {} if thorough else recipes_before(name, beside)
    under = Prepared(name, experiment, seed, trackers, skipped, thorough, shown)
    for check in check_experiment(under, groups):
        yield _with_advice(check, name, recipe)


def with_weights(recipe: Recipe, weights: str | None) -> Recipe:
    """Returns the recipe with the location of the weights that it starts from; unchanged for None.

    Raises:
      ZooError: the recipe does not start from weights.
    """
    if weights is None:
        return recipe
    if recipe.transfer is None:
        raise ZooError("--weights is for recipes that start from trained weights, which have `transfer`")
    return recipe.override({"transfer.source": weights})


def _with_advice(check: Check, name: str, recipe: Recipe) -> Check:
    """Returns a check that is undecided for want of reference runs, with what to compare a user's recipe with."""
    if check.status != "undecided" or name in list_recipes():
        return check
    near = nearest_recipe(recipe)
    advice = f"; compare with --like={near}, the nearest built-in recipe" if near else ""
    return dataclasses.replace(check, detail=check.detail + advice)


def only_first_steps(name: str, recipe: Recipe, platform: str) -> list[dict[str, Any]]:
    """Returns the ledger's runs of first steps, if there are enough of them for bands but too few complete runs."""
    partial = read_first_steps(name, recipe, platform)
    complete = read_ledger(name, recipe, platform)
    return partial if len(complete) < MIN_RUNS <= len(partial) else []


def skip_training(name: str, recipe: Recipe, platform: str) -> Check | None:
    """Returns the check that the quick tier yields instead of training; None if the recipe is quick enough."""
    group = Group(name, "convergence")
    runs = only_first_steps(name, recipe, platform) or read_ledger(name, recipe, platform)
    if len(runs) < MIN_RUNS:
        return group.undecided("bands", too_few_runs(name, runs, platform))
    if (took := seconds(runs, recipe)) > QUICK_SECONDS:
        return group.skip("target", f"takes {took:.0f} s; run it with --tier=full or --recipe={name}")
    return None
