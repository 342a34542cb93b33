"""The table of causes in docs/doctor.md."""

from zoo.doctor.causes import CAUSES


def table_of_causes() -> str:
    """Returns a Markdown table with a row for each cause that a diagnosis can name."""
    rows = [f"| `{name}` | {cause.name} | {cause.what} | {cause.remedy} |" for name, cause in CAUSES.items()]
    return "\n".join(
        ["| id | cause | what it is | remedy, if nothing more specific is known |", "|---|---|---|---|", *rows]
    )
