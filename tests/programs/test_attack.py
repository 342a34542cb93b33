"""A short run of the fuzzer in `attack.py`; the long one is `python tests/attack.py`, or `-m full`."""

import pytest

pytest.importorskip("hypothesis")

import attack


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return attack.make_run(tmp_path_factory.mktemp("attacked") / "run")


# Orbax drops pending reads of a damaged checkpoint, with these warnings.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("count", [15, pytest.param(150, marks=pytest.mark.full)])
def test_no_traceback_no_silent_damage_and_no_hang(run, count):
    counts = attack.attack(run, count)
    assert counts.failures == {} and counts["accepted"] > count and counts["rejected"] > 2 * count


def test_the_fuzzer_recognizes_each_outcome(monkeypatch):
    monkeypatch.setattr(attack, "TIMEOUT", 0.01)

    def slow(report):
        attack.time.sleep(0.02)

    def two_lines(report):
        raise attack.ZooError("a\nb")

    def one_line(report):
        raise attack.ZooError("a")

    counts = attack.Counts()
    counts.attempt("", lambda report: 1 / 0)
    counts.attempt("", lambda report: 1, lambda result, reported: not reported)
    for action in (slow, two_lines, one_line, lambda report: report("x\x1b[31m"), lambda report: report("x")):
        counts.attempt("", action)
    assert dict(counts) == {
        "traceback: ZeroDivisionError": 1, "silent": 1, "hang": 1, "unclear": 2, "rejected": 1, "accepted": 1
    }  # fmt: skip
    assert counts.failures.keys() == counts.keys() - {"accepted", "rejected"}
