"""Test that every command and code block of docs/predict-and-export.md works, in the order of the page."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from photographs import lite0_weights, photographs
from programs import ROOT

PAGE = ROOT / "docs" / "predict-and-export.md"


@pytest.mark.slow
def test_commands_and_code_work(tmp_path):
    pytest.importorskip("jax2onnx")
    pytest.importorskip("onnxruntime")
    (tmp_path / "folder").mkdir()
    for name in ("photo.jpg", "folder/a.jpg"):
        shutil.copy(photographs()[0], tmp_path / name)
    shutil.copy(lite0_weights(), tmp_path / "efficientnet-lite0.pth")
    random = np.random.default_rng(0)
    rows = [(random.normal(number % 2, 0.2), random.normal(), "ab"[number % 2]) for number in range(200)]
    (tmp_path / "table.csv").write_text("".join(["x,y,class\n", *(f"{x:.4f},{y:.4f},{name}\n" for x, y, name in rows)]))
    (tmp_path / "new-rows.csv").write_text("y,x\n0.5,1.1\n-0.2,0.1\n")
    blocks = re.findall(r"```(sh|python)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert {kind for kind, _ in blocks} == {"sh", "python"}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for kind, text in blocks:
        commands = [["python", "-c", text]] if kind == "python" else map(shlex.split, text.splitlines())
        for command in commands:
            assert command[0] == "python"
            arguments = [sys.executable, *command[1:]]
            done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, (command, done.stderr)
