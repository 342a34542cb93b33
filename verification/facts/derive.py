"""Writes the facts of networks from papers' tables and other implementations, independently of the zoo's code.

Their totals are written to the list of networks that `python -m zoo.models` prints as well.

python -m verification.facts.derive
"""

import importlib
import json
import pkgutil
from typing import Any

import verification.facts.papers
from verification.facts import FOLDER
from verification.facts.arithmetic import work_out
from verification.facts.implementations import torchvision_facts, torchvision_heads
from verification.facts.totals import further_sources
from zoo.models import listing
from zoo.models.registry import find_entry, list_models


def derive() -> dict[str, dict[str, Any]]:
    """Returns the facts of every network for which there is a paper's table or another implementation."""
    facts = {name: work_out(table) for name, table in _tables("PAPERS").items()}
    heads = {name: _added(work_out(table), facts[name]) for name, table in _tables("WITH_HEADS").items()}
    for name in list_models():
        measured = torchvision_facts(name)
        if measured and name in facts:
            facts[name]["sources"] += measured["sources"]
        elif measured:
            facts[name] = measured
    for name in facts:
        facts[name]["sources"] += further_sources(name)
        if with_heads := heads.get(name) or torchvision_heads(name):
            facts[name]["with_heads"] = with_heads
    return facts


def _added(larger, smaller):
    """Returns the sources of the larger network, and the layers that it has in addition to the smaller one's."""
    return {
        "sources": larger["sources"],
        "layers": [row for row in larger["layers"] if row not in smaller["layers"]],
    }


def _tables(kind):
    modules = pkgutil.iter_modules(verification.facts.papers.__path__)
    families = [importlib.import_module(f"verification.facts.papers.{module.name}") for module in modules]
    return {name: table for family in families for name, table in getattr(family, kind, {}).items()}


def to_text(facts: dict[str, Any]) -> str:
    """Returns the facts as JSON, with a line per layer, except for layers of auxiliary heads."""
    head = {name: value for name, value in facts.items() if name != "layers"}
    layers = ",\n".join(f"  {json.dumps(row)}" for row in facts["layers"])
    return f'{json.dumps(head, indent=1)[:-2]},\n "layers": [\n{layers}\n ]\n}}\n'


def to_listed(name: str, facts: dict[str, Any]) -> listing.Listed:
    """Returns the row of a network in the zoo's list: the registry's description, and the totals of the facts."""
    entry = find_entry(name)
    totals = {
        total: next(source[total] for source in facts["sources"] if source[total] is not None)
        for total in ("params", "batch_stats", "macs")
    }
    return listing.Listed(entry.year, entry.paper, entry.input_shape, entry.num_classes, **totals)


def list_text(rows: dict[str, listing.Listed]) -> str:
    """Returns the zoo's list of networks as JSON, with a line per network."""
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row._asdict())}" for name, row in sorted(rows.items()))
    return f"{{\n{lines}\n}}\n"


if __name__ == "__main__":
    derived = derive()
    for name, facts in derived.items():
        (FOLDER / f"{name}.json").write_text(to_text(facts), encoding="utf-8")
    rows = {name: to_listed(name, facts) for name, facts in derived.items()}
    listing.FILE.write_text(list_text(rows), encoding="utf-8")
