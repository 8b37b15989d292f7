"""zoo.hub.check: every fault of a catalogue and its lock is found, all at once"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zoo.hub.check import check
from zoo.registry.catalogue import read_presets
from zoo.registry.manifest import Manifest
from zoo.registry.plugins import Plugin, plugins

CATALOGUE = """
schema = 1
[tiny]
architecture = "bert:bert"
task = "fill-mask"
description = "a toy"
license = "mit"
source = "hf://toys/tiny"
"""
SOUND = {
    "commit": "a" * 40,
    "files": {
        "config.json": {"size": 2, "git_oid": "b" * 40},
        "model.safetensors": {"size": 9, "sha256": "c" * 64},
    },
}


@pytest.fixture
def verdict(tmp_path):
    """The verdict on a data-only plugin with this lock, golden outputs and catalogue."""

    def examine(lock: object, golden: object = None, catalogue: str = CATALOGUE):
        path = tmp_path / "toys.toml"
        path.write_text(catalogue)
        (tmp_path / "toys.lock.json").write_text(lock if isinstance(lock, str) else json.dumps(lock))
        if golden is not None:
            (tmp_path / "toys.golden.json").write_text(json.dumps(golden))
        manifest = Manifest("toys", "toys 1.0", Path("zoo.toml"))
        return check(Plugin("toys", "toys 1.0", manifest, tuple(read_presets(path, plugin="toys"))))

    return examine


def test_a_sound_catalogue_has_no_fault(verdict):
    found = verdict(
        {"tiny": SOUND}, {"tiny": {"inputs": ["a"], "outputs": [[1]], "tolerance": 1e-5, "reference": "x"}}
    )
    assert (found.faults, found.notes) == ([], [])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"commit": "main"}, "commit 'main' is not forty hexadecimal digits"),
        ({"files": SOUND["files"] | {"config.json": {"size": -1}}}, "config.json: size -1 is not a count of bytes"),
        (
            {"files": SOUND["files"] | {"config.json": {"sha256": "C" * 64}}},
            f"config.json: sha256 '{'C' * 64}' is not one",
        ),
        (
            {"files": SOUND["files"] | {"config.json": {"git_oid": "short"}}},
            "config.json: git_oid 'short' is not one",
        ),
        ({"files": SOUND["files"] | {"../up": {}}}, "'../up' is not a plain name inside the repository"),
        ({"files": SOUND["files"] | {"run.py": {}}}, "'run.py' is not a file that zoo reads"),
        ({"files": {"config.json": {}}}, "the lock lacks the weights"),
        ({"files": {"model.safetensors": {}}}, "the lock lacks config.json"),
    ],
)
def test_a_faulty_lock_is_found(verdict, change, fault):
    assert verdict({"tiny": SOUND | change}).faults == [f"tiny: {fault}"]


def test_all_faults_are_told_at_once(verdict):
    lock = {"tiny": {"commit": "x", "files": {"../up": {"size": 0}}}, "stranger": SOUND}
    found = verdict(lock, {"lost": {}}).faults
    assert len(found) == 7
    assert "toys.lock.json has an entry 'stranger', and the catalogue no such preset" in found
    assert "toys.golden.json has an entry 'lost', and the catalogue no such preset" in found


@pytest.mark.parametrize("lock", ["", "{", "[]", "{}", '{"tiny": 5}', '{"tiny": {"commit": "a"}}'])
def test_a_lock_that_says_nothing_is_a_fault(verdict, lock):
    (fault,) = verdict(lock).faults
    assert "tiny: Preset 'tiny' is not locked" in fault


@pytest.mark.parametrize(
    "golden",
    [{"tiny": {"inputs": []}}, {"tiny": {"inputs": ["a"], "outputs": [], "tolerance": 1e-5, "reference": ""}}],
)
def test_a_faulty_golden_is_found(verdict, golden):
    assert len(verdict({"tiny": SOUND}, golden).faults) == 1


def test_a_source_must_not_name_a_revision(verdict):
    faults = verdict({"tiny": SOUND}, catalogue=CATALOGUE.replace("toys/tiny", "toys/tiny@main")).faults
    assert faults == ["tiny: source names the revision 'main'; the commit belongs into the lock"]


def test_what_is_not_pinned_and_what_is_not_installed_are_notes(verdict):
    lock = {"tiny": SOUND | {"files": SOUND["files"] | {"config.json": {}}}}
    found = verdict(lock, catalogue=CATALOGUE.replace("bert:bert", "ghost"))
    assert found.faults == []
    assert found.notes == [
        "tiny: checked by the Hub's own record: config.json",
        "tiny: No installed plugin has an architecture 'ghost'.",
    ]


def test_code_that_does_not_keep_the_manifests_promise_is_found():
    row = next(row for row in plugins() if row.name == "bert")
    entry = row.manifest.architectures["bert"]
    promised = {"bert": type(entry)(entry.model_types, (*entry.tasks, "image-classification")), "ghost": entry}
    manifest = Manifest(**vars(row.manifest) | {"architectures": promised, "datasets": ("gone",)})
    faults = check(Plugin(row.name, row.distribution, manifest, row.presets)).faults
    assert "architectures: 'ghost' is promised and not given" in faults
    assert "datasets: 'gone' is promised and not given" in faults
    assert any("the manifest promises" in fault for fault in faults)


def test_a_broken_plugin_is_told_with_its_error():
    assert check(Plugin("toys", "toys 1.0", error="It is broken.\n  - so")).faults == ["It is broken.", "  - so"]
