"""zoo.registry.plugins: real distributions on sys.path, found as an installed one is"""

from __future__ import annotations

import sys

import pytest

from zoo.errors import ZooError
from zoo.registry.plugins import manifests, plugins


def _row(name: str):
    (row,) = [row for row in plugins() if row.name == name]
    return row


def test_first_party_plugins_come_through_their_entry_point_like_any_other(install):
    install("toy")
    assert _row("toy").distribution == "zoo-toy 1.0"
    assert _row("bert").distribution.startswith("keras-zoo ")
    assert [row.name for row in plugins()] == sorted(row.name for row in plugins())
    assert not any(row.error for row in plugins())


def test_finding_a_plugin_runs_none_of_its_code(install):
    install("toy", files={"__init__.py": "raise SystemExit('imported')"})
    assert _row("toy").manifest is not None
    assert "zoo_toy" not in sys.modules


@pytest.mark.parametrize(
    ("manifest", "files", "told"),
    [
        ("schema = 2\nmodule = 'zoo_toy'", {}, "schema is 2; this zoo reads schema 1"),
        ("not toml", {}, "is not valid TOML"),
        ("schema = 1\nmodule = 'zoo_toy'\nrequires-zoo = '>=99'", {}, "It needs zoo >=99"),
        ("schema = 1\nmodule = 'zoo_toy'\nrequires-zoo = 'new'", {}, "is not a version specifier"),
        ("schema = 1\nmodule = 'zoo_toy'\npresets = ['zoo_toy:p.toml']", {}, "has no file 'p.toml'"),
        (
            "schema = 1\nmodule = 'zoo_toy'\npresets = ['zoo_toy:p.toml']",
            {"p.toml": "schema = 1\n[a]\nmirrors = 5"},
            "a.architecture is missing",
        ),
    ],
)
def test_a_broken_plugin_is_a_row_and_disturbs_no_other(install, manifest, files, told):
    install("toy", manifest, files=files)
    assert told in _row("toy").error
    assert _row("toy").manifest is None
    assert _row("bert").manifest is not None
    assert {m.plugin for m in manifests()} >= {"bert", "datasets"}


@pytest.mark.parametrize(
    "point", ["nothing_there:zoo.toml", "zoo_toy", "zoo_toy.inner:zoo.toml", "zoo_toy:gone.toml"]
)
def test_an_entry_point_that_leads_nowhere_is_a_row(install, point):
    install("toy", point=point)
    assert _row("toy").error


def test_a_name_claimed_twice_names_both_distributions(install):
    install("toy")
    install("toy", distribution="toy-too")
    rows = [row for row in plugins() if row.name == "toy"]
    assert [row.error for row in rows] == ["The name is claimed twice: toy-too 1.0, zoo-toy 1.0."] * 2
    assert not any(row.manifest for row in rows)


def test_plugins_can_be_left_out(install, monkeypatch):
    monkeypatch.setenv("ZOO_DISABLE_PLUGINS", "toy, bert")
    install("toy")
    names = {row.name for row in plugins()}
    assert "datasets" in names
    assert not names & {"toy", "bert"}


def test_authors_can_have_the_error_raised(install, monkeypatch):
    monkeypatch.setenv("ZOO_PLUGIN_ERRORS", "raise")
    install("toy", "schema = 2")
    with pytest.raises(ZooError, match=r"Plugin 'toy' of zoo-toy 1\.0 is broken") as caught:
        plugins()
    assert "schema is 2" in caught.value.why[0]


def test_a_leftover_of_an_uninstalled_distribution_is_passed_over(install, tmp_path):
    (tmp_path / "site" / "~oy-1.0.dist-info").mkdir()
    (tmp_path / "site" / "empty-1.0.dist-info").mkdir()
    install("toy")
    assert _row("toy").manifest is not None
