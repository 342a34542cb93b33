"""The report of a run: one page, `report.html`, made from the other files of its folder."""

from collections.abc import Callable

from zoo.errors import printable, reason
from zoo.training.run.files import RunFiles
from zoo.training.run.report.contents import read_contents
from zoo.training.run.report.page import page


def write_report(folder: RunFiles, note: Callable[[str], None]) -> None:
    """Writes `report.html` of a run that has ended in any way; a failure is noted, and does not fail the run."""
    try:
        # Without reports of damaged files, which were made when the run was resumed.
        folder.write_file("report.html", page(read_contents(RunFiles(folder.path))))
    except Exception as error:  # days of training must not end with an error for the sake of their report
        path = printable(folder.path / "report.html")
        note(f"{path} was not written: {type(error).__name__}: {reason(error)}; see python -m zoo.report")
