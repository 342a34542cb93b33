"""The flags that select and change a recipe, shared by the programs that take one."""

import dataclasses
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from zoo.errors import ZooError, ZooWarning, printable

if TYPE_CHECKING:
    from zoo.recipe import Recipe


def define_recipe_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags that `read_recipe` reads."""
    flags.DEFINE_string(
        "recipe", None, "Name of a recipe, path of a recipe file, or dotted module.", flag_values=flag_values
    )
    flags.DEFINE_string(
        "data",
        None,
        "Data to use instead of the recipe's: fashion_mnist, folder:PATH, tfds:NAME, csv:PATH or synthetic:NAME.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "weights",
        None,
        "Trained weights to start from: the folder of a run, or a weight file of the recipe's network, .safetensors,"
        " .npz, .pth or .h5, in any layout that the zoo knows.",
        flag_values=flag_values,
    )
    flags.DEFINE_multi_string(
        "set", [], "Override a field of the recipe, such as --set=schedule.peak=0.02.", flag_values=flag_values
    )


def read_recipe(flag_values: flags.FlagValues) -> tuple[str, "Recipe"]:
    """Returns a short name of the recipe that the flags select, and the recipe with their overrides.

    With --weights, `prepare_as_trained` completes it, once JAX is set up.

    Raises:
      ZooError: no recipe is given, there is no such recipe or no such weights, or an override is invalid.
    """
    from zoo.catalog import list_recipes, load_recipe
    from zoo.recipe.assignments import parse_changes

    if not flag_values.recipe:
        raise ZooError(f"missing --recipe=NAME, where NAME is one of {', '.join(list_recipes())}")
    recipe = load_recipe(flag_values.recipe)
    if flag_values.weights:
        recipe = _with_weights(recipe, flag_values.weights)
    changes = parse_changes(recipe, flag_values.set)
    if flag_values.data is not None:
        changes["data.source"] = flag_values.data
    if changes.get("data.source", recipe.data.source) != recipe.data.source and not any(
        path.partition(".")[0] == "target" for path in changes
    ):
        changes["target"] = None  # the target holds for the recipe's own data only
    return short_name(flag_values.recipe), recipe.override(changes)


def _with_weights(recipe, path):
    """Returns the recipe with other weights to start from; its target holds for the file that it names only."""
    from zoo.files import expand, sha256_of
    from zoo.recipe import Transfer

    transfer, source = recipe.transfer or Transfer(), expand(path)
    try:
        is_folder, exists = source.is_dir(), source.exists()
    except (OSError, ValueError):  # a name that no file can have
        is_folder = exists = False
    if not exists:
        raise ZooError(f"--weights={printable(path)}: there is no such file or folder")
    digest = None if is_folder else sha256_of(source)
    if digest is not None and digest == transfer.sha256:
        return recipe.override({"transfer.source": str(source)})
    changed = dataclasses.replace(transfer, source=str(source), sha256=digest, layout=None, num_classes=None)
    return recipe.override({"transfer": changed, "target": None})


def prepare_as_trained(flag_values: flags.FlagValues, recipe: "Recipe") -> "Recipe":
    """Returns the recipe, preparing images as the weights of --weights were trained, except for what --set changes.

    JAX must have been set up. Each change is reported in one line.

    Raises:
      ZooError: the weights cannot be read, or are not those of the recipe's network.
    """
    if not flag_values.weights:
        return recipe
    from zoo.training.pretrained import prepared_as_trained

    def is_set(path):
        given = [assignment.partition("=")[0] for assignment in flag_values.set]
        return any(f"{each}.".startswith(f"{path}.") or f"{path}.".startswith(f"{each}.") for each in given)

    changes = {path: value for path, value in prepared_as_trained(recipe).items() if not is_set(path)}
    for path, value in changes.items():
        warnings.warn(f"as the weights were trained: {path}={value}", ZooWarning, stacklevel=2)
    return recipe.override(changes)


def short_name(recipe_or_study: str) -> str:
    """Returns the last component of a name, a path or a dotted module."""
    return Path(recipe_or_study.removesuffix(".py")).name.rpartition(".")[2]
