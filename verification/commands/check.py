"""Checks of networks and recipes, and their comparison with an earlier report or a certificate."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jax
from absl import flags
from rich.console import Console

import zoo.data.sources
from verification import SEED, baseline, certificate, report
from verification.architecture import check_architecture
from verification.baseline.recording import Recorder
from verification.check import Check
from verification.convergence.sequential import recipe_alpha
from verification.pool import check_and_record, check_networks, check_recipes
from verification.report.progress import Bar
from verification.suite import GROUPS, check_recipe
from zoo import streams
from zoo.catalog import list_recipes, load_recipe
from zoo.errors import ZooError, shown, unknown
from zoo.models.registry import list_models
from zoo.training.run.environment import environment


@dataclass(frozen=True)
class Request:
    """What to check.

    Attributes:
      recipes: names of recipes; empty for all, and all networks.
      groups: of checks.
      tier: "quick" or "full", see `verification.suite.check_recipe`.
      seed: of the runs under test.
      data: location of the data set; None for the recipe's.
      weights: that the only recipe starts from; None for a recipe's own, or none.
    """

    recipes: tuple[str, ...] = ()
    groups: tuple[str, ...] = GROUPS
    tier: Literal["quick", "full"] = "full"
    seed: int = SEED
    data: str | None = None
    weights: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the arguments that repeat the checks, for reports and certificates."""
        return {"recipe": list(self.recipes), "only": list(self.groups), "tier": self.tier, "seed": self.seed}


@dataclass
class Outcome:
    """The results so far.

    Attributes:
      checks: of all networks and recipes.
      runs: what is recorded for a later comparison, by recipe.
    """

    checks: list[Check] = field(default_factory=list)
    runs: dict[str, Any] = field(default_factory=dict)


def check(args: flags.FlagValues) -> int:
    """Runs the requested checks, prints and writes the results, and returns the exit status."""
    console = streams.make_console()
    earlier = baseline.read_report(args.baseline) if args.baseline else None
    stated = certificate.read_certificate(args.certificate) if args.certificate else None
    request = read_request(args, earlier, stated)
    if earlier is not None and (args.recipe or args.only):
        earlier = baseline.restricted(earlier, _subjects(request), request.groups)
        if not earlier["checks"]:
            raise ZooError(f"{args.baseline} has no results of what --recipe and --only select")
    dataset = None
    if stated is not None or args.certify:  # fail now, not after the checks
        (name,) = request.recipes
        dataset = zoo.data.sources.open_data(load_recipe(name).data, request.data)
    started = time.perf_counter()
    outcome = run_checks(args, request, console, record=bool(args.json or earlier))
    seconds = time.perf_counter() - started
    console.print(report.summary(outcome.checks))
    decisive: Sequence[Check] = outcome.checks
    if earlier is not None:
        decisive = list(baseline.compare(earlier, outcome.checks, outcome.runs))
        report.show_comparison(console, decisive, f"baseline {args.baseline}")
    if dataset is not None:
        (name,) = request.recipes
        recipe = load_recipe(name)
        found = certificate.make_certificate(name, recipe, dataset, outcome.checks, environment(), request.to_json())
        if args.certify:
            certificate.write_certificate(args.certify, found)
        else:
            decisive = list(certificate.compare(stated, found))
            report.show_comparison(console, decisive, f"certificate {args.certificate}")
    comparison = decisive if decisive is not outcome.checks else None
    report.write_files(
        args,
        outcome.checks,
        environment(),
        outcome.runs,
        request.to_json(),
        comparison,
        seconds,
        recipe_alpha(jax.default_backend()),
    )
    return report.exit_status(decisive)


def _subjects(request: Request) -> set[str]:
    """Returns the names of the recipes and networks that are checked."""
    if not request.recipes:
        return {*list_recipes(), *list_models()}
    return {*request.recipes, *(load_recipe(name).model.name for name in request.recipes)}


def read_request(args: flags.FlagValues, earlier: Any, stated: Any) -> Request:
    """Returns what to check: what the flags say, and for the rest what a baseline or certificate states.

    Raises:
      ZooError: a file names a recipe that is not built in: it would be run, which only the user may ask for.
    """
    source = (earlier or stated or {}).get("arguments", {})
    named = [stated["recipe"]["name"]] if stated else source.get("recipe", [])
    recipes = args.recipe or named
    for name in recipes:
        if not args.recipe and name not in list_recipes():
            raise ZooError(f"the file is about {shown(name)}, which is not built in: name it with --recipe as well")
    if stated and recipes != named:
        raise ZooError(f"the certificate is about {shown(named[0])}, not {shown(recipes[0])}")
    groups = args.only or source.get("only") or GROUPS
    for group in groups:
        if group not in GROUPS:
            raise unknown("group of checks", group, GROUPS)
    tier = args.tier or source.get("tier") or ("full" if args.recipe else "quick")
    if tier not in ("quick", "full"):
        raise ZooError(f"unknown tier {shown(tier)}: expected quick or full")
    seed = args.seed if args["seed"].present else source.get("seed", args.seed)
    if not 0 <= seed < 2**32:
        raise ZooError(f"the seed must be from 0 to 2^32 - 1, not {shown(seed)}")
    return Request(tuple(recipes), tuple(groups), tier, seed, args.data, args.weights)


def run_checks(args: flags.FlagValues, request: Request, console: Console, record: bool) -> Outcome:
    """Runs the checks and prints them.

    Args:
      args: the flags, for those of worker processes.
      request: what to check.
      console: to print to.
      record: whether to record runs for a later comparison.
    """
    recipes = list(request.recipes) or list_recipes()
    networks = [load_recipe(name).model.name for name in recipes]
    outcome, once = Outcome(), request.tier == "quick" and not request.recipes
    options = {
        "fault": args.fault,
        "compilation_cache": args.compilation_cache,
        "convolution": args.convolution,
    }

    def add(found):
        for one in found:
            outcome.checks.append(one)
            report.show(console, one)

    with Bar(console) as bar:
        if "architecture" in request.groups:
            chosen = list(dict.fromkeys(networks)) if request.recipes else list_models()
            # Another process takes seconds to start, which a single network is not worth.
            several = len(chosen) > 1
            for found in check_networks(chosen, once, **options) if several else [list(check_architecture(*chosen))]:
                outcome.checks += found
                report.show_network(console, found)
        others = [group for group in request.groups if group != "architecture"]
        # Checks dominated by compilation go to the process pool; trainings of minutes use all cores by themselves.
        pooled = [group for group in others if group != "convergence" or request.tier == "quick"]
        if len(recipes) > 1 and pooled:
            run = (recipes, pooled, request.seed, request.tier, request.data, once)
            if record:
                for name, (found, recorded) in zip(recipes, check_and_record(*run, **options), strict=True):
                    add(found)
                    outcome.runs |= {name: recorded} if recorded else {}
            else:
                for found in check_recipes(*run, **options):
                    add(found)
            others = [group for group in others if group not in pooled]
        for name in recipes if others else []:
            recorder = Recorder(request.seed)
            trackers, start = ([bar, recorder], recorder.start) if record else ([bar], lambda experiment: None)
            sources = {"data": request.data, "weights": request.weights}
            add(check_recipe(name, others, request.seed, trackers, request.tier, on_prepared=start, **sources))
            outcome.runs |= {name: recorder.run} if recorder.run else {}
    return outcome
