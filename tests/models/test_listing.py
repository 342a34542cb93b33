"""The list of networks: the registry's, with the totals of the reference layer tables."""

import json

from verification.architecture import check_layers
from verification.facts import derive, load_facts
from zoo.models import listing
from zoo.models.registry import entries


def test_the_list_is_that_of_the_registry_and_the_facts():
    """`python -m verification.facts.derive` writes it."""
    rows = {name: derive.to_listed(name, load_facts(name)) for name in entries()}
    assert listing.FILE.read_text(encoding="utf-8") == derive.list_text(rows)
    assert list(listing.listing()) == list(entries())


def test_verification_compares_the_list_with_the_network(monkeypatch, tmp_path):
    def totals():
        (check,) = (check for check in check_layers("lenet5") if check.name.endswith("totals"))
        return check

    assert totals().status == "pass" and "networks.json" not in totals().detail
    content = json.loads(listing.FILE.read_text(encoding="utf-8"))
    content["lenet5"]["macs"] += 1
    (tmp_path / "networks.json").write_text(json.dumps(content))
    monkeypatch.setattr(listing, "FILE", tmp_path / "networks.json")
    listing.listing.cache_clear()
    try:
        found = totals()
    finally:
        listing.listing.cache_clear()
    assert found.status == "fail"
    assert found.detail == "expected 416,521 macs, got 416,520 (zoo/models/networks.json)"
