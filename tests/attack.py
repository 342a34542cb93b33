"""A fuzzer of all input that is parsed: values of recipes, and files of a run.

    python tests/attack.py [EXAMPLES]

For any input, the result must be correct, with a line about anything that was left out, or there must be a one-line
error. Everything else is counted as a failure: tracebacks, damage that is not reported, timeouts, and messages that are
not one printable line.
"""

import collections
import json
import math
import random
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path

import hypothesis
import numpy as np
from examples import tabular
from hypothesis import strategies

import zoo
from zoo.errors import ZooError
from zoo.recipe import Recipe
from zoo.recipe.assignments import parse_changes, parse_variants
from zoo.studies.runs import read_runs
from zoo.training.run.checkpoint import Checkpoints
from zoo.training.run.folder import RunFolder
from zoo.training.run.load_run import load_run

TIMEOUT = 20.0  # seconds
MAX_MESSAGE_LENGTH = 4000  # characters
RUN_FILES = ("recipe.json", "metrics.jsonl", "by_class.json", "corrupt.json", "environment.json", "statistics.npz")


class Counts(collections.Counter):
    """Counts of outcomes, with an example of each failure."""

    def __init__(self):
        super().__init__()
        self.examples = {}

    def attempt(self, what, action, silent=lambda result, reported: False):
        """Runs an action and counts its outcome.

        Args:
          what: a description of the action.
          action: called with a function that takes reports of damage.
          silent: whether a result, with the reports, is wrong without a report.
        """
        reported, started = [], time.perf_counter()
        try:
            result = action(reported.append)
            outcome = "silent" if silent(result, reported) else "accepted"
        except ZooError as error:
            one_line = str(error) and str(error).isprintable() and len(str(error)) <= MAX_MESSAGE_LENGTH
            outcome = "rejected" if one_line else "unclear"
            result = error
        except Exception as error:
            outcome, result = f"traceback: {type(error).__name__}", error
        if any("\n" in text or not text.isprintable() for text in reported):
            outcome = "unclear"
        if time.perf_counter() - started > TIMEOUT:
            outcome = "hang"
        self[outcome] += 1
        if outcome not in ("accepted", "rejected"):
            self.examples.setdefault(outcome, (what, repr(result)[:500], reported[:2]))

    @property
    def failures(self):
        return {name: (self[name], self.examples[name]) for name in self if name not in ("accepted", "rejected")}


# Values that a person may type or a program may paste: numbers at and beyond every limit, and misleading strings.
ODD_NUMBERS = (
    *("1e999", "-1e999", "1e308", "1e39", "1e-46", "nan", "inf", "1_0", "0x10", "1j", "True", "None"),
    *("9" * 5000, "\u0663"),
)
ODD_TEXTS = (
    *(
        "",
        " ",
        "\0",
        "\x1b[31mred",
        "a\nb",
        "\ud800",
        "x" * 5000,
        "[" * 3000,
        "-" * 9000 + "1",
        "HeNormal",
        "Cosine(1, 2",
    ),
    *(
        "{{}: 1}",
        "{1, 2}",
        "b'x'",
        "...",
        "lambda: 1",
        "__import__('os').abort()",
        "Normal(**{'a': 1})",
        "Part()",
        "[[]]",
    ),
)
NUMBERS = strategies.one_of(
    strategies.floats().map(repr),
    strategies.integers().map(str),
    strategies.integers(-(10**30), 10**30).map(str),
    strategies.sampled_from(ODD_NUMBERS),
)
TEXTS = strategies.one_of(strategies.text(max_size=40), strategies.sampled_from(ODD_TEXTS))
VALUES = strategies.one_of(
    NUMBERS,
    TEXTS,
    strategies.lists(NUMBERS, max_size=4).map(lambda items: f"[{', '.join(items)}]"),
    strategies.tuples(strategies.sampled_from(["Normal", "Constant", "Cosine", "SGD", "Target"]), NUMBERS).map(
        lambda pair: f"{pair[0]}({pair[1]})"
    ),
)
SHAPES = strategies.recursive(
    strategies.one_of(
        strategies.none(),
        strategies.booleans(),
        strategies.integers(),
        strategies.floats(),
        strategies.text(max_size=5),
    ),
    lambda inner: strategies.one_of(
        strategies.lists(inner, max_size=3),
        strategies.dictionaries(
            strategies.sampled_from(["kind", "step", "seed", "recipe", "data", "classes", "recall", "confusion", "x"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)


def examples(strategy, count, seed):
    """Returns `count` values of a strategy, the same ones each time."""
    found = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count, database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(strategy)
    def collect(value):
        found.append(value)

    collect()
    return found[:count]


def attack_values(counts, count):
    """Fuzzes overrides of recipes, from the command line and as JSON."""
    bases = [tabular(), zoo.load_recipe("lenet5")]
    paths = sorted({path for base in bases for path in base.flat() if not path.endswith("kind")})
    paths += ["model.options.hidden", "model.options.name", "data.keep", "schedule", "model", "provenance", "a.b", ""]
    pairs = strategies.tuples(strategies.sampled_from(bases), strategies.sampled_from(paths), VALUES)

    def unsound(recipe, reported):
        """Whether an accepted recipe has a value that is not a float32, or does not survive JSON."""
        leaves = recipe.flat().values()
        numbers = [leaf for leaf in leaves if isinstance(leaf, int | float)]
        again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
        return not all(math.isfinite(number) and abs(number) < 3.5e38 for number in numbers) or again != recipe

    odd = [
        (bases[0], path, value)
        for path in ("schedule.peak", "data.keep", "model.options.x")
        for value in (*ODD_NUMBERS, *ODD_TEXTS)
    ]
    for base, path, value in odd + examples(pairs, count, seed=1):
        counts.attempt(
            (path, value[:60]),
            lambda report, base=base, path=path, value=value: base.override(parse_changes(base, [f"{path}={value}"])),
            unsound,
        )
        counts.attempt(
            ("vary", path, value[:60]),
            lambda report, base=base, path=path, value=value: parse_variants(base, [f"{path}={value},{value}"]),
            lambda result, reported: True,  # a duplicate value must be rejected
        )
    for shape in examples(SHAPES, count, seed=2):
        counts.attempt(
            ("from_json", shape), lambda report, shape=shape: Recipe.from_json(shape), lambda recipe, reported: True
        )


def damages(seed):
    """Returns functions that damage a file, by name."""
    chance = random.Random(seed)

    def flip(path):
        content = bytearray(path.read_bytes())
        if content:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)

    def into_a_folder(path):
        path.unlink()
        path.mkdir()

    def swap_lines(path):
        lines = path.read_bytes().split(b"\n")
        chance.shuffle(lines)
        path.write_bytes(b"\n".join(lines))

    return {
        "empty": lambda path: path.write_bytes(b""),
        "deep": lambda path: path.write_text("[" * 100_000),
        "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
        "flip": flip,
        "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe" + path.read_bytes()),
        "null": lambda path: path.write_text("null\n"),
        "list": lambda path: path.write_text("[]\n"),
        "mapping": lambda path: path.write_text("{}\n"),
        "number": lambda path: path.write_text("1e999\n"),
        "folder": into_a_folder,
        "lines": swap_lines,
    }


def everything(folder):
    """Returns a function that reads all of a run's folder as one comparable value, and reports damage."""

    def read(report):
        run = load_run(folder, report)
        files = RunFolder(folder, report)
        return (
            run.recipe.fingerprint,
            run.step,
            {name: leaf.tobytes() for name, leaf in _leaves(run.variables)},
            [None if part is None else part.tolist() for part in map(_array, run.statistics)],
            run.class_names,
            files.read_identity()["seed"],
            sorted(map(str, files.read_history(run.step))),
            files.read_by_class(),
            files.read_corrupt(),
        )

    return read


def _array(part):
    return None if part is None else np.asarray(part)


def _leaves(tree, path=()):
    for name, leaf in tree.items():
        yield from _leaves(leaf, (*path, name)) if isinstance(leaf, dict) else [((*path, name), _array(leaf))]


def attack_run(counts, run, count):
    """Fuzzes the files of a run: each is damaged in every way, and overwritten with JSON of any shape."""
    whole = everything(run)(lambda text: None)
    checkpoint = max((run / "checkpoints").iterdir(), key=lambda path: int(path.name))
    inside = [path.relative_to(run) for path in sorted(checkpoint.rglob("*")) if path.is_file()]
    files = [Path(name) for name in RUN_FILES if (run / name).exists()] + inside
    # Each kind of damage once, each to another file, and then again starting from the next file.
    cases = [
        (files[(first + place) % len(files)], name, damage)
        for first in range(len(files))
        for place, (name, damage) in enumerate(damages(seed=3).items())
    ]
    written = []
    for shape in examples(SHAPES, count // 2, seed=5):
        text = json.dumps(shape)
        file = Path(RUN_FILES[len(written) % 5])
        written.append((file, text[:60], lambda path, text=text: path.write_text(text + "\n")))

    def unreported(result, reported):
        return result[:4] != whole[:4] and not reported  # a changed digit in the rest cannot be detected

    for file, name, damage in cases[:count] + written:
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / "run"
            shutil.copytree(run, copy)
            if not (copy / file).exists():
                continue
            damage(copy / file)
            counts.attempt((str(file), name), everything(copy), unreported)
            if file.parts[0] == "checkpoints":
                counts.attempt((str(file), name, "to train"), lambda report, copy=copy: _open_to_train(copy, report))


def _open_to_train(run, report):
    """Does what training does with the checkpoints before its first step, and at the first evaluation."""
    checkpoints = Checkpoints(run / "checkpoints", clean_up=True)
    try:
        state = checkpoints.restore(None, report)
        checkpoints.save(1000, state, {"top1": 0.5})
        checkpoints.wait()
        return state
    finally:
        checkpoints.close()


def attack_lines(counts, count):
    """Fuzzes the recorded runs of a study."""
    line = (Path(__file__).parents[1] / "docs/studies/padding/runs.jsonl").read_bytes().split(b"\n")[0] + b"\n"
    fields = sorted(json.loads(line))
    changed = strategies.tuples(strategies.sampled_from(fields), SHAPES)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "runs.jsonl"
        for field, shape in examples(changed, count, seed=6):
            path.write_text(json.dumps({**json.loads(line), field: shape}) + "\n")
            counts.attempt(("runs.jsonl", field, shape), lambda report: read_runs(path))
        for name, damage in damages(seed=7).items():
            path.write_bytes(line * 3) if not path.is_dir() else None
            if name != "folder":
                damage(path)
                counts.attempt(("runs.jsonl", name), lambda report: read_runs(path))


def make_run(folder):
    """Trains a short run with two checkpoints; returns its folder."""
    zoo.fit(tabular(budget__steps=8, budget__evaluate_every=0.5), folder)
    return folder


def attack(run, count):
    """Runs all parts of the fuzzer, with about `count` examples of each kind; returns the counts."""
    counts = Counts()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attack_values(counts, count)
        attack_run(counts, run, count)
        attack_lines(counts, count)
    return counts


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        found = attack(make_run(Path(scratch) / "run"), int(sys.argv[1]) if sys.argv[1:] else 1000)
    print(f"{sum(found.values()):,} attempts: {found['accepted']:,} accepted, {found['rejected']:,} rejected")
    for outcome, (number, example) in found.failures.items():
        print(f"{number:,} {outcome}, such as {example}")
    sys.exit(1 if found.failures else 0)
