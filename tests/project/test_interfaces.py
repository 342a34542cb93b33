"""Tests of the table of unstable interfaces of other packages, and of the fallbacks without them."""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import jaxlib
import pytest
from programs import ROOT, run_python

from verification.ledger import data_name
from zoo import cli, compilation, interfaces, recipe_flags
from zoo.benchmark import memory
from zoo.errors import ZooWarning
from zoo.layers.convolution import onednn
from zoo.training.run import checkpoint, environment

SOURCES = {
    path.relative_to(ROOT / "zoo").as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "zoo").rglob("*.py"))
    if path.name != "interfaces.py"
}


@pytest.mark.parametrize("interface", interfaces.INTERFACES, ids=lambda each: each.name[:40])
def test_the_table_lists_every_use(interface):
    assert tuple(name for name, text in SOURCES.items() if interface.mark in text) == tuple(sorted(interface.used_in))


def test_no_private_modules_are_imported():
    private = re.compile(
        r"^\s*(from|import) (jax\._src|jaxlib\.|flax\.core\.|orbax\.checkpoint\._src|grain\._src)", re.M
    )
    assert [name for name, text in SOURCES.items() if private.search(text)] == []


@pytest.mark.parametrize(
    ("version", "numbers"),
    [
        ("0.12.0.1", (0, 12, 0, 1)),
        ("0.13.0.dev20261128", (0, 13, 0)),
        ("0.11.1rc1", (0, 11, 1)),
        ("0.10.2+local.7", (0, 10, 2)),
        ("1", (1,)),
        ("unknown", ()),
    ],
)
def test_versions(version, numbers):
    assert interfaces.parse_version(version) == numbers


@pytest.mark.parametrize(
    ("version", "tested", "newer"),
    [
        ("0.9.2", False, False),
        ("0.10.0", True, False),
        ("0.11.1rc1", True, False),
        ("0.12.7", True, False),
        ("0.13.0.dev20261128", False, True),
        ("1.0", False, True),
        ("unknown", False, False),
    ],
)
def test_only_newer_versions_cause_a_warning(version, tested, newer):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert interfaces.is_tested(interfaces.ONEDNN, version) == tested
    assert [(each.category, version in str(each.message)) for each in caught] == [(ZooWarning, True)] * newer


@pytest.fixture
def onednn_cache_cleared():
    """Clears the cached availability of oneDNN, which is determined once per process."""
    onednn.is_available.cache_clear()
    yield
    onednn.is_available.cache_clear()


@pytest.mark.parametrize(("system", "machine"), [("darwin", "arm64"), ("win32", "AMD64"), ("linux", "aarch64")])
def test_onednn_is_for_linux_on_x86_64(monkeypatch, onednn_cache_cleared, system, machine):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(onednn.platform, "machine", lambda: machine)
    monkeypatch.setattr(jaxlib, "__version__", "99.0")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no warning, since no version would have it
        assert not onednn.is_available()


@pytest.mark.slow
def test_a_newer_jaxlib_trains_with_one_warning(tmp_path):
    """Runs the program, which is where the warning is printed."""
    script = tmp_path / "newer.py"
    script.write_text(
        "import sys, jaxlib\n"
        "jaxlib.__version__ = '99.0.dev1'\n"
        "sys.platform = 'linux'\n"
        "import platform; platform.machine = lambda: 'x86_64'\n"
        "import runpy; runpy.run_module('zoo.train', run_name='__main__', alter_sys=True)\n",
        encoding="utf-8",
    )
    arguments = ["--recipe=lenet5", "--set=budget.steps=4", "--set=target=None", f"--workdir={tmp_path / 'run'}"]
    # With GLIBC_TUNABLES set, the program does not restart itself, which would bypass this script.
    done = run_python(script, *arguments, GLIBC_TUNABLES="glibc.malloc.hugetlb=1", PYTHONPATH=str(ROOT))
    assert done.returncode in (0, 1), done.stderr
    lines = [line for line in done.stderr.splitlines() if "jaxlib" in line]
    assert len(lines) == 1 and lines[0].startswith("note: jaxlib 99.0.dev1 is newer than 0.12")


def test_unknown_compiler_options_are_omitted(monkeypatch):
    assert compilation.known_options({"xla_no_such_option": 1, "xla_backend_optimization_level": 0}) == {
        "xla_backend_optimization_level": 0
    }
    assert compilation.known_options({"xla_backend_optimization_level": "fast"}) == {}  # unknown value
    monkeypatch.setattr(compilation, "CPU_OPTIONS", {"xla_no_such_option": True})
    assert compilation.run_once(lambda x: x + 1, 2) == 3


def test_compiler_options_are_tried_once_per_process(monkeypatch):
    compilation.known_options(compilation.CPU_OPTIONS)
    monkeypatch.setattr(jax, "jit", None)
    compilation.known_options(compilation.CPU_OPTIONS)


@pytest.mark.skipif(not onednn.is_available(), reason="this machine's jaxlib has no oneDNN")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("jax.jit(convolve)(x, kernel).block_until_ready(); print(count() - before)", "0"),
        # A program that runs once leaves the cache to those after it.
        ("run_once(convolve, x, kernel); print(count() - before); run_once(add, x); print(count() - before)", "0 1"),
    ],
)
def test_only_programs_with_onednn_calls_are_not_cached(tmp_path, script, expected):
    """XLA cannot serialize them: on some systems JAX warns, on others the process crashes."""
    setup = (
        "import pathlib, jax, jax.numpy as jnp\n"
        "from zoo.compilation import run_once\n"
        "from zoo.layers.convolution.onednn import forward\n"
        "from zoo.layers.window import Window\n"
        "count = lambda: len([*pathlib.Path(jax.config.jax_compilation_cache_dir).glob('jit_*')])\n"
        "x, kernel = jnp.ones((2, 9, 9, 4)), jnp.ones((3, 3, 4, 8))\n"
        "window = Window((3, 3), (1, 1), ((0, 0), (0, 0)))\n"
        "convolve, add = lambda x, kernel: forward(x, kernel, window, 1), lambda x: x + 2\n"
        "run_once(lambda x: x + 1, x)\n"  # tries the compiler's options as well
        "before = count()\n"
        "assert before\n"
    )
    cache = {"JAX_COMPILATION_CACHE_DIR": tmp_path, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    done = run_python("-c", setup + script, **{name: str(value) for name, value in cache.items()})
    assert "cache entry" not in done.stderr and done.stdout.split() == expected.split(), (done.stdout, done.stderr)


def test_errors_of_compilation_are_raised():
    def calls_nothing(x):
        return jax.ffi.ffi_call("no_such_target", jax.ShapeDtypeStruct((), jnp.float32))(x)

    with pytest.raises(jax.errors.JaxRuntimeError, match="no_such_target"):
        compilation.run_once(calls_nothing, jnp.float32(1))


def test_orbax_functions_under_either_name(monkeypatch):
    orbax = SimpleNamespace(load_pytree=lambda: "before")
    monkeypatch.setattr(checkpoint, "ocp", orbax)
    assert checkpoint._function("load", "load_pytree")() == "before"
    orbax.load = lambda: "now"
    assert checkpoint._function("load", "load_pytree")() == "now"


@pytest.fixture
def restarts(monkeypatch):
    """Records the arguments with which `use_huge_pages` would restart the program."""
    started = []
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "execv", lambda *arguments: started.append(arguments))
    return started


def test_a_program_restarts_with_huge_pages_once(restarts):
    cli.use_huge_pages()
    cli.use_huge_pages()
    assert restarts == [(sys.executable, [sys.executable, *sys.orig_argv[1:]])]


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_no_huge_pages_on_other_systems(monkeypatch, restarts, system):
    monkeypatch.setattr(sys, "platform", system)
    cli.use_huge_pages()
    assert restarts == [] and "GLIBC_TUNABLES" not in os.environ


def test_a_program_that_may_not_restart_continues(monkeypatch, restarts):
    def forbidden(*arguments):
        raise PermissionError("not in this sandbox")

    monkeypatch.setattr(os, "execv", forbidden)
    cli.use_huge_pages()
    monkeypatch.delenv("GLIBC_TUNABLES")
    monkeypatch.setattr(sys, "executable", "")  # as in an embedded Python
    cli.use_huge_pages()


def test_closed_output_pipe_without_sigpipe():
    """Windows has no SIGPIPE; the program exits as on other systems."""
    script = (
        "import runpy, signal, sys; del signal.SIGPIPE; sys.argv[1:] = ['--model=alexnet'];"
        "runpy.run_module('zoo.summarize', run_name='__main__', alter_sys=True)"
    )
    environment = {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert done.returncode == 128 + 13 and "Traceback" not in done.stderr, done.stderr


def test_recipe_names_on_windows():
    assert [
        recipe_flags.short_name(name) for name in ("alexnet", "recipes.alexnet", "mine/alexnet.py", "recipes/alexnet")
    ] == ["alexnet"] * 4
    assert data_name("folder:C:\\images\\flowers\\") == data_name("folder:/images/flowers/") == "folder:flowers"


def test_cores_and_processor_without_linux(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert environment.cores() == os.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert environment.cores() == 1
    monkeypatch.setattr(environment, "Path", lambda path: Path("/no/such/file"))
    assert environment.processor()


def test_peak_memory_is_none_where_it_cannot_be_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "PROCESS", tmp_path)
    assert memory.peak_of_process(lambda: None) is None  # no /proc
    (tmp_path / "clear_refs").touch()
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())  # a C library other than glibc
    assert memory.peak_of_process(lambda: None) is None


def test_text_is_read_and_written_as_utf8():
    """By default Python uses the system's encoding, which differs on Windows."""
    script = (
        "import sys, zoo.inspect.comparison, zoo.training.fit, verification.results as results;"
        " results.table_of_recipes()"
    )
    done = run_python("-X", "warn_default_encoding", "-W", "always::EncodingWarning", "-c", script)
    ours = [line for line in done.stderr.splitlines() if str(ROOT) in line and "EncodingWarning" in line]
    assert done.returncode == 0 and ours == []
    without = re.compile(r"\.(read_text|write_text)\((?![^\n]*encoding=)|\.open\((\"[wax]\")?\)")
    packages = {path: path.read_text(encoding="utf-8") for path in (ROOT / "verification").rglob("*.py")} | SOURCES
    assert [str(name) for name, text in packages.items() if without.search(text)] == []


def test_own_warnings_are_one_line_and_others_are_unchanged(monkeypatch, capsys):
    monkeypatch.setattr(warnings, "showwarning", lambda message, *rest, **options: print(f"as before: {message}"))
    cli._print_own_warnings_as_one_line()
    warnings.showwarning(ZooWarning("slower"), ZooWarning, "file.py", 3)
    warnings.showwarning(UserWarning("other"), UserWarning, "file.py", 3)
    captured = capsys.readouterr()
    assert captured.err == "note: slower\n" and captured.out == "as before: other\n"
