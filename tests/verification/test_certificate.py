"""Tests of certificates, and of the JUnit and badge files."""

import json
from xml.etree import ElementTree

import pytest
from examples import tabular
from programs import run_python

from verification import certificate, report
from verification.check import Group
from zoo.data.sources import open_data
from zoo.errors import ZooError
from zoo.training.run.environment import environment

GROUP = Group("tabular", "traces")
CHECKS = [
    GROUP.check("loss", True, "right", {"value": 0.5, "low": 0.0, "high": 1.0, "n": 5, "alpha": 0.01}),
    GROUP.skip("target", "takes too long"),
]
ARGUMENTS = {"recipe": ["tabular"], "only": ["traces"], "tier": "full", "seed": 7}


@pytest.fixture(scope="module")
def dataset():
    return open_data(tabular().data)


def make(dataset, checks=CHECKS, **changes):
    return certificate.make_certificate("tabular", tabular(**changes), dataset, checks, environment(), ARGUMENTS)


def failures(stated, found):
    return {check.name: check.detail for check in certificate.compare(stated, found) if check.status == "fail"}


def signed(content):
    """Returns a certificate with a digest that fits, as one who knows the format can make it."""
    rest = {key: value for key, value in content.items() if key != "digest"}
    return {**rest, "digest": certificate._digest(rest)}


def test_a_certificate_is_written_read_and_confirmed(tmp_path, dataset):
    path = tmp_path / "certificate.json"
    certificate.write_certificate(path, make(dataset))
    stated = certificate.read_certificate(path)
    assert stated["verdict"] == "pass" and stated["data"]["digest"] and "command" not in stated["environment"]
    assert failures(stated, make(dataset)) == {}


def test_tampering_is_found(dataset):
    stated = json.loads(json.dumps(make(dataset)))
    edited = json.loads(json.dumps(stated))
    edited["checks"][0]["figures"]["value"] = 0.6
    found = make(dataset)
    assert set(failures(edited, found)) == {"file", "figures"}
    again = failures(signed(edited), found)  # with a digest that fits, running it again finds the figure
    assert set(again) == {"figures"} and "value of traces: loss is 0.5, certified was 0.6" in again["figures"]
    other_ledger = {**stated, "ledger": {"n": 8, "digest": "0" * 64}}
    assert set(failures(other_ledger, found)) == {"file", "ledger"}
    better = json.loads(json.dumps(stated))
    better["checks"][1]["status"] = "pass"
    assert set(failures(signed(better), found)) == {"checks"}
    huge = json.loads(json.dumps(stated))
    huge["checks"][0]["figures"]["value"] = 10**400
    assert set(failures(signed(huge), found)) == {"figures"}


def test_another_recipe_result_and_environment(dataset):
    stated = make(dataset)
    assert set(failures(stated, make(dataset, schedule__peak=0.2))) == {"recipe"}
    failed = [GROUP.check("loss", False, "wrong"), CHECKS[1]]
    assert set(failures(stated, make(dataset, failed))) == {"checks", "figures", "verdict"}
    elsewhere = signed({**stated, "environment": {**stated["environment"], "processor": "another"}})
    checks = {check.name: check.status for check in certificate.compare(elsewhere, make(dataset))}
    assert checks["environment"] == "skip" and "figures" not in checks and "fail" not in checks.values()


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: b"[" * 100_000,
        lambda content: b"null",
        lambda content: json.dumps({**content, "checks": [3]}).encode(),
        lambda content: json.dumps({**content, "format": 2}).encode(),
        lambda content: json.dumps({**content, "arguments": {"only": [], "tier": "full", "seed": "7"}}).encode(),
        lambda content: b" " * (certificate.MAX_BYTES + 1),
    ],
)
def test_damaged_certificates_are_one_line(tmp_path, dataset, change):
    path = tmp_path / "certificate.json"
    path.write_bytes(change(make(dataset)))
    with pytest.raises(ZooError) as caught:
        certificate.read_certificate(path)
    assert "\n" not in str(caught.value) and "certificate.json" in str(caught.value)


@pytest.mark.slow
def test_certificates_on_the_command_line(tmp_path):
    path = tmp_path / "certificate.json"
    arguments = ["--recipe=mlp", "--only=initialization,traces"]
    assert run_python("-m", "verification", *arguments, f"--certify={path}").returncode == 0
    done = run_python("-m", "verification", f"--certificate={path}")
    assert done.returncode == 0 and "the same" in done.stdout, done.stdout + done.stderr
    content = json.loads(path.read_text())
    path.write_text(json.dumps(signed({**content, "recipe": {**content["recipe"], "name": "/tmp/mine.py"}})))
    done = run_python("-m", "verification", f"--certificate={path}")
    assert done.returncode == 2 and "not built in" in done.stderr


def test_undecided_is_an_error_of_its_own_type_in_junit(tmp_path):
    checks = [*CHECKS, GROUP.check("bad", False, "wrong"), GROUP.undecided("open", "no runs")]
    report.write_junit(tmp_path / "report.xml", checks)
    suite = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == dict(
        tests="4", failures="1", errors="1", skipped="1"
    )
    (error,) = suite.findall("testcase/error")
    assert (error.get("type"), error.get("message")) == ("undecided", "no runs")


@pytest.mark.parametrize(
    ("more", "message", "color"),
    [
        ([], "1 pass, 1 skip", "brightgreen"),
        ([GROUP.check("bad", False, "wrong")], "1 pass, 1 fail, 1 skip", "red"),
        ([GROUP.undecided("open", "no runs")], "1 pass, 1 undecided, 1 skip", "yellow"),
    ],
)
def test_badge(tmp_path, more, message, color):
    report.write_badge(tmp_path / "badge.json", [*CHECKS, *more])
    assert json.loads((tmp_path / "badge.json").read_text()) == {
        "schemaVersion": 1, "label": "verification", "message": message, "color": color
    }  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--model=a.B"], "--model requires --like"),
        (["--like=alexnet"], "requires something to compare"),
        (["--like=alexnet", "--baseline=x.json"], "--like and --baseline cannot be combined"),
        (["--certify=x.json"], "requires exactly one --recipe"),
        (["--certificate=no/such.json"], "cannot be read"),
        (["--certificate=x.json", "--only=traces"], "--only cannot be combined with --certificate"),
        (["--record", "--recipe=mlp", "--tier=quick"], "--tier cannot be combined with --record"),
        (["--record", "--recipe=mlp", "--fault=no_lrn"], "--fault cannot be combined with --record"),
        (["--recipe=lenet5", "--only=traces", "--data=folder:no/such"], "no/such"),
        (["--baseline=x.json", "--json=x.json"], "must be different files"),
    ],
)
def test_usage_errors_are_one_line(flags, said):
    done = run_python("-m", "verification", *flags)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1, done.stderr
