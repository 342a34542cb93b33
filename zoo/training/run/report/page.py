"""The page of a run."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.errors import listed
from zoo.page.elements import Markup, State, document, folded, header, pairs, paragraph, section, text
from zoo.recipe.metric import METRIC_NAMES
from zoo.training.run.report import curves, predictions, setup
from zoo.training.run.report.contents import LINKED, Contents
from zoo.training.run.report.style import STYLE

MOST_DIFFERENCES = 6  # from the reference, that are named


def page(contents: Contents) -> str:
    """Returns the page of a run as HTML that is XML as well; names of files and classes may be anything."""
    target = contents.recipe.target
    goal = (target.metric, target.value) if target else None
    if goal is None and contents.verdict and contents.verdict.target is not None:
        goal = (contents.verdict.metric, contents.verdict.target)
    drawn = curves.draw(contents.history, contents.reference, goal)
    parts = [
        _header(contents),
        section("Learning curves", [*drawn, *_comparison(contents)] if drawn else []),
        section("Results", _results(contents.final)),
        section("Classes", predictions.by_class(contents.by_class)),
        section("Mistakes", predictions.mistakes(contents.mistakes, contents.examples)),
        section("Data", setup.data(contents.data)),
        section(
            "Recipe",
            [
                paragraph(f"Fingerprint {contents.recipe.fingerprint}, seed {contents.seed}."),
                folded("All fields, with the source of each value", [setup.fields(contents.recipe)]),
            ],
        ),
        section("Environment", setup.environment(contents.environment)),
        section(
            "Commands",
            setup.commands(
                contents.path,
                contents.seed,
                contents.environment.get("command"),
                finished=contents.verdict is not None,
                failed=contents.verdict is not None and not contents.verdict.converged,
            ),
        ),
        section("Files", _links(contents.files)),
    ]
    return document(f"{contents.path.name}: {_verdict(contents)[0]}", parts, STYLE)


def _verdict(contents: Contents) -> tuple[str, State, str]:
    """Returns the verdict in words, its state, and the sentence with the numbers."""
    verdict = contents.verdict
    if verdict is None:
        total = contents.recipe.budget.steps
        whole = f" of {total:,}" if total else ""
        return "not finished", "open", f"{contents.steps:,}{whole} steps are recorded."
    name, _, sentence = verdict.explanation.partition(": ")
    return name, "good" if verdict.converged else "bad", f"{sentence[:1].upper()}{sentence[1:]}."


def _header(contents: Contents) -> str:
    title, state, sentence = _verdict(contents)
    trained = [record for record in contents.history if record["kind"] == "train"]
    speeds = [record["images_per_second"] for record in trained if "images_per_second" in record]
    batch = contents.recipe.budget.batch_size
    steps = f"{contents.steps:,} step{'s' * (contents.steps != 1)}"
    about = f"{contents.recipe.model.name} on {contents.spec}, {steps} of {batch:,}"
    if speeds:
        speed = float(np.median(speeds))
        seconds = len(trained) * batch / speed
        about += f", {speed:,.0f} {contents.examples} a second, {seconds:,.0f} s of training"
    return header(contents.path.name, title, [sentence], state, about)


def _comparison(contents: Contents) -> list[str]:
    """Returns a remark about the reference runs behind the curves."""
    reference = contents.reference
    if reference is None:
        return [paragraph("There are no reference runs of this recipe on this data and platform.")]
    if not reference.differences:
        return []
    fields = listed(reference.differences, MOST_DIFFERENCES, "; ")
    return [paragraph(f"This run differs from the reference runs of {reference.recipe}: {fields}.")]


def _results(final: Mapping[str, Any] | None) -> list[str]:
    if final is None:
        return []
    names = {"loss": "loss", **METRIC_NAMES, "majority": "majority-class baseline", "examples": "examples"}
    shown = {name: value for name, value in final.items() if name in names}
    return [
        pairs({names[name]: f"{value:.4f}" if isinstance(value, float) else value for name, value in shown.items()})
    ]


def _links(files: tuple[str, ...]) -> list[str]:
    items = "".join(f'<li><a href="{name}">{name}</a>: {text(LINKED[name])}</li>\n' for name in files)
    return [Markup(f"<ul>\n{items}</ul>\n")] if items else []
