"""Lists the recipes: network, data, length, and the result that a converged run reaches.

    python -m zoo.recipes
    python -m zoo.recipes '*imagenette'
    python -m zoo.recipes --json

A recipe without a target has to beat the majority-class baseline. Its file in recipes/ describes it.

Exit status: 0, or 2 if no recipe matches.
"""

from absl import flags

from zoo import cli
from zoo.listings import define_list_flags, print_recipes

FLAGS = flags.FlagValues()
define_list_flags(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Prints the list; returns 0."""
    print_recipes(args.filter, as_json=args.json)
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS, positional="filter", huge_pages=False)
