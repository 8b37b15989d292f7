"""zoo.registry.packages"""

from __future__ import annotations

import sys

import pytest

from zoo.errors import ZooError
from zoo.registry.packages import package_file, package_folder


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package `thorny` that cannot be imported, with one file."""
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "thorny"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "zoo.toml").write_text("schema = 1")
    return folder


def test_files_are_found_without_an_import(package):
    assert package_folder("thorny") == package
    assert package_file("thorny:zoo.toml") == package / "zoo.toml"
    assert "thorny" not in sys.modules


@pytest.mark.parametrize("name", ["no_such_package", "sys", "json.decoder", "this", "__main__", "", "../thorny"])
def test_what_is_no_installed_package_has_no_folder(name):
    assert package_folder(name) is None


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("thorny", "does not name a file"),
        ("thorny:", "does not name a file"),
        (":zoo.toml", "does not name a file"),
        ("thorny:../zoo.toml", "does not name a file"),
        ("thorny:/etc/passwd", "does not name a file"),
        ("thorny.inner:zoo.toml", "does not name a file"),
        ("thorny:other.toml", "has no file 'other.toml'"),
        ("absent:zoo.toml", "is not installed"),
        ("this:zoo.toml", "is not installed"),
    ],
)
def test_a_reference_that_leads_nowhere_says_why(package, reference, told):
    with pytest.raises(ZooError, match=told):
        package_file(reference)
