"""The README's table of what the zoo was verified to do: every number is from facts, ledgers or measurements."""

import statistics
from collections.abc import Sequence
from typing import Any

from verification import performance
from verification.convergence.rates import table_of_fresh_runs
from verification.doctor import page as doctor
from verification.doctor import trials
from verification.facts import load_facts
from verification.faults import FAULTS
from verification.faults.page import at_matter
from verification.faults.trial import HEALTHY, MATRIX, read_outcomes
from verification.ledger import FOLDER, read_first_steps, read_ledger
from verification.publish.deviations import read_deviations
from verification.publish.markdown import table
from verification.statistics import SUITE_ALPHA
from zoo.catalog import list_recipes, list_studies, load_recipe
from zoo.models.registry import find_entry, list_models

Row = tuple[str, str]


def table_of_claims() -> str:
    """Returns the Markdown table, a row for each claim with its evidence."""
    rows = [
        _layers(),
        _numbers(),
        _weights(),
        *_convergence(),
        _studies(),
        _false_alarms(),
        _faults(),
        _doctor(),
        _speed(),
        _accelerators(),
    ]
    return table(("claim", "evidence"), rows)


def _layers() -> Row:
    facts = [(load_facts(name) or {"sources": []})["sources"] for name in list_models()]
    several = sum(len(sources) > 1 for sources in facts)
    return (
        "[Networks](docs/networks.md) are those of the papers, layer by layer",
        f"{sum(map(bool, facts))} of {len(facts)} agree with a paper's table or another implementation in every shape,"
        f" parameter and multiply-add, {several} of them with several sources",
    )


def _numbers() -> Row:
    known = read_deviations()
    worst = max(known[name]["logits"] for name in list_models())
    return (
        "They compute the same numbers",
        f"logits of all {len(list_models())} are those of another implementation, to {worst:.0e} standard deviations",
    )


def _weights() -> Row:
    layouts = [find_entry(name).layouts for name in list_models()]
    counts = [sum(layout in each for each in layouts) for layout in ("torchvision", "timm", "keras")]
    return (
        "Trained weights can be loaded and saved",
        "of torchvision into {} networks, timm {}, keras.applications {}".format(*counts),
    )


def _convergence() -> Sequence[Row]:
    whole: dict[str, list[dict[str, Any]]] = {}
    first: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(FOLDER.glob("*.jsonl")):
        name, platform = path.name.split(".")[:2]
        recipe = load_recipe(name)
        whole.setdefault(name, []).extend(read_ledger(name, recipe, platform))
        first.setdefault(name, []).extend(read_first_steps(name, recipe, platform))
    trained = {name: runs for name, runs in whole.items() if runs}
    runs = [run for each in trained.values() for run in each]
    begun = [name for name in first if first[name] and name not in trained]
    return [
        (
            "[Recipes](docs/recipes.md) converge within N steps",
            f"{len(trained)} recipes: {sum(run['converged'] for run in runs)} of {len(runs)} reference runs reach their"
            " target",
        ),
        (
            "Recipes for CIFAR-10, Imagenette and ImageNet that take a GPU have the published settings",
            f"not trained to the end, since no GPU was available: {len(begun)} have reference runs of their first"
            f" steps, {len(list_recipes()) - len(trained) - len(begun)} none",
        ),
    ]


def _studies() -> Row:
    return (
        "[Studies](docs/studies.md) show what each ingredient does",
        f"{len(list_studies())}, each with all of its runs",
    )


def _false_alarms() -> Row:
    cells = [cell.strip() for cell in table_of_fresh_runs().splitlines()[-1].strip("|").split("|")]
    return (
        f"[Verification](docs/verification.md) fails on healthy code in at most {SUITE_ALPHA:.0%} of suites",
        f"declared; at a declared rate of 10 %, {cells[3]} fresh runs of {cells[0]} were outside"
        " ([error rates](docs/error-rates.md))",
    )


def _faults() -> Row:
    outcomes = [each for each in read_outcomes(MATRIX).values() if each.fault != HEALTHY]
    tried = at_matter(outcomes)
    caught, names = sum(each.caught_by is not None for each in tried), {each.fault for each in tried}
    return (
        "It fails on broken code",
        f"{caught} of {len(tried)} trials with seeded [faults](docs/faults.md) are caught;"
        f" {len(names)} of {len(FAULTS)} faults were tried",
    )


def _doctor() -> Row:
    results = [each for each in trials.read_results() if "error" not in each]
    scored = [
        each for each in results if each["causes"] and not each["learned"] and not doctor.without_effect(each, results)
    ]
    healthy = [each for each in results if not each["causes"]]
    alarms = sum(not doctor.right(each) for each in healthy)
    return (
        "[The doctor](docs/doctor.md) names why a network does not converge",
        f"its first answer was right for {sum(map(doctor.right, scored))} of {len(scored)} faults that nothing was"
        f" learned from; {alarms} of {len(healthy)} healthy programs alarmed it",
    )


def _speed() -> Row:
    steps = [each for each in performance.read_steps() if each["mode"] == "train" and each["dtype"] == "float32"]
    ratios = [each["ratio"] for each in steps]
    return (
        "[Speed](docs/performance.md) of training on a CPU, compared with the faster PyTorch",
        f"{min(ratios):.2f} to {max(ratios):.2f} times, median {statistics.median(ratios):.2f}, of"
        f" {len({each['model'] for each in steps})} networks",
    )


def _accelerators() -> Row:
    ledgers = [path for path in FOLDER.glob("*.jsonl") if path.name.split(".")[1] != "cpu"]
    return (
        "[GPUs and TPUs](docs/accelerators.md)",
        f"reference runs of {len(ledgers)} recipes" if ledgers else "not run yet; training steps lower for TPUs",
    )
