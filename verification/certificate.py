"""Certificates of verified runs: what was checked, on which code and data, with which figures; and checks of these.

A certificate is no signature: whoever can write the file can write another. It is checked by running what it states
again.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from verification.check import Check, Group
from verification.convergence.sequential import recipe_alpha
from verification.ledger import data_name, fingerprint, read_first_steps, read_ledger
from zoo.data.dataset import Dataset
from zoo.data.identity import describe_data
from zoo.errors import ZooError, printable, shown
from zoo.files import check_file, expand
from zoo.json_files import parse
from zoo.recipe import Recipe
from zoo.recipe.part import conform

FORMAT = 1
MAX_BYTES = 2**22  # one of all checks of a recipe has 20 kB
SHAPES = {
    "format": int,
    "recipe": Mapping[str, str],
    "data": Mapping[str, Any],
    "ledger": Mapping[str, Any],
    "environment": Mapping[str, Any],
    "arguments": Mapping[str, Any],
    "alpha": float,
    "verdict": str,
    "checks": tuple[Mapping[str, Any], ...],
    "digest": str,
}
# Of figures, in the same environment. Runs are repeatable to the bit there; a few sums depend on the number of threads.
TOLERANCE = 1e-6
SAME_ENVIRONMENT = ("python", "versions", "platform", "device", "devices", "convolution", "processor", "cores")


def make_certificate(
    name: str,
    recipe: Recipe,
    dataset: Dataset,
    checks: Sequence[Check],
    environment: Mapping[str, Any],
    arguments: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns the certificate of a recipe's checks.

    Args:
      name: of the recipe.
      recipe, dataset: what was checked.
      checks: the results.
      environment: see `zoo.training.run.environment.environment`.
      arguments: how to run the checks again: `only` (groups), `tier` and `seed`.
    """
    runs = _reference_runs(name, recipe, environment["platform"])
    content = {
        "format": FORMAT,
        "recipe": {"name": name, "fingerprint": fingerprint(recipe)},
        "data": _describe(dataset),
        "ledger": {"n": len(runs), "digest": _digest(runs)},
        "environment": {key: value for key, value in environment.items() if key != "command"},
        "arguments": dict(arguments),
        "alpha": recipe_alpha(environment["platform"]),
        "verdict": verdict(checks),
        "checks": [vars(check) for check in checks],
    }
    return content | {"digest": _digest(content)}


def verdict(checks: Sequence[Check]) -> str:
    """Returns "fail" if a check failed, else "undecided" if one is or there are none, else "pass"."""
    statuses = {check.status for check in checks}
    return "fail" if "fail" in statuses else "undecided" if "undecided" in statuses or not checks else "pass"


def _describe(dataset):
    described = describe_data(dataset)
    kept = ("channels", "training images", "evaluation images", "digest")
    return {"name": data_name(dataset.spec), "classes": len(dataset.class_names)} | {
        key: described[key] for key in kept
    }


def _reference_runs(name, recipe, platform):
    return [*read_ledger(name, recipe, platform), *read_first_steps(name, recipe, platform)]


def _digest(content):
    """Returns the SHA-256 of JSON-compatible content in its canonical form."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_certificate(path: str | Path, certificate: Mapping[str, Any]) -> None:
    """Writes a certificate."""
    Path(path).write_text(json.dumps(certificate, indent=1) + "\n", encoding="utf-8")


def read_certificate(path: str | Path) -> dict[str, Any]:
    """Reads a certificate. Its digest is not checked, see `compare`.

    Raises:
      ZooError: the file is missing, too large, damaged, or of another format.
    """
    path = expand(path)
    check_file(path, MAX_BYTES)
    try:
        content = parse(path.read_bytes())
        for name, shape in SHAPES.items():
            conform(content[name], shape)
        conform([content["recipe"][name] for name in ("name", "fingerprint")], tuple[str, ...])
        conform(content["arguments"]["only"], tuple[str, ...])
        conform(content["arguments"]["tier"], str)
        conform(content["arguments"]["seed"], int)
        for check in content["checks"]:
            conform([check[name] for name in ("subject", "group", "name", "status", "detail")], tuple[str, ...])
            conform(check["figures"] or {}, Mapping[str, float])
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        raise ZooError(
            f"{printable(path)} is not a certificate, or damaged: write it again with python -m verification"
            " --recipe=NAME --certify=FILE"
        ) from None
    if content["format"] != FORMAT:
        raise ZooError(f"{printable(path)} has format {shown(content['format'])}, this version reads {FORMAT}")
    return content


def compare(stated: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Check]:
    """Compares a certificate with what running it again gives.

    Args:
      stated: from `read_certificate`.
      found: from `make_certificate`, of the same recipe, groups, tier and seed.
    """
    group = Group(found["recipe"]["name"], "certificate")
    content = {key: value for key, value in stated.items() if key != "digest"}
    intact = _digest(content) == stated["digest"]
    yield group.check("file", intact, "its digest is right" if intact else "was changed after it was written")
    for name in ("recipe", "data", "ledger"):
        values, right = stated[name], found[name]
        different = [
            f"{printable(key)} is {shown(right.get(key))}, certified was {shown(values.get(key))}"
            for key in {**values, **right}
            if values.get(key) != right.get(key)
        ]
        fine = ", ".join(f"{key} {shown(value)}" for key, value in right.items())
        yield group.check(name, not different, "; ".join(different) or fine)
    lines = [
        f"{key} {shown(found['environment'].get(key))}, certified was {shown(stated['environment'].get(key))}"
        for key in SAME_ENVIRONMENT
        if stated["environment"].get(key) != found["environment"].get(key)
    ]
    if lines:
        yield group.skip("environment", f"another one, so that only verdicts are compared: {'; '.join(lines)}")
    yield from _compare_checks(group, stated, found, with_figures=not lines)
    yield group.check(
        "verdict",
        stated["verdict"] == found["verdict"],
        f"{found['verdict']}, certified was {shown(stated['verdict'])}",
    )


def _compare_checks(group, stated, found, with_figures) -> Iterator[Check]:
    """Yields one check of all statuses, and one of all figures."""
    certified, now = ({(check["group"], check["name"]): check for check in each["checks"]} for each in (stated, found))
    problems = [f"{_name(key)} is {'new' if key in now else 'missing'}" for key in certified.keys() ^ now.keys()]
    both = [key for key in certified if key in now]
    problems += [
        f"{_name(key)} is {now[key]['status']}, certified was {shown(certified[key]['status'])}: {now[key]['detail']}"
        for key in both
        if certified[key]["status"] != now[key]["status"]
    ]
    yield group.check("checks", not problems, "; ".join(problems) or f"all {len(both)} have the certified status")
    if not with_figures:
        return
    compared, wrong = 0, []
    for key in both:
        values, right = (each[key]["figures"] or {} for each in (certified, now))
        for name in {**values, **right}:
            compared += 1
            if name not in values or name not in right or not _same(values[name], right[name]):
                wrong.append(
                    f"{printable(name)} of {_name(key)} is {right.get(name)}, certified was {values.get(name)}"
                )
    yield group.check("figures", not wrong, "; ".join(wrong) or f"all {compared} are the certified ones")


def _name(key):
    return printable(": ".join(key))


def _same(value, expected):
    value, expected = conform(value, float), conform(expected, float)  # an integer of JSON may be too large
    if math.isnan(value) and math.isnan(expected):
        return True
    return value == expected or abs(value - expected) <= TOLERANCE * abs(expected)
