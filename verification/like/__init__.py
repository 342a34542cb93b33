"""`verification.check`: comparison of a network, a recipe or a data set of one's own with a reference recipe.

Checks end with a sentence about the first difference. Those of a network with the same weights come first (layers,
activations, gradients), then the recipe's fields or the data, then those of every recipe, and last a run against the
bands of the reference runs.
"""

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import flax.linen as nn

import zoo.data.sources
from verification import SEED
from verification.check import Check, Group
from verification.devices import mesh_of_runs
from verification.like.data import check_data, is_other_data
from verification.like.network import check_network
from verification.like.training import check_run, with_paths_of
from verification.like.weights import pair_variables
from verification.suite import OF_EXPERIMENT, Prepared, check_experiment
from zoo.catalog import list_recipes, load_recipe
from zoo.data.dataset import Dataset
from zoo.differences import differing_fields, nearest_recipe
from zoo.errors import DataNotPrepared, ZooError, shown, unknown
from zoo.inspect.layers import trace
from zoo.models.registry import create_model, list_models
from zoo.recipe import Recipe
from zoo.training.prepare import prepare
from zoo.training.tracking import Tracker

# Checks that do not read a ledger: those of the recipe's own experiment, before its run.
BEFORE_TRAINING = tuple(group for group in OF_EXPERIMENT if group not in ("fingerprint", "convergence"))


@dataclasses.dataclass(frozen=True, repr=False)
class Result:
    """The result of a comparison.

    Attributes:
      subject: what was tested.
      like: name of the reference.
      checks: all checks, in the order in which they ran.
    """

    subject: str
    like: str
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Literal["pass", "fail", "undecided"]:
        """ "fail" if a check failed, else "undecided" if one is, else "pass"."""
        statuses = {check.status for check in self.checks}
        return "fail" if "fail" in statuses else "undecided" if "undecided" in statuses else "pass"

    @property
    def first_difference(self) -> str | None:
        """The sentence of the first check that failed; None if none did."""
        failed = [check for check in self.checks if check.status == "fail"]
        return f"{failed[0].group}, {failed[0].name}: {failed[0].detail}" if failed else None

    def __str__(self) -> str:
        lines = [f"{self.subject} like {self.like}: {self.verdict}"]
        if self.first_difference:
            lines.append(f"first difference: {self.first_difference}")
        lines += [f"{check.status:9} {check.group}, {check.name}: {check.detail}" for check in self.checks]
        return "\n".join(lines)

    __repr__ = __str__  # as a notebook shows it


def check(
    subject: nn.Module | type[nn.Module] | Recipe | Dataset | str | None = None,
    like: str | None = None,
    *,
    model: nn.Module | type[nn.Module] | None = None,
    dataset: Dataset | str | None = None,
    tier: Literal["quick", "full"] = "quick",
    seed: int = SEED,
    trackers: Sequence[Tracker] = (),
    on_check: Callable[[Check], None] = lambda check: None,
) -> Result:
    """Compares something of one's own with a built-in recipe, and names the first difference.

    Args:
      subject: a Flax module or its class, called as `module(images, train=False)`; a recipe, or the path of a recipe
        file; or a data set. None with `model` or `dataset` alone.
      like: name of the built-in recipe to compare with. For a module also the name of a network without a recipe, which
        is not trained then. None for the built-in recipe that is nearest to a recipe.
      model: a module of one's own that a recipe or data set is trained with.
      dataset: a data set of one's own, or its location such as "folder:flowers", that a module or recipe is trained on.
      tier: "quick" trains as many steps as the reference makes in 20 s; "full" trains the whole run.
      seed: of the run.
      trackers: trackers of that run.
      on_check: called with each check when it is done.

    Raises:
      ZooError: `like` is unknown or missing, or the subject is none of these.
    """
    if tier not in ("quick", "full"):
        raise ZooError(f"check: unknown tier {shown(tier)}: expected quick or full")
    name = Path(subject).stem if isinstance(subject, str) else None
    subject, model, dataset = _sort(subject, model, dataset)
    if like is None:
        like = nearest_recipe(subject) if subject else None
        if like is None:
            names = ", ".join(list_recipes()[:3])
            raise ZooError(f"check: like is missing: name the built-in recipe to compare with, such as {names}")
    if like not in list_recipes() and not (like in list_models() and subject is None and dataset is None):
        raise unknown("recipe to compare with", like, list_recipes())
    name = name or _name(subject, model, dataset)
    checks = []
    for found in _checks(name, like, subject, model, dataset, tier, seed, trackers):
        on_check(found)
        checks.append(found)
    return Result(name, like, tuple(checks))


def _sort(subject, model, dataset) -> tuple[Recipe | None, nn.Module | type[nn.Module] | None, Any]:
    """Returns the recipe, the module and the data set among the arguments, None for those that are not given."""
    recipe = None
    if isinstance(subject, str):
        recipe = load_recipe(subject)
    elif isinstance(subject, Recipe):
        recipe = subject
    elif isinstance(subject, Dataset) and dataset is None:
        dataset = subject
    elif _is_module(subject) and model is None:
        model = subject
    elif subject is not None or (model is None and dataset is None):
        raise ZooError(
            "check: expected one Flax module, recipe or data set, or the path of a recipe file, and further ones as"
            f" model=... and dataset=...; got {shown(subject)}"
        )
    if model is not None and not _is_module(model):
        raise ZooError(f"check: model must be a Flax module or its class, not {shown(model)}")
    if not isinstance(dataset, Dataset | str | None):
        raise ZooError(f"check: dataset must be a data set or its location, not {shown(dataset)}")
    return recipe, model, dataset


def _is_module(value):
    return isinstance(value, nn.Module) or (inspect.isclass(value) and issubclass(value, nn.Module))


def _name(recipe, model, dataset):
    if model is not None:
        return model.__name__ if inspect.isclass(model) else type(model).__name__
    if recipe is not None:
        return f"recipe for {recipe.model.name}"
    return dataset if isinstance(dataset, str) else dataset.spec


def _instance(model, num_classes: int | None) -> nn.Module:
    """Returns a module of a class, or a copy of one, with this number of logits if it has a field for them."""
    fields = {field.name for field in dataclasses.fields(model)}
    given = {"num_classes": num_classes} if num_classes is not None and "num_classes" in fields else {}
    try:
        return model(**given) if inspect.isclass(model) else model.clone(**given)
    except TypeError as error:
        raise ZooError(f"check: {model.__name__}() cannot be created: {error}; pass an instance") from None


def _checks(name, like, recipe, model, dataset, tier, seed, trackers) -> Iterator[Check]:
    """Yields all checks, cheapest first."""
    if model is not None:
        known = load_recipe(like) if like in list_recipes() else None
        network, initialization = (known.model.name, known.initialization) if known else (like, None)
        found = list(check_network(name, _instance(model, None), network, initialization))
        yield from found
        if any(each.name in ("layers", "run") and each.status == "fail" for each in found):
            yield Group(name, "convergence").skip("bands", "not trained: the network is another one")
            return
    if like not in list_recipes():
        yield Group(name, "convergence").skip(
            "bands", f"not trained: {like} is a network without a recipe of that name"
        )
        return
    reference = load_recipe(like)
    if recipe is not None:
        but = ("data.source",) if dataset is not None else ()
        fields = differing_fields(recipe, reference, but)
        detail = f"{len(fields)} fields differ: " if len(fields) > 1 else ""
        fine = f"all fields that influence training are those of {like}"
        yield Group(name, "recipe").check("fields", not fields, detail + "; ".join(fields) if fields else fine)
    yield from _train(name, like, reference, recipe or reference, model, dataset, tier, seed, trackers)


def _train(name, like, reference, recipe, model, dataset, tier, seed, trackers) -> Iterator[Check]:
    """Yields the checks of the data, of the prepared experiment and of its run."""
    bands, own = Group(name, "convergence"), None
    try:
        own = zoo.data.sources.open_data(recipe.data, dataset) if isinstance(dataset, str | None) else dataset
        if dataset is not None:
            usual = zoo.data.sources.open_data(reference.data)
            yield from check_data(name, own, usual)
            if other := is_other_data(own, usual):
                yield bands.undecided("bands", f"{other}: the bands of {like} do not hold for other data")
                tier = "none"
        module = None
        if model is not None:
            module, recipe = _for_training(model, recipe, own)
        experiment = prepare(recipe, own, model=module, mesh=mesh_of_runs())
    except DataNotPrepared as error:
        yield bands.undecided("bands", f"not run here: {error}")
        return
    except ZooError as error:
        if isinstance(dataset, str) and own is None:  # what the user named cannot be read
            raise
        yield Group(name, "traces").check("preparation", False, str(error))
        return
    under = Prepared(name, experiment, seed, trackers, thorough=tier == "full", own_network=model is not None)
    yield from check_experiment(under, BEFORE_TRAINING)
    if tier != "none":
        yield from check_run(name, experiment, like, reference, seed, tier, trackers)


def _for_training(model, recipe, dataset) -> tuple[nn.Module, Recipe]:
    """Returns the module for a data set, and the recipe with the module's names of parameters."""
    module = _instance(model, len(dataset.class_names))
    ours = create_model(recipe.model.name, len(dataset.class_names), **recipe.model.options)
    shape = prepare(recipe, dataset, decode_ahead=False).input_shape
    pairs = pair_variables(trace(module, shape), trace(ours, shape))
    return module, with_paths_of(recipe, pairs) if pairs else recipe
