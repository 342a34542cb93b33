"""The pages of networks: layers, sources, numerical agreement, recipes and trained weights; and the table of all."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from verification.architecture.keras_numbers import load_keras_reference
from verification.architecture.numbers import TOLERANCE, load_reference
from verification.facts import load_facts
from verification.publish.deviations import read_deviations
from verification.publish.markdown import code, escape, table
from verification.publish.weights import section_of_weights
from zoo.catalog import list_recipes, load_recipe
from zoo.models.registry import Entry, find_entry, list_models

Link = Callable[[str], str]


def recipes_by_network() -> dict[str, list[str]]:
    """Returns the names of the recipes of each network that has any."""
    found: dict[str, list[str]] = {}
    for name in list_recipes():
        found.setdefault(load_recipe(name).model.name, []).append(name)
    return found


def table_of_networks(link: Link = code) -> str:
    """Returns the Markdown table of all networks, by year; `link` makes the cell of a name."""
    known, recipes = read_deviations(), recipes_by_network()
    rows = []
    for name in sorted(list_models(), key=lambda name: (find_entry(name).year, name)):
        entry, facts = find_entry(name), _facts(name)
        params, macs = _totals(facts)
        rows.append(
            (
                link(name),
                entry.year,
                escape(entry.paper),
                f"{params:,}",
                f"{macs:,}",
                _shape(entry.input_shape),
                entry.num_classes,
                len(facts["sources"]),
                f"{known[name]['logits']:.0e}",
                len(recipes.get(name, [])),
            )
        )
    head = ("network", "year", "paper", "parameters", "multiply-adds", "input", "classes")
    return table((*head, "sources that agree", "logits differ by", "recipes"), rows, "lrlrrrrrrr")


def page_of_network(name: str, recipes: Sequence[str], deviations: Mapping[str, Any]) -> str:
    """Returns the page of a network.

    Args:
      name: of the network.
      recipes: the names of the recipes that train it.
      deviations: of `verification.publish.deviations.read_deviations`.
    """
    entry, facts = find_entry(name), _facts(name)
    links = ", ".join(f"[`{each}`](../recipes/{each}.md)" for each in recipes)
    compared = f"`python -m zoo.summarize --model={name} --compare=mine.csv` compares a layer table of yours with it"
    if name in recipes:
        compared += f", and `python -m verification --like={name} --model=mine.py:MyNet` a network of yours"
    return "\n\n".join(
        [
            f"# {name}",
            f"{escape(entry.paper)}. Defined in `{entry.module.__module__.replace('.', '/')}.py`,"
            f" class `{entry.module.__name__}`.",
            _overview(entry, facts),
            "## In Python",
            f'```python\nimport zoo\n\nmodel = zoo.create_model("{name}", num_classes=10)\n'
            f'summary = zoo.summarize("{name}")  # .rows, .params, .macs\n```',
            f"{compared}.",
            "## Recipes",
            links or "No recipe trains this network yet; a recipe of another network of its family is a start.",
            "## Trained weights",
            section_of_weights(name, entry),
            "## Sources that agree",
            _sources(facts),
            "## Numerical agreement",
            _agreement(name, deviations),
            "## Layers",
            _layers(facts),
        ]
    )


def _facts(name: str) -> dict[str, Any]:
    facts = load_facts(name)
    assert facts is not None, f"verification/facts/{name}.json is missing, which verification reports"
    return facts


def _totals(facts: Mapping[str, Any]) -> tuple[int, int]:
    macs = next(source["macs"] for source in facts["sources"] if source["macs"] is not None)
    return facts["sources"][0]["params"], macs


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _overview(entry: Entry, facts: Mapping[str, Any]) -> str:
    params, macs = _totals(facts)
    options = ", ".join(f"`{name}={value!r}`" for name, value in {**entry.options, **entry.rates}.items())
    rows: list[tuple[str, object]] = [
        ("input", f"{_shape(entry.input_shape)}, height x width x channels"),
        (
            "smallest image",
            f"{_shape([entry.module.smallest] * 2)} pixels" if hasattr(entry.module, "smallest") else "-",
        ),
        ("classes", entry.num_classes),
        ("parameters", f"{params:,}"),
        ("running statistics", f"{facts['sources'][0]['batch_stats']:,}"),
        ("multiply-adds of an image", f"{macs:,}"),
        ("options of this variant", options or "-"),
    ]
    return table(("", ""), rows)


def _sources(facts: Mapping[str, Any]) -> str:
    rows = [
        (
            escape(source["name"]) + (f" ({escape(source['differs'])})" if "differs" in source else ""),
            f"{source['params']:,}",
            f"{source['batch_stats']:,}",
            "-" if source["macs"] is None else f"{source['macs']:,}",
        )
        for source in facts["sources"]
    ]
    parts = [
        "Counts of the canonical network, from each source; known differences are subtracted and named.",
        table(("source", "parameters", "running statistics", "multiply-adds"), rows, "lrrr"),
    ]
    if "with_heads" in facts:
        total = facts["with_heads"]["sources"][0]
        macs = "" if total["macs"] is None else f", {total['macs']:,} multiply-adds"
        parts.append(
            f"With auxiliary heads, `aux_heads=True`: {total['params']:,} parameters{macs} ({escape(total['name'])})."
        )
    if "unconfirmed" in facts:
        parts.append(f"Not confirmed by a second source: {escape(facts['unconfirmed'])}.")
    return "\n\n".join(parts)


def _agreement(name: str, deviations: Mapping[str, Any]) -> str:
    reference, keras = load_reference(name), load_keras_reference(name)
    assert reference is not None, f"{name} has no reference numbers, which verification reports"
    rows = [
        (f"logits of `{reference['builder']}`", f"{deviations['logits']:.1e}"),
        (f"outputs of {deviations['layers']} layers", f"{deviations['activations']:.1e}"),
    ]
    if keras:
        rows.append((f"logits of `{keras['builder']}`", f"{deviations['keras']:.1e}"))
    versions = ", ".join(f"{package} {version}" for package, version in reference["versions"].items())
    return (
        "The largest difference for weights that can be made again, in standard deviations of the reference's values,"
        f" which are in float64 ({versions}). `python -m verification` fails from {TOLERANCE:.0e} on.\n\n"
        + table(("compared with", "differs by"), rows, "lr")
        + f"\n\nMeasured in float32 with JAX {deviations['jax']} on a {deviations['platform'].upper()}"
        f" ({escape(deviations['processor'])})."
    )


def _layers(facts: Mapping[str, Any]) -> str:
    rows = [
        (code(name), kind, _shape(shape), f"{params:,}" if params else "", f"{macs:,}" if macs else "")
        for name, kind, shape, params, macs in facts["layers"]
    ]
    named = f" Layers have the names of {facts['layout']}." if "layout" in facts else ""
    said = (
        f"In the order of computation, for an input of {_shape(facts['input_shape'])} pixels and"
        f" {facts['num_classes']} classes; outputs are height x width x channels.{named}"
    )
    return f"{said}\n\n" + table(("layer", "type", "output", "parameters", "multiply-adds"), rows, "llrrr")
