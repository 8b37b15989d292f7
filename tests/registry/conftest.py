"""`install`: puts a plugin on sys.path as an installer would, dist-info and all."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator

import pytest

from zoo.registry import code
from zoo.registry.plugins import plugins

MANIFEST = 'schema = 1\nmodule = "{package}"\n'


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
            "zoo.toml": MANIFEST.format(package=package) if manifest is None else manifest,
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
