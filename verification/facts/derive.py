"""Writes the facts of networks from their papers' tables and from other implementations; never from the zoo's code.

python -m verification.facts.derive
"""

import importlib
import json
import pkgutil
from typing import Any

import verification.facts.papers
from verification.facts import FOLDER
from verification.facts.arithmetic import work_out
from verification.facts.implementations import torchvision_facts
from verification.facts.totals import further_sources
from zoo.models.registry import list_models


def derive() -> dict[str, dict[str, Any]]:
    """The facts of every network that a paper's table or another implementation is at hand for."""
    facts = {name: work_out(table) for name, table in _tables().items()}
    for name in list_models():
        measured = torchvision_facts(name)
        if measured and name in facts:
            facts[name]["sources"] += measured["sources"]
        elif measured:
            facts[name] = measured
    for name in facts:
        facts[name]["sources"] += further_sources(name)
    return facts


def _tables():
    modules = pkgutil.iter_modules(verification.facts.papers.__path__)
    families = [importlib.import_module(f"verification.facts.papers.{module.name}") for module in modules]
    return {name: table for family in families for name, table in family.PAPERS.items()}


def to_text(facts: dict[str, Any]) -> str:
    """JSON with a line for each layer."""
    head = {name: value for name, value in facts.items() if name != "layers"}
    layers = ",\n".join(f"  {json.dumps(row)}" for row in facts["layers"])
    return f'{json.dumps(head, indent=1)[:-2]},\n "layers": [\n{layers}\n ]\n}}\n'


if __name__ == "__main__":
    for name, facts in derive().items():
        (FOLDER / f"{name}.json").write_text(to_text(facts))
