"""Comparison with a reference recipe: layers of the network that differ, and fields whose values can be swapped."""

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax

from zoo.catalog import load_recipe
from zoo.doctor.adapters.recipe_program import RecipeProgram
from zoo.doctor.evidence import Suspicion
from zoo.doctor.program import Program, can
from zoo.doctor.session import Session
from zoo.errors import ZooError
from zoo.inspect import layer_pairs, layers
from zoo.models.registry import create_model, find_entry
from zoo.recipe import Recipe

SURE = 8.0  # score of an exact test
SHOWN = 5  # differences of layers that are named
# Fields of a recipe that one cause is about, with the causes of a value that is too large or too small.
FIELDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("inputs_unscaled", ("normalization",)),
    ("learning_rate_high", ("schedule.peak",)),
    ("schedule", ("schedule",)),
    ("optimizer_settings", ("optimizer", "clipping")),
    ("regularization_strong", ("regularization", "augmentation.mixing")),
    ("initialization_scale", ("initialization",)),
    ("augmentation_too_strong", ("augmentation.train",)),
    ("loss_kind", ("loss",)),
    ("batch_size", ("budget.batch_size",)),
)


def suspicions(session: Session) -> Iterator[Suspicion]:
    """Yields what differs from the session's reference; nothing without a reference."""
    if session.like is None:
        return
    reference = load_recipe(session.like)
    yield from _architecture(session.program, reference, session)
    if isinstance(session.program, RecipeProgram):
        yield from _fields(session.program, reference, session.like)


def _fields(program: RecipeProgram, reference: Recipe, like: str) -> Iterator[Suspicion]:
    """Yields a suspicion for each group of fields that differ and can be set to the reference's values."""
    for cause, paths in FIELDS:
        ours, theirs = ({path: _value(recipe, path) for path in paths} for recipe in (program.recipe, reference))
        changes = {path: value for path, value in theirs.items() if ours[path] != value}
        if not changes or (cause == "schedule" and _differs_in_peak_only(ours["schedule"], theirs["schedule"])):
            continue
        if cause == "learning_rate_high" and reference.schedule.peak > program.recipe.schedule.peak:
            cause = "learning_rate_low"
        if cause == "augmentation_too_strong" and _strength(program.recipe) < _strength(reference):
            cause = "augmentation_missing"
        try:
            program.recipe.override(changes)
        except ZooError:  # the reference's value is not for this data or network
            continue
        path, value = next(iter(changes.items()))
        shown = f"{path} is {_shown(ours[path])}, and {_shown(value)} in {like}"
        setting = f"--set='{path}={_shown(value)}'"
        yield Suspicion(cause, f"differs in {paths[0]}", -1.0, shown, path, remedy=setting, change={"fields": changes})


def _differs_in_peak_only(ours, theirs):
    return type(ours) is type(theirs) and dataclasses.replace(ours, peak=theirs.peak) == theirs


def _strength(recipe):
    """Returns the number of random transforms of training."""
    return sum(transform.random for transform in recipe.augmentation.train)


def _value(recipe, path):
    for name in path.split("."):
        recipe = getattr(recipe, name)
    return recipe


def _shown(value):
    return f"{value:g}" if isinstance(value, float) else str(value)


def _architecture(program: Program, reference: Recipe, session: Session) -> Iterator[Suspicion]:
    name = reference.model.name
    if isinstance(program, RecipeProgram):
        shape = find_entry(name).input_shape if name else program.experiment.input_shape
        if shape[-1] != program.experiment.input_shape[-1]:
            shape = program.experiment.input_shape
        found = differences(
            program.experiment.model, create_model(name, program.classes, **reference.model.options), shape
        )
    elif can(program, "parameters"):
        parameters = program.parameters(session.state)  # type: ignore[attr-defined]
        found = _differences_of_shapes(parameters, name, session.classes)
    else:
        return
    if not found:
        return
    more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    yield Suspicion(
        "wrong_architecture",
        "layers of the reference",
        SURE,
        f"the network differs from {name}: {'; '.join(found[:SHOWN])}{more}",
        found[0].split(":")[0],
        {"differences": found},
        f"the layers of {name}",
        f"change the network to {name}: {found[0]}",
        exact=True,
    )


def differences(model: nn.Module, reference: nn.Module, shape: tuple[int, ...]) -> list[str]:
    """Returns a sentence for each layer that a network lacks, has in addition, or has with other settings."""
    try:
        theirs, ours = (layers.trace(each, shape).layers for each in (model, reference))
    except ZooError as error:
        return [str(error)]
    wanted = {layer.type for layer in ours}
    theirs = tuple(layer for layer in theirs if layer.params or layer.stats or layer.type in wanted)
    matcher = difflib.SequenceMatcher(None, [_kind(each) for each in theirs], [_kind(each) for each in ours], False)
    found = []
    for operation, i1, i2, j1, j2 in matcher.get_opcodes():
        if operation == "equal":
            for yours, right in zip(theirs[i1:i2], ours[j1:j2], strict=True):
                if different := layer_pairs.difference_of_settings(yours, right):
                    found.append(f"{yours.name}: {different}")
            continue
        pairs = min(i2 - i1, j2 - j1) if operation == "replace" else 0
        for yours, right in zip(theirs[i1 : i1 + pairs], ours[j1 : j1 + pairs], strict=True):
            found.append(f"{yours.name}: {layers.describe(yours)}, the reference {layers.describe(right)}")
        found += [f"no {each.name} ({each.type})" for each in ours[j1 + pairs : j2]]
        found += [f"{each.name} ({layers.describe(each)}) is not in the reference" for each in theirs[i1 + pairs : i2]]
    return found


def _kind(layer):
    """Returns what layers are matched by: type and kernel; the first linear layer's input depends on all before."""
    kernels = [shape for shape in layer.params.values() if len(shape) > 1]
    kernel = max(kernels, key=len, default=())
    return layer.type, kernel if len(kernel) > 2 else kernel[-1:], len(layer.params)


def _differences_of_shapes(parameters: Mapping[str, Any], name: str, classes: int) -> list[str]:
    """Compares the sizes of kernels in order, which is all that is known of a network of another framework."""
    model = create_model(name, classes)
    shape = find_entry(name).input_shape
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0), jax.numpy.zeros((1, *shape)), train=False))
    ours = [sorted(leaf.shape) for leaf in jax.tree.leaves(variables["params"]) if len(leaf.shape) > 1]
    theirs = {path: sorted(value.shape) for path, value in parameters.items() if len(value.shape) > 1}
    missing = [shape for shape in ours if shape not in theirs.values()]
    other = {path: shape for path, shape in theirs.items() if shape not in ours}
    found = [f"{path}: a kernel of {layers.times(shape)}, which the reference lacks" for path, shape in other.items()]
    return found + [f"no kernel of {layers.times(shape)}" for shape in missing]
