"""`zoo cache`, in processes of its own: where the Hub's cache lies is read once a process"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from filelock import FileLock

from zoo.registry.presets import find_preset, read_lock

FILES = {"config.json": b"{}", "model.safetensors": b"0" * 5000}


@pytest.fixture
def run(hub, zoo_process):
    hub.add("toys/tiny", FILES)
    return zoo_process


@pytest.fixture
def fetched(run, python, hub) -> str:
    """The commit of `toys/tiny`, once it is in the cache."""
    code = "from zoo.hub.fetch import fetch_source as f; from zoo.hub.source import Source; import sys; "
    assert python(f"{code} f(Source.parse(sys.argv[1]))", "hf://toys/tiny").returncode == 0
    return hub.repositories["toys/tiny"].commit


def test_a_machine_that_holds_nothing_says_so(run):
    code, out, _ = run("cache", "list", "--json")
    assert code == 0
    assert json.loads(out)["checkpoints"] == []
    assert run("cache", "prune")[1] == "0 bytes freed\n"


def test_what_was_fetched_is_listed_and_freed_when_it_is_named(run, fetched, tmp_path):
    listed = json.loads(run("cache", "list", "--json")[1])["checkpoints"]
    assert [(entry["source"], entry["bytes"], entry["presets"]) for entry in listed] == [
        (f"hf://toys/tiny@{fetched}", 5002, [])
    ]
    assert f"toys/tiny@{fetched[:8]}" in run("cache", "list")[1]
    assert run("cache", "prune")[1] == "0 bytes freed\n"
    assert "5,002 bytes would be freed" in run("cache", "prune", "--dry-run", "hf://toys/tiny")[1]
    assert list(tmp_path.rglob("model.safetensors"))
    assert "5,002 bytes freed" in run("cache", "prune", f"hf://toys/tiny@{fetched}")[1]
    assert not list(tmp_path.rglob("model.safetensors"))
    assert json.loads(run("cache", "list", "--json")[1])["checkpoints"] == []


def test_a_presets_checkpoint_goes_by_the_presets_name(run, tmp_path):
    preset = find_preset("minilm_l6")
    folder = tmp_path / "hf" / "hub" / f"models--{preset.source.removeprefix('hf://').replace('/', '--')}"
    snapshot = folder / "snapshots" / read_lock(preset).commit
    (folder / "blobs").mkdir(parents=True)
    snapshot.mkdir(parents=True)
    (folder / "blobs" / "abc").write_bytes(b"1" * 77)
    (snapshot / "config.json").symlink_to("../../blobs/abc")
    assert "minilm_l6" in run("cache", "list")[1]
    assert "77 bytes would be freed" in run("cache", "prune", "--all", "--dry-run")[1]
    assert "77 bytes freed" in run("cache", "prune", "bert:minilm_l6")[1]
    assert not snapshot.exists()


def test_a_name_that_holds_nothing_is_refused_and_nothing_goes(run, fetched, tmp_path):
    code, _, err = run("cache", "prune", "hf://toys/tiny", "hf://toys/gone")
    assert code == 2
    assert "Nothing is held for 'hf://toys/gone'" in err
    assert list(tmp_path.rglob("model.safetensors"))


def test_leftovers_go_and_what_is_being_downloaded_stays(run, fetched, tmp_path):
    blobs = tmp_path / "hf" / "hub" / "models--toys--tiny" / "blobs"
    (blobs / "dead.zoo-partial").write_bytes(b"0" * 10)
    (blobs / "living.zoo-partial").write_bytes(b"0" * 10)
    notes, compiled = tmp_path / "zoo" / "hashes", tmp_path / "zoo" / "compiled"
    for folder in (notes, compiled):
        folder.mkdir(parents=True, exist_ok=True)
    (notes / "gone.json").write_text(json.dumps({"path": str(tmp_path / "gone")}))
    (notes / "there.json").write_text(json.dumps({"path": str(Path(__file__))}))
    for name, age in {"old": 40, "new": 1}.items():
        (compiled / name).write_bytes(b"0" * 100)
        os.utime(compiled / name, (time.time() - age * 86_400,) * 2)
    with FileLock(tmp_path / "hf" / "hub" / ".locks" / "models--toys--tiny" / "living.lock"):
        assert run("cache", "prune")[0] == 0
    assert not (blobs / "dead.zoo-partial").exists()
    assert (blobs / "living.zoo-partial").exists()
    assert sorted(path.name for path in (*notes.iterdir(), *compiled.iterdir())) == ["new", "there.json"]
    assert list(tmp_path.rglob("model.safetensors"))


def test_rows_from_python_are_shown_and_stay_until_all_is_to_go(run, python):
    code = "from zoo.data.in_memory import as_file; print(as_file([('good', 'yes'), ('bad', 'no')]))"
    kept = Path(python(code).stdout.strip())
    size = kept.stat().st_size
    assert f"{size:,}" in next(line for line in run("cache", "list")[1].splitlines() if "rows from Python" in line)
    assert json.loads(run("cache", "list", "--json")[1])["other"]["rows from Python"] == size
    assert run("cache", "prune")[1] == "0 bytes freed\n"
    assert kept.is_file()
    assert f"{size:,} bytes freed" in run("cache", "prune", "--all")[1]
    assert not kept.exists()
