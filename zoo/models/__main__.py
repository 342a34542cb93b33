"""Lists the networks: year, paper, parameters, multiply-adds, and the recipes that train them.

    python -m zoo.models
    python -m zoo.models 'resnet*'
    python -m zoo.models --json

Multiply-adds (MACs) are those of convolutions and linear layers, for one image of the input that is listed.
`python -m zoo.summarize --model=NAME` prints the layers of a network.

Exit status: 0, or 2 if no network matches.
"""

from absl import flags

from zoo import cli
from zoo.listings import print_networks

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
    print_networks(args.filter, as_json=args.json)
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS, positional="filter", huge_pages=False)
