"""Is it the right network? Layer by layer against its facts, and number by number against another implementation."""

from collections.abc import Iterator
from itertools import zip_longest

from verification.check import Check, Group
from verification.facts import load_facts
from verification.numbers import check_numbers
from zoo.summary import summarize


def check_architecture(model_name: str) -> Iterator[Check]:
    """Checks every layer's name, type, output shape, parameters and MACs, the totals of every source, and the numbers."""
    group = Group(model_name, "architecture")
    facts = load_facts(model_name)
    if facts is None:
        yield group.check("facts", False, f"there is no verification/facts/{model_name}.json to hold it against")
        return
    summary = summarize(model_name, tuple(facts["input_shape"]), facts["num_classes"])
    expected = [(name, kind, tuple(shape), params, macs) for name, kind, shape, params, macs in facts["layers"]]
    found = [tuple(row) for row in summary.rows]
    differing = [pair for pair in zip_longest(expected, found, fillvalue="no layer") if pair[0] != pair[1]]
    if differing:
        detail = f"{len(differing)} of {len(expected)} layers differ; first: {differing[0][1]} where {differing[0][0]} belongs"
    else:
        detail = f"all {len(expected)} layers agree in name, type, shape, parameters and MACs"
    yield group.check("layers", not differing, detail)
    for source in facts["sources"]:
        totals = {name: getattr(summary, name) for name in ("params", "batch_stats", "macs")}
        wrong = [
            f"{name} {totals[name]:,} instead of {source[name]:,}" for name in totals if totals[name] != source[name]
        ]
        right = f"{summary.params:,} parameters, {summary.batch_stats:,} moving statistics, {summary.macs:,} MACs"
        yield group.check("totals", not wrong, f"{', '.join(wrong) or right}; {source['name']}")
    yield from check_numbers(model_name, facts["input_shape"][0])
