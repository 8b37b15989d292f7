"""zoo.hub.huggingface, through fetch_source of hf:// URLs on a Hub on loopback"""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.testing import Fault

FILES = {
    "config.json": b'{"model_type": "toy"}',
    "model.safetensors": bytes(range(256)) * 40,
    "tokenizer.json": b"{}",
    "1_Pooling/config.json": b"{}",
}
REST = {
    "README.md": b"# tiny",
    "pytorch_model.bin": b"boom",
    "modeling_tiny.py": b"boom",
    "onnx/model.safetensors": b"",
}


@pytest.fixture
def commit(hub) -> str:
    return hub.add("toys/tiny", FILES | REST)


def same(fetched: dict[str, str]) -> bool:
    return {name: Path(path).read_bytes() for name, path in fetched.items()} == FILES


@pytest.mark.parametrize("revision", ["", "@main"])
def test_a_revision_is_resolved_once_and_only_what_zoo_reads_is_fetched(hub, elsewhere, commit, revision):
    fetched = elsewhere("source", source=f"hf://toys/tiny{revision}")
    assert same(fetched)
    assert len([request for request in hub.requests if "/api/" in request]) == 1
    asked = {request.split()[1] for request in hub.requests if "/resolve/" in request}
    assert asked == {f"/toys/tiny/resolve/{commit}/{name}" for name in FILES}


def test_a_warm_load_of_a_commit_makes_no_request(hub, elsewhere, commit):
    assert same(elsewhere("source", source=f"hf://toys/tiny@{commit}"))
    hub.log.clear()
    assert same(elsewhere("source", source=f"hf://toys/tiny@{commit}"))
    assert same(elsewhere("source", source=f"hf://toys/tiny@{commit}", env={"HF_HUB_OFFLINE": "1"}))
    assert hub.requests == []


def test_a_kept_listing_that_was_cut_off_is_asked_for_again(hub, elsewhere, commit, tmp_path):
    assert same(elsewhere("source", source=f"hf://toys/tiny@{commit}"))
    (kept,) = (tmp_path / "zoo").rglob(f"{commit}.json")
    kept.write_text(kept.read_text()[:40])
    assert same(elsewhere("source", source=f"hf://toys/tiny@{commit}"))


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_an_altered_body_is_refused_by_the_hubs_own_record(hub, elsewhere, commit, name):
    hub.fault("toys/tiny", name, Fault(body=FILES[name][::-1]))
    error = elsewhere("source", source="hf://toys/tiny")
    assert error["what"] == f"{name} was not found."
    kind = "sha256" if name.endswith(".safetensors") else "git id"
    assert f"hf://toys/tiny@{commit}: {name}: its {kind} is" in error["why"][0]


def test_shards_are_fetched_with_their_index(hub, elsewhere):
    files = {
        "config.json": b"{}",
        "model.safetensors.index.json": b"{}",
        "model-00001-of-00002.safetensors": b"one",
        "model-00002-of-00002.safetensors": b"two",
    }
    hub.add("toys/large", files)
    fetched = elsewhere("source", source="hf://toys/large")
    assert {name: Path(path).read_bytes() for name, path in fetched.items()} == files


@pytest.mark.parametrize(
    ("url", "fix"),
    [
        ("hf://toys/gone", "Check the name; a private repository needs 'hf auth login' (or HF_TOKEN)."),
        ("hf://toys/tiny@gone", "See what is there: https://huggingface.co/toys/tiny"),
        (f"hf://toys/tiny@{'0' * 40}", "See what is there: https://huggingface.co/toys/tiny"),
    ],
)
def test_what_is_not_there_is_an_error_with_advice(elsewhere, commit, url, fix):
    error = elsewhere("source", source=url)
    assert error["what"] == f"{url} could not be read."
    assert error["fix"] == fix


def test_without_network_the_error_says_so(elsewhere, commit):
    error = elsewhere("source", source="hf://toys/tiny", env={"HF_HUB_OFFLINE": "1"})
    assert error["what"] == "hf://toys/tiny could not be read."
    assert "HF_HUB_OFFLINE" in error["fix"]


def test_a_repository_without_a_checkpoint_is_refused(hub, elsewhere):
    hub.add("toys/empty", {"README.md": b"nothing here"})
    assert elsewhere("source", source="hf://toys/empty")["what"].endswith("has no checkpoint that zoo can read.")
