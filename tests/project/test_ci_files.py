"""Tests of the files in docs/ci/, which other projects copy, and of the project's own workflow."""

import re
import shlex
import stat
import subprocess

import commands
import pytest
import yaml
from programs import ROOT

CI = ROOT / "docs" / "ci"


def read(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def scripts():
    """Yields the commands of the jobs, with their variables replaced."""
    job = read("docs/ci/github-actions.yml")
    for step in job["jobs"]["nightly"]["steps"]:
        yield step.get("run", ""), job["env"]
    job = read("docs/ci/gitlab-ci.yml")["convergence"]
    for line in job["script"]:
        yield line, job["variables"]


def test_the_commands_of_the_jobs_exist():
    checked = 0
    for text, variables in scripts():
        for name, value in variables.items():
            text = text.replace(f"${name}", value)
        for line in text.splitlines():
            if " -m verification " in line:
                words = shlex.split(re.split(r"\|\|", line)[0])
                checked += commands.check_words(["python", *words[1:]])
    assert checked == 4


def test_the_jobs_write_what_they_keep():
    text = (CI / "gitlab-ci.yml").read_text(encoding="utf-8")
    job = read("docs/ci/gitlab-ci.yml")["convergence"]
    kept = [*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]]
    assert all(f"={path}" in text for path in kept) and job["allow_failure"] == {"exit_codes": 3}


def test_an_undecided_comparison_does_not_fail_the_github_job():
    (step,) = [text for text, _ in scripts() if "--baseline" in text and "status=0" in text]
    for status, wanted in ((0, 0), (1, 1), (2, 2), (3, 0)):
        script = re.sub(r"after/bin/python .*?json(?= \|\|)", f"(exit {status})", step)
        assert script != step
        assert subprocess.run(["bash", "-e", "-c", script], capture_output=True).returncode == wanted


@pytest.mark.parametrize(("status", "wanted"), [(0, 0), (1, 1), (2, 125), (3, 125), (70, 125), (130, 125)])
def test_statuses_for_git_bisect(status, wanted, tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\nexit {status}\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    command = ["sh", CI / "bisect.sh", "before.json", "--recipe=mlp", "--only=traces"]
    assert subprocess.run(command, env={"PYTHON": str(python), "PATH": "/usr/bin:/bin"}).returncode == wanted
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments == ["-m", "verification", "--baseline=before.json", "--recipe=mlp", "--only=traces"]
    assert subprocess.run(command, env={"BUILD": "false", "PATH": "/usr/bin:/bin"}).returncode == 125


def test_bisecting_finds_the_commit(tmp_path):
    """A repository whose fifth of eight commits changes what the comparison says, and whose third does not build."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    for number in range(1, 9):
        (tmp_path / "status").write_text("1" if number >= 5 else "0")
        (tmp_path / "builds").write_text("exit 1" if number == 3 else f"exit 0 # {number}")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", f"commit {number}"], check=True)
    python = tmp_path / ".git" / "python"
    python.write_text("#!/bin/sh\nexit $(cat status)\n")
    python.chmod(0o755)
    subprocess.run([*git, "bisect", "start", "HEAD", "HEAD~7"], check=True, capture_output=True)
    found = subprocess.run(
        [*git, "bisect", "run", "sh", str(CI / "bisect.sh"), "before.json"],
        env={"PYTHON": str(python), "BUILD": "sh builds", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert "is the first bad commit" in found.stdout and "commit 5" in found.stdout, found.stdout + found.stderr


def test_the_workflow_runs_all_of_ci_on_every_python():
    job = read(".github/workflows/ci.yml")["jobs"]["run"]
    named = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert job["strategy"]["matrix"]["python"] == named and job["steps"][-1] == {"run": ".ci/run"}


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_the_images_copy_what_the_package_is_built_from(name):
    text = (ROOT / "docker" / f"{name}.Dockerfile").read_text(encoding="utf-8")
    copied = " ".join(re.findall(r"COPY (?:--\S+ )?(.*) \S+\n", text)).split()
    assert all((ROOT / path).exists() for path in copied)
    assert {"zoo", "recipes", "verification", "third_party", "pyproject.toml", "README.md", "LICENSE"} <= set(copied)
