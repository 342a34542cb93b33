"""The table of studies: the question of each, and its answer."""

from verification.publish.markdown import escape, table
from zoo.catalog import list_studies, load_study


def table_of_studies() -> str:
    """Returns the Markdown table of the studies that ship with the zoo, with links to their results."""
    rows = []
    for name in list_studies():
        study = load_study(name)
        rows.append((f"[{escape(study.title)}](studies/{name}/table.md)", f"`{name}`", escape(study.conclusion)))
    return table(("study", "name", "result"), rows)
