"""An attack on everything that is read: values of recipes, and files of a run, made up by the thousand.

    python tests/attack.py [EXAMPLES]

Whatever comes in, one of two things has to come out: the right result, with a line about what was left out, or an error
of one line. It counts the rest: tracebacks, what was taken in silence, what took too long, and lines that are none.
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

SECONDS = 20.0  # after which it hangs
LONGEST = 4000  # letters of an error that is still a line
BY_ITSELF = ("recipe.json", "metrics.jsonl", "by_class.json", "corrupt.json", "environment.json", "statistics.npz")


class Counts(collections.Counter):
    """How often what came out, and an example of each failure."""

    def __init__(self):
        super().__init__()
        self.examples = {}

    def attempt(self, what, action, silent=lambda result, said: False):
        """Does something; `silent` says of its result, and of what was said meanwhile, whether too little was said."""
        said, started = [], time.perf_counter()
        try:
            result = action(said.append)
            outcome = "silent" if silent(result, said) else "right"
        except ZooError as error:
            one_line = str(error) and str(error).isprintable() and len(str(error)) <= LONGEST
            outcome = "refused" if one_line else "unclear"
            result = error
        except Exception as error:
            outcome, result = f"traceback: {type(error).__name__}", error
        if any("\n" in text or not text.isprintable() for text in said):
            outcome = "unclear"
        if time.perf_counter() - started > SECONDS:
            outcome = "hang"
        self[outcome] += 1
        if outcome not in ("right", "refused"):
            self.examples.setdefault(outcome, (what, repr(result)[:500], said[:2]))

    @property
    def failures(self):
        return {name: (self[name], self.examples[name]) for name in self if name not in ("right", "refused")}


# What a person may type, or a program paste: numbers at and beyond every border, and texts that are not what they seem.
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
    """So many values of a strategy, the same ones each time."""
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
    """Changes to recipes, from the command line and as JSON."""
    bases = [tabular(), zoo.load_recipe("lenet5")]
    paths = sorted({path for base in bases for path in base.flat() if not path.endswith("kind")})
    paths += ["model.options.hidden", "model.options.name", "data.keep", "schedule", "model", "provenance", "a.b", ""]
    pairs = strategies.tuples(strategies.sampled_from(bases), strategies.sampled_from(paths), VALUES)

    def unsound(recipe, said):
        """Whether a recipe that was taken holds what cannot be computed with, or does not come back from JSON."""
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
            lambda say, base=base, path=path, value=value: base.override(parse_changes(base, [f"{path}={value}"])),
            unsound,
        )
        counts.attempt(
            ("vary", path, value[:60]),
            lambda say, base=base, path=path, value=value: parse_variants(base, [f"{path}={value},{value}"]),
            lambda result, said: True,  # the same value twice
        )
    for shape in examples(SHAPES, count, seed=2):
        counts.attempt(
            ("from_json", shape), lambda say, shape=shape: Recipe.from_json(shape), lambda recipe, said: True
        )


def damages(seed):
    """Functions that damage a file, by name."""
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
    """What a program reads out of a run's folder, as one value to be compared; `say` hears of damage."""

    def read(say):
        run = load_run(folder, say)
        files = RunFolder(folder, say)
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
    """The files of a run, each damaged in every way, and written over with JSON of any shape."""
    whole = everything(run)(lambda text: None)
    checkpoint = max((run / "checkpoints").iterdir(), key=lambda path: int(path.name))
    inside = [path.relative_to(run) for path in sorted(checkpoint.rglob("*")) if path.is_file()]
    files = [Path(name) for name in BY_ITSELF if (run / name).exists()] + inside
    # Each damage once, each time to another file, and then again from the next file on.
    cases = [
        (files[(first + place) % len(files)], name, damage)
        for first in range(len(files))
        for place, (name, damage) in enumerate(damages(seed=3).items())
    ]
    written = []
    for shape in examples(SHAPES, count // 2, seed=5):
        text = json.dumps(shape)
        file = Path(BY_ITSELF[len(written) % 5])
        written.append((file, text[:60], lambda path, text=text: path.write_text(text + "\n")))

    def too_quiet(result, said):
        return result[:4] != whole[:4] and not said  # in what follows, a digit may have become another one

    for file, name, damage in cases[:count] + written:
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / "run"
            shutil.copytree(run, copy)
            if not (copy / file).exists():
                continue
            damage(copy / file)
            counts.attempt((str(file), name), everything(copy), too_quiet)
            if file.parts[0] == "checkpoints":
                counts.attempt((str(file), name, "to train"), lambda say, copy=copy: _open_to_train(copy, say))


def _open_to_train(run, say):
    """What a training run does with its checkpoints before its first step, and at the first evaluation."""
    checkpoints = Checkpoints(run / "checkpoints", clean_up=True)
    try:
        state = checkpoints.restore(None, say)
        checkpoints.save(1000, state, {"top1": 0.5})
        checkpoints.wait()
        return state
    finally:
        checkpoints.close()


def attack_lines(counts, count):
    """The runs of a study."""
    line = (Path(__file__).parents[1] / "docs/studies/padding/runs.jsonl").read_bytes().split(b"\n")[0] + b"\n"
    fields = sorted(json.loads(line))
    changed = strategies.tuples(strategies.sampled_from(fields), SHAPES)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "runs.jsonl"
        for field, shape in examples(changed, count, seed=6):
            path.write_text(json.dumps({**json.loads(line), field: shape}) + "\n")
            counts.attempt(("runs.jsonl", field, shape), lambda say: read_runs(path))
        for name, damage in damages(seed=7).items():
            path.write_bytes(line * 3) if not path.is_dir() else None
            if name != "folder":
                damage(path)
                counts.attempt(("runs.jsonl", name), lambda say: read_runs(path))


def make_run(folder):
    """A run of a moment, with two checkpoints."""
    zoo.fit(tabular(budget__steps=8, budget__evaluate_every=0.5), folder)
    return folder


def attack(run, count):
    """All of it, with about so many examples of each kind; the counts."""
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
    print(f"{sum(found.values()):,} attempts: {found['right']:,} right, {found['refused']:,} refused in a line")
    for outcome, (number, example) in found.failures.items():
        print(f"{number:,} {outcome}, such as {example}")
    sys.exit(1 if found.failures else 0)
