"""The flags by which programs choose a classifier: a run folder, or a weight file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from zoo.errors import ZooError, printable

if TYPE_CHECKING:
    from zoo.inference.classifier import Classifier

MAX_NAMES_BYTES = 64 * 2**20  # of a file of class names


def define_classifier_flags(flag_values: flags.FlagValues, layout: str = "layout") -> None:
    """Defines the flags that `read_classifier` reads; `layout` is the name of the flag for the layout of a file."""
    for name, text in (
        ("workdir", "Folder of a run, or a folder that zoo.export wrote."),
        ("weights", "Weight file, instead of --workdir: .safetensors, .npz, .pth or .h5."),
        ("model", "Name of the network of --weights, see python -m zoo.models."),
        (layout, "Layout of --weights: torchvision, timm, keras, torch or zoo. Default: found from the file."),
        ("classes", "File with the class names of --weights, a line each. Default: ImageNet's for 1,000 classes."),
    ):
        flags.DEFINE_string(name, None, text, flag_values=flag_values)


def read_classifier(
    flag_values: flags.FlagValues, on_damaged: Callable[[str], None], layout: str = "layout"
) -> "Classifier":
    """Loads the classifier that the flags select.

    Args:
      flag_values: with the flags of `define_classifier_flags`.
      on_damaged: called with a line about each damaged checkpoint of a run that is skipped.
      layout: the name of the flag for the layout of a file.

    Raises:
      ZooError: the flags do not go together, or the classifier cannot be loaded.
    """
    if bool(flag_values.workdir) == bool(flag_values.weights):
        raise ZooError("give either --workdir=FOLDER, or --weights=FILE and --model=NAME")
    if flag_values.workdir:
        if given := [name for name in ("model", layout, "classes") if flag_values[name].value is not None]:
            raise ZooError(f"--{given[0]} is for --weights: a run knows its own")
        if not Path(flag_values.workdir).expanduser().is_dir():
            raise ZooError(f"--workdir={printable(flag_values.workdir)}: folder not found")
    # Imports JAX, which takes a second; errors above come at once.
    from zoo.inference.loading import load_classifier

    if flag_values.workdir:
        return load_classifier(flag_values.workdir, on_damaged=on_damaged)
    return load_classifier(
        flag_values.weights,
        model=flag_values.model,
        layout=flag_values[layout].value,
        class_names=_class_names(flag_values.classes),
    )


def _class_names(path: str | None) -> list[str] | None:
    if path is None:
        return None
    from zoo.files import check_file, expand

    check_file(expand(path), MAX_NAMES_BYTES)
    try:
        return expand(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise ZooError(f"--classes={printable(path)}: not a text file in UTF-8") from None
