"""`zoo plugins`, `zoo plugins list` and `zoo plugins check`; `zoo plugins lock` is tested with zoo.hub.lock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CATALOGUE = """
schema = 1
[tiny]
architecture = "bert:bert"
task = "fill-mask"
description = "a fine-tune of another plugin's architecture"
license = "mit"
source = "hf://toys/tiny"
"""
PIN = {"config.json": {}, "model.safetensors": {"size": 9, "sha256": "c" * 64}}


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A sound catalogue with its lock, of no installed plugin."""
    path = tmp_path / "toys.toml"
    path.write_text(CATALOGUE)
    (tmp_path / "toys.lock.json").write_text(json.dumps({"tiny": {"commit": "a" * 40, "files": PIN}}))
    return path


def test_list_shows_what_the_bare_command_shows(zoo):
    assert zoo("plugins", "list").out == zoo("plugins").out
    assert zoo("plugins", "list", "--json").json == zoo("plugins", "--json").json


def test_every_installed_plugin_is_checked(zoo):
    done = zoo("plugins", "check", "--json")
    assert done.code == 0
    verdicts = {verdict["plugin"]: verdict for verdict in done.json}
    assert verdicts.keys() == {row["name"] for row in zoo("plugins", "--json").json}
    assert all(verdict["faults"] == [] for verdict in verdicts.values())


def test_a_catalogue_is_checked_by_its_path(zoo, catalogue):
    done = zoo("plugins", "check", "bert", catalogue, "--json")
    assert done.code == 0
    assert [verdict["plugin"] for verdict in done.json] == ["bert", "toys"]
    assert done.json[1]["notes"] == ["tiny: checked by the Hub's own record: config.json"]


def test_all_faults_are_told_at_once(zoo, catalogue):
    catalogue.write_text(CATALOGUE.replace("fill-mask", "text-generation"))
    lock = {"tiny": {"commit": "main", "files": PIN}, "stranger": {}}
    catalogue.with_suffix(".lock.json").write_text(json.dumps(lock))
    told = zoo("plugins", "check", catalogue)
    assert told.code == 2
    assert f"toys ({catalogue}): 3 faults" in told.out
    assert "toys: toys.lock.json has an entry 'stranger', and the catalogue no such preset" in told.err
    assert "toys: tiny: 'bert:bert' cannot do 'text-generation'" in told.err
    assert "toys: tiny: commit 'main' is not forty hexadecimal digits" in told.err
    (verdict,) = zoo("plugins", "check", catalogue, "--json").json
    assert len(verdict["faults"]) == 3


def test_a_catalogue_without_a_lock_is_told_how_to_get_one(zoo, catalogue):
    catalogue.with_suffix(".lock.json").unlink()
    told = zoo("plugins", "check", catalogue)
    assert told.code == 2
    assert "zoo plugins lock toys.toml" in told.err
    assert "Errno" not in told.err


def test_a_catalogue_that_is_not_there(zoo, tmp_path):
    told = zoo("plugins", "check", tmp_path / "none.toml")
    assert told.code == 2
    assert "none.toml cannot be read" in told.err


def test_a_plugin_that_is_not_there(zoo):
    told = zoo("plugins", "check", "brt", "--json")
    assert (told.code, told.out) == (2, "")
    assert "There is no plugin 'brt'. Did you mean 'bert'?" in told.err
