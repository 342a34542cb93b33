"""Lists the recipes: network, data, length, and the result that a converged run reaches.

    python -m zoo.recipes
    python -m zoo.recipes '*imagenette'
    python -m zoo.recipes --json

A recipe without a target has to beat the majority-class baseline. Its file in recipes/ describes it.

Exit status: 0, or 2 if no recipe matches.
"""

from absl import flags

from zoo import cli
from zoo.listings import print_recipes

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "filter",
    "*",
    "Shell-style pattern of the names to list; the same as an argument without a name.",
    flag_values=FLAGS,
)
flags.DEFINE_bool("json", False, "Print JSON instead of a table.", flag_values=FLAGS)


def main(args: flags.FlagValues) -> int:
    """Prints the list; returns 0."""
    print_recipes(args.filter, as_json=args.json)
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS, positional="filter", huge_pages=False)
