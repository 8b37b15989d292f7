"""zoo plugins lock: what the Hub says of a catalogue's presets, written beside it"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from zoo.testing import Fault

CATALOGUE = """
schema = 1

[tiny]
architecture = "bert"
task = "fill-mask"
description = "a toy"
license = "mit"
source = "hf://toys/tiny"

[other]
architecture = "bert"
task = "fill-mask"
description = "another toy"
license = "mit"
source = "hf://toys/other"
"""
FILES = {"config.json": b"{}", "model.safetensors": b"0" * 500, "README.md": b"read me", "vocab.txt": b"a"}


def pin(body: bytes) -> dict:
    return {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}


@pytest.fixture
def lock(hub, zoo_process, tmp_path):
    """`lock("--check")` runs `zoo plugins lock toys.toml --check`; `(exit code, stdout, stderr)`."""
    for name in ("toys/tiny", "toys/other"):
        hub.add(name, FILES)
    (tmp_path / "toys.toml").write_text(CATALOGUE)
    return lambda *args: zoo_process("plugins", "lock", str(tmp_path / "toys.toml"), *args)


def written(home: Path) -> dict:
    return json.loads((home / "toys.lock.json").read_text())


def test_a_lock_names_commit_sizes_and_hashes_of_what_zoo_reads(hub, lock, tmp_path):
    code, out, _ = lock()
    assert code == 0
    assert "2 presets" in out
    entry = written(tmp_path)["tiny"]
    assert entry["commit"] == hub.repositories["toys/tiny"].commit
    assert list(entry["files"]) == ["config.json", "model.safetensors", "vocab.txt"]
    for name, file in entry["files"].items():
        git_oid = file.pop("git_oid", None)
        assert (git_oid is None) == name.endswith(".safetensors")
        assert file == pin(FILES[name])
    assert not [request for request in hub.requests if request.endswith(("README.md", "model.safetensors"))]


def test_a_locked_preset_stays_at_its_commit_until_another_is_asked_for(hub, lock, tmp_path):
    lock()
    before = written(tmp_path)
    newer = hub.add("toys/tiny", FILES | {"vocab.txt": b"b"})
    assert "0 changes" in lock("tiny")[1]
    assert written(tmp_path) == before
    out = lock("tiny", "--revision", "main")[1]
    assert f"tiny: commit {before['tiny']['commit']} -> {newer}" in out
    assert "tiny: vocab.txt: sha256" in out
    after = written(tmp_path)
    assert after["tiny"]["files"]["vocab.txt"]["sha256"] == pin(b"b")["sha256"]
    assert after["other"] == before["other"]


def test_a_check_writes_nothing_and_fails_where_they_differ(lock, tmp_path):
    lock()
    assert lock("--check")[0] == 0
    changed = written(tmp_path)
    changed["tiny"]["files"]["model.safetensors"]["sha256"] = "0" * 64
    (tmp_path / "toys.lock.json").write_text(json.dumps(changed))
    code, _, err = lock("--check")
    assert code == 1
    assert f"tiny: model.safetensors: sha256 {'0' * 64} -> " in err
    code, out, _ = lock("--check", "--json")
    assert code == 1
    assert len(json.loads(out)["changes"]) == 1
    assert written(tmp_path) == changed


def test_what_cannot_be_asked_is_told_at_once_and_the_lock_is_left(hub, lock, tmp_path):
    lock()
    before = written(tmp_path)
    del hub.repositories["toys/tiny"]
    hub.fault("toys/other", "/revision", Fault(status=403, code="GatedRepo"))
    code, _, err = lock("--revision", "main")
    assert code == 2
    assert "tiny: hf://toys/tiny@main could not be read" in err
    assert "other: hf://toys/other@main could not be read" in err
    assert written(tmp_path) == before
    assert "has no preset 'tinny'. Did you mean 'tiny'?" in lock("tinny")[2]


def test_a_damaged_lock_is_told_whole_and_left(hub, lock, tmp_path):
    damaged = {"tiny": 5, "other": {"commit": "a", "files": {"config.json": {"sha265": "x"}}}}
    (tmp_path / "toys.lock.json").write_text(json.dumps(damaged))
    code, _, err = lock()
    assert code == 2
    assert "tiny: it has no entry for the preset, or one that is not an object" in err
    assert "other: config.json: 'sha265' is not a key here. Did you mean 'sha256'?" in err
    assert written(tmp_path) == damaged
    assert hub.requests == []


def test_of_a_folder_of_files_the_hashes_are_taken_from_the_files(hub, lock, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (tmp_path / "toys.toml").write_text(CATALOGUE.replace("hf://toys/tiny", f"file://{folder}"))
    assert lock("tiny")[0] == 0
    digest = hashlib.sha256(b"{}").hexdigest()
    assert written(tmp_path)["tiny"] == {"commit": "", "files": {"config.json": {"size": 2, "sha256": digest}}}


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("hf://toys/tiny@main", "names a revision; the commit belongs into the lock"),
        ("pkg://toys/tiny", "There is nothing at pkg://toys/tiny"),
        ("ftp://toys/tiny", "'ftp://toys/tiny' is not a source zoo knows"),
    ],
)
def test_a_source_without_a_commit_to_ask_for_is_told_beside_the_others(hub, lock, tmp_path, source, why):
    (tmp_path / "toys.toml").write_text(CATALOGUE.replace("hf://toys/tiny", source))
    del hub.repositories["toys/other"]
    code, _, err = lock()
    assert code == 2
    assert why in err
    assert "other: hf://toys/other could not be read" in err
    assert not (tmp_path / "toys.lock.json").exists()
