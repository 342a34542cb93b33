"""A short attack on all that is read, see `attack.py`; the long one is `python tests/attack.py`, or `-m full`."""

import pytest

pytest.importorskip("hypothesis")

import attack


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return attack.make_run(tmp_path_factory.mktemp("attacked") / "run")


# What was being read of a damaged checkpoint is dropped by Orbax unread.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("count", [15, pytest.param(150, marks=pytest.mark.full)])
def test_no_traceback_nothing_in_silence_and_no_hang(run, count):
    counts = attack.attack(run, count)
    assert counts.failures == {} and counts["right"] > count and counts["refused"] > 2 * count


def test_the_attack_sees_what_it_looks_for(monkeypatch):
    """Each outcome that it counts, from an action that has it."""
    monkeypatch.setattr(attack, "SECONDS", 0.01)

    def slow(say):
        attack.time.sleep(0.02)

    def two_lines(say):
        raise attack.ZooError("a\nb")

    def one_line(say):
        raise attack.ZooError("a")

    counts = attack.Counts()
    counts.attempt("", lambda say: 1 / 0)
    counts.attempt("", lambda say: 1, lambda result, said: not said)
    for action in (slow, two_lines, one_line, lambda say: say("x\x1b[31m"), lambda say: say("x")):
        counts.attempt("", action)
    assert dict(counts) == {
        "traceback: ZeroDivisionError": 1, "silent": 1, "hang": 1, "unclear": 2, "refused": 1, "right": 1
    }  # fmt: skip
    assert counts.failures.keys() == counts.keys() - {"right", "refused"}
