"""Classifies images, or the rows of a table, with a trained network.

    python -m zoo.predict --workdir=runs/flowers photo.jpg folder/
    python -m zoo.predict --workdir=runs/flowers photo.jpg --top=3 --json
    python -m zoo.predict --workdir=runs/iris new-flowers.csv --csv
    python -m zoo.predict --model=efficientnet_lite0 --weights=efficientnet-lite0.pth photo.jpg

A folder means all images below it. Images are prepared as in the evaluation of the run; with published weights, as
their framework evaluates them. A file or folder that zoo.export wrote needs no --model.

Exit status: 0; 1 if an image cannot be decoded, which is named on standard error, while all others are classified; or 2
if the command, the network or a path cannot be used.
"""

import csv
import json
import math
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from absl import flags

from zoo import cli, streams
from zoo.inference.flags import define_classifier_flags, read_classifier

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.inference.classifier import Prediction

FLAGS = flags.FlagValues()
define_classifier_flags(FLAGS)
flags.DEFINE_multi_string(
    "images",
    [],
    "Images, folders of images, or a .csv file for a network of features; also without the name of this flag.",
    flag_values=FLAGS,
)
cli.define_integer("top", 5, "Number of classes to print.", lower_bound=1, flag_values=FLAGS)
cli.define_integer("batch_size", 32, "Number of images that are computed together.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_bool("json", False, "Print a JSON object for each image, a line each.", flag_values=FLAGS)
flags.DEFINE_bool("csv", False, "Print a CSV table with a line for each image.", flag_values=FLAGS)
cli.define_jax_flags(FLAGS)
cli.define_convolution_flag(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Classifies and prints; returns 0, or 1 if an image cannot be decoded."""
    from rich.markup import escape
    from rich.progress import MofNCompleteColumn, Progress

    from zoo.errors import ZooError, printable

    if not args.images:
        raise ZooError("nothing to classify: give the paths of images, folders or a .csv file")
    if args.json and args.csv:
        raise ZooError("give --json or --csv, not both")
    cli.set_up_jax(args)
    messages = streams.make_console(stderr=True)
    with cli.chosen_convolution(args):
        classifier = read_classifier(args, lambda text: messages.print(escape(printable(text)), soft_wrap=True))
        split = classifier.open(args.images)
        corrupt: list[object] = []
        name = streams.corrupt_printer(messages, "not classified", most=math.inf)
        columns = (*Progress.get_default_columns(), MofNCompleteColumn())
        bar = Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal)
        with bar as progress:
            task = progress.add_task("classifying", total=len(split))

            def on_corrupt(which):
                corrupt.append(which)
                progress.advance(task)
                name(which)

            def counted() -> Iterator["Prediction"]:
                for prediction in classifier.predictions(
                    split, args.top, batch_size=args.batch_size, on_corrupt=on_corrupt
                ):
                    yield prediction
                    progress.advance(task)

            if args.json:
                _print_json(counted())
            elif args.csv:
                _print_csv(counted(), min(args.top, len(classifier.class_names)))
            else:
                _print_table(counted(), streams.make_console())
    if corrupt:
        messages.print(f"{len(corrupt):,} of {len(split):,} images cannot be decoded", soft_wrap=True)
    return 1 if corrupt else 0


def _print_json(predictions):
    for prediction in predictions:
        best = [
            {"class": name, "probability": probability}
            for name, probability in zip(prediction.classes, prediction.probabilities, strict=True)
        ]
        print(json.dumps({"example": prediction.example, "predictions": best}), flush=True)


def _print_csv(predictions, top):
    from zoo.errors import printable

    writer = csv.writer(sys.stdout, lineterminator="\n")
    pairs = [(f"class_{place}", f"probability_{place}") for place in range(1, top + 1)]
    writer.writerow(["example", *(name for pair in pairs for name in pair)])
    for prediction in predictions:
        best = zip(map(printable, prediction.classes), prediction.probabilities, strict=True)
        writer.writerow([printable(prediction.example), *(value for pair in best for value in pair)])
        sys.stdout.flush()


def _print_table(predictions: Iterator["Prediction"], console: "Console") -> None:
    """Prints a line for each image with its path, and a line for each of its classes."""
    from rich.markup import escape

    from zoo.errors import printable

    for prediction in predictions:
        console.print(escape(printable(prediction.example)), style="bold", soft_wrap=True)
        for name, probability in zip(prediction.classes, prediction.probabilities, strict=True):
            console.print(f"  {100 * probability:6.2f}%  {escape(printable(name))}", soft_wrap=True)


if __name__ == "__main__":
    cli.run(main, FLAGS, positional="images")
