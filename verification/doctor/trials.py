"""Diagnoses of cases, each in a fresh process, recorded as they are done."""

import ast
import functools
import hashlib
import json
import multiprocessing
import os
import random
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from absl import flags

from verification.doctor import colour, healthy
from verification.doctor.bases import BASES
from verification.doctor.case import Case
from verification.doctor.faults import faults
from zoo import cli

OTHERS = "other strengths on other networks"  # group of cases
ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results.jsonl"
UNRELATED = ("__main__.py", "history.py", "records.py")  # files of the doctor that no diagnosis of a program uses
SECONDS = 120.0  # that a diagnosis may take
# The present version of the code, and those that diagnosed the cases, whose diagnoses are the same. It names a fault of
# the network where they could only call it too small, and counts memorizing of few examples in a part of a run as
# well: the cases that either concerns were diagnosed again. It also trains after the measurements that only read, which
# matters where the time is short. Else it differs in texts.
EQUIVALENT = {"055eb0c09082": {"85e63edc9764", "71e59a9646be", "fc72e158abf0", "74f61d50c1d0"}}


def faulty_cases() -> Iterator[Case]:
    """Yields every fault at its strengths: all on the first base, the first strength on the others."""
    for fault in faults():
        for place, strength in enumerate(fault.strengths):
            for base in fault.bases if place == 0 else fault.bases[:1]:
                shown = "" if strength is None else f" ({_shown(strength)})"
                learned = base == fault.bases[0] and place % 2 == 0

                def make(fault=fault, strength=strength, base=base):
                    return fault.apply(BASES[base](), strength)

                yield Case(f"{fault.name}{shown} in {base}", fault.causes, learned, make, fault.name)


def other_cases() -> Iterator[Case]:
    """Yields faults at strengths and on bases that no other case has."""
    for fault in faults():
        for strength in fault.strengths[1:]:
            for base in fault.bases[1:]:

                def make(fault=fault, strength=strength, base=base):
                    return fault.apply(BASES[base](), strength)

                yield Case(f"{fault.name} ({_shown(strength)}) in {base}", fault.causes, False, make, OTHERS)


def _shown(strength):
    return getattr(strength, "__name__", None) or (f"{strength:g}" if isinstance(strength, float) else str(strength))


def pairs() -> Iterator[Case]:
    """Yields two faults at once, of which either is right as the first answer; they are only scored."""
    by_name = {fault.name: fault for fault in faults()}
    for one, two, base in (
        ("rate too high", "raw pixels", "lenet5"),
        ("rate too low", "softmax before the loss", "bn_cnn"),
        ("raw pixels", "wrong labels", "plain"),
        ("rate too low", "sum over the batch", "lenet5"),
        ("small weights", "rate too low", "plain"),
        ("weight decay", "rate too low", "lenet5"),
    ):
        first, second = by_name[one], by_name[two]

        def make(first=first, second=second, base=base):
            return second.apply(first.apply(BASES[base](), first.strengths[0]), second.strengths[0])

        yield Case(f"{one} and {two} in {base}", first.causes + second.causes, False, make, "pair")


def all_cases(images: str | None = None) -> list[Case]:
    """Returns all cases: first those to learn from, whole recipes last, each part in an order that is always the same.

    Args:
      images: source of colour images, such as "folder:cifar10"; None leaves out the cases that need them.
    """
    cases = [*faulty_cases(), *pairs(), *healthy.cases(), *other_cases(), *(colour.cases(images) if images else ())]
    random.Random(0).shuffle(cases)
    return sorted(cases, key=lambda case: (not case.learned, case.group == "healthy recipe"))


def diagnose(case: Case) -> dict[str, Any]:
    """Diagnoses a case, and returns what is recorded of it."""
    from verification.doctor import baselines, swaps
    from verification.doctor.diagnosed import program_of
    from zoo.doctor.diagnosing import Examination, examine
    from zoo.doctor.diagnosis import Diagnosis

    started = time.perf_counter()
    program, early = program_of(case.make())
    if program is None:
        found = Examination(Diagnosis(case.name, "fault", tuple(early), ()), {}, [])
    else:
        found = examine(program, seconds=SECONDS, seed=case.seed)
    diagnosis, evidence, suspicions = found
    seconds = time.perf_counter() - started
    rules = {}
    if program is not None:
        evidence = {**evidence, "gradients": baselines.gradients(program, case.seed)}
        rules = baselines.answers(evidence, diagnosis.course.get("as it is", {}))
        sampled = case.group == OTHERS and zlib.crc32(case.name.encode()) % 2 == 0
        if sampled or (case.group == "healthy setting" and not case.learned):
            rules["random changes, in the same seconds"] = swaps.first_remedy(program, case.name, seconds, SECONDS)
    return {
        "case": case.name,
        "code": code_digest(),
        "group": case.group,
        "causes": list(case.causes),
        "learned": case.learned,
        "verdict": diagnosis.verdict,
        "findings": [
            {name: getattr(each, name) for name in ("cause", "confidence", "confirmed", "harmless", "decided_by")}
            for each in diagnosis.findings
        ],
        "suspicions": [
            {"rule": each.rule, "cause": each.cause, "score": float(each.score), "exact": each.exact}
            for each in suspicions
        ],
        "courses": {
            name: {key: value for key, value in course.items() if key != "losses"}
            for name, course in diagnosis.course.items()
        },
        "baselines": rules,
        "seconds": seconds,
    }


@functools.cache
def code_digest() -> str:
    """Returns a digest of the code that decides a diagnosis: of the doctor, without its output, and of the cases."""
    folders = (ROOT / "zoo" / "doctor", ROOT / "verification" / "doctor" / "faults")
    files = sorted(path for folder in folders for path in folder.rglob("*.py"))
    decides = [path for path in files if path.parent.name != "report" and path.name not in UNRELATED]
    cases = [ROOT / "verification" / "doctor" / name for name in ("bases.py", "colour.py", "healthy.py")]
    # Comments and layout decide nothing.
    content = [ast.unparse(ast.parse(path.read_text(encoding="utf-8"))) for path in (*decides, *cases)]
    return hashlib.sha256("\0".join(content).encode()).hexdigest()[:12]


def is_present(result: Mapping[str, Any]) -> bool:
    """Returns whether the present code diagnosed a case, or earlier code whose diagnosis is the same."""
    code = code_digest()
    return result.get("code") in {code, *EQUIVALENT.get(code, ())}


def read_results() -> list[dict[str, Any]]:
    """Returns all recorded results; of several of a case, the last."""
    if not RESULTS.exists():
        return []
    lines = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    return list({line["case"]: line for line in lines}.values())


def run(cases: Sequence[Case], processes: int, images: str | None = None) -> Iterator[dict[str, Any]]:
    """Yields the results of cases in the order in which they are done, and appends them to the record.

    Args:
      cases: of `all_cases(images)`.
      processes: that diagnose at the same time.
      images: source of colour images.
    """
    spawned = multiprocessing.get_context("spawn")
    cores = spawned.Queue()
    for core in range(processes):
        cores.put(core)
    with ProcessPoolExecutor(processes, spawned, _set_up, (cores,)) as pool:
        futures = {pool.submit(_by_name, case.name, images): case.name for case in cases}
        for future in as_completed(futures):
            try:
                result = future.result()
            except Exception as error:
                result = {"case": futures[future], "error": f"{type(error).__name__}: {error}"}
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
            yield result


def _set_up(cores):
    """Gives a process a core of its own, so that times are comparable, and JAX's cache of compiled programs."""
    if hasattr(os, "sched_setaffinity"):
        available = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {available[cores.get() % len(available)]})
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = "1"
    args = flags.FlagValues()
    cli.define_jax_flags(args)
    args([""])
    cli.set_up_jax(args)


def _by_name(name, images):
    return diagnose(next(case for case in all_cases(images) if case.name == name))
