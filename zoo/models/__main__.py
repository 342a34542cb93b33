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
from zoo.listings import define_list_flags, print_networks

FLAGS = flags.FlagValues()
define_list_flags(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Prints the list; returns 0."""
    print_networks(args.filter, as_json=args.json)
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS, positional="filter", huge_pages=False)
