"""Measures reference numbers of Keras networks for third_party/references/keras; requires Keras with the JAX backend.

KERAS_BACKEND=jax python -m verification.references.keras_numbers --model=xception --gain=2.0
"""

import json
import platform
from typing import Any

import jax
import numpy as np
from absl import flags

from verification.architecture.keras_numbers import KERAS_REFERENCES, regenerated_variable
from verification.architecture.numbers import regenerated_input
from zoo import cli
from zoo.benchmark.keras_side import KERAS
from zoo.errors import ZooError, unknown
from zoo.extras import install_command
from zoo.models.registry import find_entry, list_models

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string("model", [], "Name of a network of the zoo with the layout 'keras'.", flag_values=FLAGS)
flags.DEFINE_float(
    "gain",
    2.0,
    "Variance of the weights times fan-in, chosen so that logits neither vanish nor explode.",
    flag_values=FLAGS,
)

NAMES = {**KERAS, "convnext_small": "ConvNeXtSmall", "convnext_base": "ConvNeXtBase"}


def make_reference(model_name: str, gain: float) -> dict[str, Any]:
    """Returns names and shapes of all variables, and float64 logits, in the form of third_party/references/README.md.

    Raises:
      ZooError: Keras is not installed or does not have this network.
    """
    try:
        import keras
    except ImportError:
        raise ZooError(
            f"Keras is not installed: {install_command('bench', 'keras')}, and set KERAS_BACKEND=jax"
        ) from None
    known = [name for name in list_models() if "keras" in find_entry(name).layouts]
    if model_name not in known:
        raise unknown("network with a Keras layout", model_name, known)
    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    keras.utils.clear_session()  # variable names contain counters
    arguments = {"weights": None, "classifier_activation": None}
    if model_name.startswith("convnext"):
        arguments["include_preprocessing"] = False
    network = getattr(keras.applications, NAMES[model_name])(**arguments)
    for variable in network.weights:
        variable.assign(regenerated_variable(variable.path, tuple(variable.shape), gain))
    size = network.input_shape[1]
    logits = np.asarray(network(regenerated_input((size, size, 3)).astype(np.float64), training=False))
    return {
        "model": NAMES[model_name],
        "builder": f"keras.applications.{NAMES[model_name]}",
        "kwargs": arguments,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "jax": jax.__version__,
            "keras": keras.__version__,
        },
        "input_nhwc": [1, size, size, 3],
        "gain": gain,
        "variables": [[variable.path, list(variable.shape)] for variable in network.weights],
        "logit_std": float(logits.std()),
        "rel_diff_between_images": float(np.abs(logits[0] - logits[1]).mean() / logits.std()),
        "outputs_f64": {"logits": [[float(f"{value:.9g}") for value in row] for row in logits]},
    }


def main(args: flags.FlagValues) -> int:
    """Writes the reference file of each network."""
    if not args.model:
        raise ZooError("missing --model=NAME")
    for name in args.model:
        path = KERAS_REFERENCES / f"{name}.json"
        path.write_text(json.dumps(make_reference(name, args.gain)) + "\n", encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
