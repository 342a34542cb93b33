"""What a run predicts: results by class, and the mistakes that are worth looking at."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from zoo.errors import short
from zoo.page.elements import Markup, paragraph, scrolled, table, text
from zoo.page.values import value_text
from zoo.training.run.report.contents import is_finite

MOST_CLASSES = 12  # for which the whole confusion matrix is shown
MOST_ROWS = 12  # of confused pairs, and of classes with the lowest recall
MOST_NAME = 40  # characters of a class name
MOST_FILE = 60  # characters of a file name
TITLES = {"worst": "Highest loss", "confident": "Most confident"}


def by_class(found: Mapping[str, Any]) -> list[str]:
    """Returns tables of the recall and the predictions of each class; nothing before the first evaluation."""
    if "classes" not in found or "recall" not in found:
        return []
    names = [short(name, MOST_NAME) for name in found["classes"]]
    confusion = found.get("confusion")
    if confusion is not None and len(names) <= MOST_CLASSES:
        return [_matrix(names, found["recall"], confusion)]
    known = [(recall, name) for recall, name in zip(found["recall"], names, strict=True) if recall is not None]
    lowest = sorted(known)[:MOST_ROWS]
    parts: list[str] = [table(("lowest recall", "recall"), [(name, f"{recall:.4f}") for recall, name in lowest])]
    if confusion is not None:
        parts.append(table(("class", "predicted as", "examples", "of the class"), _pairs(names, confusion)))
    return parts


def _matrix(names, recall, confusion):
    """Returns the confusion matrix, with cells as dark as their fraction of the class."""
    head = "".join(f'<th scope="col" class="tilted"><span>{text(name)}</span></th>' for name in names)
    rows = []
    for place, (name, fraction, counts) in enumerate(zip(names, recall, confusion, strict=True)):
        total = max(sum(counts), 1)
        cells = "".join(
            f'<td class="{"right" if other == place else "wrong"}" style="--share:{100 * count / total:.0f}%">'
            f"{f'{count:,}' if count else '·'}</td>"
            for other, count in enumerate(counts)
        )
        share = "-" if fraction is None else f"{fraction:.4f}"
        rows.append(f'<tr><th scope="row">{text(name)}</th>{cells}<td class="recall">{share}</td></tr>\n')
    return Markup(
        scrolled(
            f'<table class="matrix">\n<thead><tr><th scope="col">class</th>{head}<th scope="col" class="recall">recall'
            f"</th></tr></thead>\n<tbody>\n{''.join(rows)}</tbody>\n</table>"
        )
        + paragraph("Rows are classes, columns what they were predicted as, in the last evaluation.")
    )


def _pairs(names, confusion):
    """Returns rows of the most confused pairs of classes."""
    wrong = [
        (count, names[label], names[other], count / sum(counts))
        for label, counts in enumerate(confusion)
        for other, count in enumerate(counts)
        if count and other != label
    ]
    most = sorted(wrong, key=lambda each: -each[0])[:MOST_ROWS]
    return [(name, other, f"{count:,}", f"{share:.0%}") for count, name, other, share in most]


def mistakes(found: Mapping[str, Any], examples: str) -> list[str]:
    """Returns the worst and the most confident mistakes, as thumbnails or as rows of features.

    Args:
      found: content of `mistakes.json`.
      examples: the word for examples, "images" or "examples".
    """
    if not found:
        return []
    count = f"{found['mistakes']:,} of {found['examples']:,} {examples} are predicted wrongly in the final evaluation."
    parts: list[str] = [paragraph(count)]
    for kind, title in TITLES.items():
        entries = found[kind]
        if not entries:
            continue
        pictures = any("picture" in entry for entry in entries)
        shown = _gallery(entries) if pictures else _rows(entries)
        parts.append(Markup(f"<h3>{title}</h3>\n{shown}"))
    return parts


def _gallery(entries):
    figures = "".join(
        f'<li>{_image(entry)}<p class="name" title="{text(entry["name"])}">{text(_file(entry["name"]))}</p>'
        f"<p><b>{text(short(entry['predicted'], MOST_NAME))}</b> {_percent(entry['probability'])}</p>"
        f"<p>is {text(short(entry['class'], MOST_NAME))}, {_percent(entry['probability of class'])}</p>"
        f'<p class="name">loss {text(value_text(entry["loss"]))}</p></li>\n'
        for entry in entries
    )
    return f'<ul class="gallery">\n{figures}</ul>\n'


def _image(entry):
    """Returns the thumbnail, whose data URI was checked when it was read; a frame without one."""
    label = text(f"{short(entry['class'], MOST_NAME)}, predicted as {short(entry['predicted'], MOST_NAME)}")
    if "picture" not in entry:
        return '<div class="missing">no picture</div>'
    return f'<img src="{entry["picture"]}" alt="{label}"/>'


def _rows(entries: Sequence[Mapping[str, Any]]) -> str:
    names = list(entries[0].get("values", {}))
    columns = ("example", "class", "predicted", "probability", "loss", *(short(name, MOST_NAME) for name in names))
    return table(
        columns,
        [
            (
                _file(entry["name"]),
                short(entry["class"], MOST_NAME),
                short(entry["predicted"], MOST_NAME),
                _percent(entry["probability"]),
                value_text(entry["loss"]),
                *(value_text(entry.get("values", {}).get(name)) for name in names),
            )
            for entry in entries
        ],
    )


def _file(name: str) -> str:
    """Returns the end of a path: the file and its folder, shortened in the middle."""
    end = "/".join(PurePath(name).parts[-2:])
    half = MOST_FILE // 2
    return end if len(end) <= MOST_FILE else f"{end[:half]}…{end[-half:]}"


def _percent(value):
    """Returns a probability as text: near 0, where it matters, with two digits."""
    if not is_finite(value):
        return text(value)
    percent = 100 * value
    number = f"{percent:.2g}" if percent < 0.1 else ">99.9" if percent > 99.9 else f"{percent:.1f}"
    return text(f"{number}\N{NO-BREAK SPACE}%")
