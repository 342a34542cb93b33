"""Checks of a network: layers against reference tables, activations against other implementations, and behaviour."""

from collections.abc import Iterator

from verification.architecture.behaviour import EVERY_KIND, check_behaviour
from verification.architecture.keras_numbers import check_keras_numbers, load_keras_reference
from verification.architecture.numbers import check_numbers, load_reference
from verification.check import Check, Group
from verification.facts import load_facts
from zoo.inspect.summary import Row, summarize
from zoo.models.listing import listing
from zoo.models.registry import create_model, find_entry


def check_architecture(model_name: str, shown_by: str | None = None, *, thorough: bool = True) -> Iterator[Check]:
    """Yields all architecture checks of a network: layers and totals, numerical agreement, behaviour.

    Args:
      model_name: of the network.
      shown_by: a network of the same file, whose numbers stand for this one's.
      thorough: whether to compare with a second implementation as well, Keras's, where there is one, and to check the
        behaviour of a network whose kinds of layers others have, see `EVERY_KIND`.
    """
    yield from check_layers(model_name)
    if load_facts(model_name) is None:
        return
    group = Group(model_name, "architecture")
    if shown_by:
        yield group.skip("logits", f"shown by {shown_by}; run it with --tier=full")
    else:
        yield from check_numbers(model_name)
        if thorough or load_reference(model_name) is None:
            yield from check_keras_numbers(model_name)
        elif load_keras_reference(model_name):
            yield group.skip("keras logits", "a second implementation; run it with --tier=full")
    if thorough or model_name in EVERY_KIND:
        yield from check_behaviour(model_name)
    else:
        others = ", ".join(EVERY_KIND)
        yield group.skip("behaviour", f"its kinds of layers are among those of {others}; run it with --tier=full")


def check_layers(model_name: str) -> Iterator[Check]:
    """Checks name, type, shape, parameters and MACs of each layer, and the totals, without running the network."""
    group = Group(model_name, "architecture")
    facts = load_facts(model_name)
    if facts is None:
        yield group.check("facts", False, f"missing verification/facts/{model_name}.json")
        return
    summary = summarize(model_name, tuple(facts["input_shape"]), facts["num_classes"])
    yield group.check("layers", *_compare_layers(facts, summary, find_entry(model_name)))
    listed = {"name": "zoo/models/networks.json", **listing()[model_name]._asdict()}
    yield group.check("totals", *_compare_totals(facts, summary, listed))
    if "with_heads" in facts:
        yield from _check_heads(group, model_name, facts)


def _check_heads(group, model_name, facts):
    """Checks layers and totals of the network with auxiliary heads."""
    facts = {**facts, **facts["with_heads"], "layers": facts["layers"] + facts["with_heads"]["layers"]}
    model = create_model(model_name, aux_heads=True)
    summary = summarize(model, tuple(facts["input_shape"]))
    yield group.check("layers with heads", *_compare_layers(facts, summary, find_entry(model_name)))
    yield group.check("totals with heads", *_compare_totals(facts, summary))


def _compare_layers(facts, summary, entry):
    """Returns whether the layers match the facts (layers without parameters may be added), and a message."""
    name_of = entry.layouts[facts["layout"]].name if "layout" in facts else str
    found = {name_of(row.name): Row(name_of(row.name), *row[1:]) for row in summary.rows}
    expected = {row[0]: Row(row[0], row[1], tuple(row[2]), *row[3:]) for row in facts["layers"]}
    missing = [f"{row.name} is missing" for row in expected.values() if row.name not in found]
    unexpected = [f"{row.name} is unexpected" for row in found.values() if row.params and row.name not in expected]
    differing = [
        f"expected {tuple(row)}, got {tuple(found[name])}"
        for name, row in expected.items()
        if name in found and found[name] != row
    ]
    problems = differing + missing + unexpected
    if problems:
        return False, f"{len(problems)} of {len(expected)} layers differ; first: {problems[0]}"
    return True, f"all {len(expected)} layers agree in name, type, shape, parameters and MACs"


def _compare_totals(facts, summary, *others):
    """Returns whether the totals match every source and the other, dependent records of them, and a message."""
    totals = {name: getattr(summary, name) for name in ("params", "batch_stats", "macs")}
    wrong = [
        f"expected {source[name]:,} {name}, got {totals[name]:,} ({source['name']})"
        for source in (*facts["sources"], *others)
        for name in totals
        if source[name] is not None and totals[name] != source[name]
    ]
    sources = "; ".join(
        f"{source['name']} ({source['differs']})" if "differs" in source else source["name"]
        for source in facts["sources"]
    )
    counts = f"{summary.params:,} parameters, {summary.batch_stats:,} running statistics, {summary.macs:,} MACs"
    count = len(facts["sources"])
    agreement = f"{count} sources agree" if count > 1 else "no second source"
    open_questions = f"; unconfirmed: {facts['unconfirmed']}" if "unconfirmed" in facts else ""
    return not wrong, "; ".join(wrong) or f"{counts}; {agreement}: {sources}{open_questions}"
