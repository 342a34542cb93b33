"""Writes report.html of a run again, from the other files in its folder, without training or evaluating.

    python -m zoo.report runs/mine

A run writes it at its end, also if it diverges or is interrupted. This program is for a run that was killed or is still
training, and for a folder that has changed, such as by a diagnosis.

Exit status: 0, or 2 if the folder is not that of a run, or cannot be written.
"""

from absl import flags

from zoo import cli, streams
from zoo.errors import ZooError, printable

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "workdir", None, "Folder of a run; the same as an argument without a name, such as runs/mine.", flag_values=FLAGS
)


def main(args: flags.FlagValues) -> int:
    """Writes the report, and prints where it is; returns 0."""
    if not args.workdir:
        raise ZooError("missing the folder of a run, such as runs/mine")
    from rich.markup import escape

    from zoo.training.run.files import RunFiles
    from zoo.training.run.report.contents import read_contents
    from zoo.training.run.report.page import page

    console = streams.make_console(stderr=True)
    folder = RunFiles(args.workdir, lambda text: console.print(escape(printable(text)), soft_wrap=True))
    contents = read_contents(folder)
    streams.check_output("report", folder.path / "report.html")
    folder.write_file("report.html", page(contents))
    print(printable(folder.path / "report.html"))
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS, positional="workdir")
