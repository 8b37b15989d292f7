"""zoo.hub.check: every fault of a catalogue and its lock is found, all at once"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.suite.properties import examples
from zoo.hub.check import check, check_catalogue
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
        (
            {"files": {"config.json": {}, "model-00001-of-00002.safetensors": {}}},
            "the lock lacks model.safetensors.index.json, which says what the shards hold",
        ),
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
    assert fault.startswith("tiny: ")
    assert "toys.lock.json: " in fault


def test_an_entry_that_is_there_twice_is_a_fault(verdict):
    entry = json.dumps(SOUND)
    [fault] = verdict(f'{{"tiny": {entry}, "tiny": {entry}}}').faults
    assert fault.endswith("toys.lock.json: ValueError: 'tiny' is there twice")


def test_a_hash_under_a_misspelt_key_is_a_fault(verdict):
    files = SOUND["files"] | {"config.json": {"size": 2, "sha265": "c" * 64}}
    (fault,) = verdict({"tiny": SOUND | {"files": files}}).faults
    assert fault.endswith("config.json: 'sha265' is not a key here. Did you mean 'sha256'?")


@pytest.mark.parametrize(
    "golden",
    [
        [],
        {"tiny": {"inputs": ["a"], "outputs": [1], "tolerance": "x", "reference": ""}},
        {"tiny": {"inputs": ["a"], "outputs": [1], "tolerance": 2, "reference": ""}},
        {"tiny": {"inputs": ["a"], "outputs": [], "tolerance": 1e-5, "reference": ""}},
    ],
)
def test_a_faulty_golden_is_found(verdict, golden):
    assert len(verdict({"tiny": SOUND}, golden).faults) == 1


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"commit": ""}, None),
        ({"commit": "a" * 40}, f"commit '{'a' * 40}' is of no use: the source is a folder"),
        ({"commit": "", "files": {}}, "the lock names no files, and no Hub lists them"),
        (
            {"commit": "", "files": SOUND["files"] | {"config.json": {"size": 2}}},
            "config.json: it has no hash, and no Hub records one",
        ),
    ],
)
def test_a_folder_has_no_commit_and_needs_every_hash(verdict, change, fault):
    in_a_package = CATALOGUE.replace("hf://toys/tiny", "pkg://toys/model")
    faults = verdict({"tiny": SOUND | change}, catalogue=in_a_package).faults
    assert faults == ([f"tiny: {fault}"] if fault else [])


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("fill-mask", "text-generation", "'bert:bert' cannot do 'text-generation'; it can do feature-extraction"),
        ('license = "mit"', 'license = "mit"\nlayout = "timm"', "'bert:bert' cannot read the layout 'timm'"),
    ],
)
def test_a_preset_must_suit_the_architecture_of_another_plugin(verdict, old, new, fault):
    (found,) = verdict({"tiny": SOUND}, catalogue=CATALOGUE.replace(old, new)).faults
    assert found.startswith(f"tiny: {fault}")


ENTRY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["tiny", "commit", "files", "config.json", "size", "sha256", "git_oid", "inputs"])
            | st.sampled_from(["outputs", "tolerance", "reference", "model.safetensors"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(200))
@given(lock=ENTRY, golden=ENTRY)
def test_whatever_lies_beside_a_catalogue_gives_a_verdict(verdict, lock, golden):
    found = verdict({"tiny": lock}, {"tiny": golden})
    assert all(isinstance(fault, str) for fault in found.faults)
    assert found.faults  # nothing random is a sound lock


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


def test_an_installed_catalogue_is_checked_as_its_plugins():
    path = next(row for row in plugins() if row.name == "bert").presets[0].catalogue
    found = check_catalogue(path)
    assert (found.plugin, found.faults) == ("bert", [])


def test_a_catalogue_that_no_plugin_lists_is_checked_for_itself(tmp_path):
    (tmp_path / "toys.toml").write_text(CATALOGUE)
    (tmp_path / "toys.lock.json").write_text(json.dumps({"tiny": SOUND}))
    assert check_catalogue(tmp_path / "toys.toml").faults == []
    (tmp_path / "toys.toml").write_text(CATALOGUE + "licence = 'mit'\n")
    what, fault = check_catalogue(tmp_path / "toys.toml").faults
    assert what.startswith("The preset catalogue of plugin 'toys' is not valid")
    assert fault == "tiny.licence is not a key of a preset. Did you mean 'license'?"
