"""Exports a trained network to a format of other programs, and checks what was written.

    python -m zoo.export --workdir=runs/flowers --format=stablehlo --output=flowers.stablehlo
    python -m zoo.export --workdir=runs/flowers --format=onnx --output=flowers.onnx
    python -m zoo.export --workdir=runs/flowers --format=safetensors --layout=torchvision --output=flowers.safetensors
    python -m zoo.export --workdir=runs/flowers --format=huggingface --output=flowers
    python -m zoo.export --model=resnet18 --weights=resnet18.pth --format=onnx --output=resnet18.onnx

stablehlo and onnx are programs with their weights, for any number of images. Unless --input=normalized is given they
take uint8 images from 0 to 255 after resize and crop, [N, height, width, channels], and normalize them themselves; a
JSON file beside the program (stablehlo) or its metadata (onnx) says how images are resized and names the classes.
safetensors are the weights alone, huggingface a folder of weights, configuration, preprocessing and model card;
zoo.predict reads both.

What was written is loaded again, and its logits on real images are compared with those of the network. The file
appears under its name only if they agree.

Exit status: 0; 1 if the logits differ, and nothing is written; or 2 if the command, the network or the output cannot be
used.
"""

import contextlib
import json
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from absl import flags

from zoo import cli, streams
from zoo.errors import ExportDiffers, ZooError, printable
from zoo.inference.flags import define_classifier_flags, read_classifier

if TYPE_CHECKING:
    from rich.console import Console

FORMATS = ["stablehlo", "onnx", "safetensors", "huggingface"]

FLAGS = flags.FlagValues()
define_classifier_flags(FLAGS, layout="weights_layout")
flags.DEFINE_enum("format", None, FORMATS, "What to write.", flag_values=FLAGS)
flags.DEFINE_string("output", None, "File to write; for huggingface, the folder.", flag_values=FLAGS)
flags.DEFINE_string(
    "layout",
    "zoo",
    "Names and axes of the weights of safetensors and huggingface: torchvision, timm, keras, torch or zoo.",
    flag_values=FLAGS,
)
flags.DEFINE_enum("input", "raw", ["raw", "normalized"], "What stablehlo and onnx take, see above.", flag_values=FLAGS)
flags.DEFINE_multi_string(
    "check",
    [],
    "Images, folders, or a .csv file to compare logits on. Default: some of the run's evaluation data if it is"
    " available, else images of Fashion-MNIST.",
    flag_values=FLAGS,
)
flags.DEFINE_bool("overwrite", False, "Replace the output if it exists.", flag_values=FLAGS)
flags.DEFINE_bool("json", False, "Print a JSON object about what was written.", flag_values=FLAGS)
cli.define_jax_flags(FLAGS)


def main(args: flags.FlagValues) -> int:
    """Exports, checks and prints; returns 0, or 1 if the exported logits differ."""
    from rich.markup import escape

    if args.format is None:
        raise ZooError(f"missing --format=NAME, where NAME is one of {', '.join(FORMATS)}")
    if not args.output:
        raise ZooError("missing --output=PATH")
    console = streams.make_console(stderr=args.json)
    messages = streams.make_console(stderr=True)

    def say(text):
        console.print(escape(printable(text)), soft_wrap=True)

    cli.set_up_jax(args)
    with _status(messages, "loading the network"):
        classifier = read_classifier(
            args, lambda text: messages.print(escape(printable(text)), soft_wrap=True), layout="weights_layout"
        )
    from zoo.inference.export import export

    with _status(messages, f"writing and checking {args.format}"):
        try:
            done = export(
                classifier,
                args.output,
                args.format,
                layout=args.layout,
                input=args.input,
                check=args.check or None,
                overwrite=args.overwrite,
            )
        except ExportDiffers as error:
            messages.print(escape(printable(error)), soft_wrap=True)
            return 1
    if args.json:
        content = {**done.check._asdict(), "passed": done.check.passed, "paths": [str(path) for path in done.paths]}
        print(json.dumps(content))
        return 0
    say(f"wrote {', '.join(str(path) for path in done.paths)}")
    if done.program is not None:
        say(f"input: {done.program.dtype.name} [N, {', '.join(map(str, done.program.shape))}], {done.program.meaning}")
    say(f"checked: {done.check}")
    return 0


def _status(console: "Console", text: str) -> AbstractContextManager[object]:
    return console.status(text) if console.is_terminal else contextlib.nullcontext()


if __name__ == "__main__":
    cli.run(main, FLAGS)
