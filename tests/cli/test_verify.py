"""`zoo verify`"""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest

from zoo import verification
from zoo.errors import ZooError
from zoo.hub import memo
from zoo.hub.verify import difference
from zoo.registry.presets import Golden, find_preset, read_golden, read_lock


def test_the_real_checkpoint_computes_what_the_reference_does(zoo):
    shown = zoo("verify", "minilm_l6", "--json")
    assert shown.code == 0
    found = json.loads(shown.out)
    assert found["bytes"] > 90_000_000
    assert found["outputs"]["agree"] is True
    assert found["outputs"]["difference"] <= found["outputs"]["tolerance"] == 1e-5
    assert found["outputs"]["device"].startswith("cpu")
    shown = zoo("verify", "minilm_l6")
    assert "every one as pinned" in shown.out
    assert "tolerance 1e-05" in shown.out


def test_outputs_that_differ_are_told_and_the_command_fails(zoo, monkeypatch):
    def shifted(preset):
        golden = read_golden(preset)
        golden.outputs[2][7] += 1e-4
        return golden

    monkeypatch.setattr(verification, "read_golden", shifted)
    shown = zoo("verify", "minilm_l6")
    assert shown.code == 1
    assert "'minilm_l6' does not compute here what the reference computes" in shown.err
    assert "the largest difference is 0.0001, and the tolerance 1e-05" in shown.err


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_outputs_that_are_no_numbers_never_agree(number):
    outputs = verification.Outputs(Golden([], [], 1e-5, "it"), number, "cpu")
    assert not outputs.agree


def test_a_preset_without_a_golden_says_so(zoo, monkeypatch):
    monkeypatch.setattr(verification, "read_golden", lambda preset: None)
    shown = zoo("verify", "minilm_l6")
    assert shown.code == 0
    assert "this preset has no golden outputs" in shown.out


def test_a_file_that_changed_behind_its_note_is_seen(minilm, tmp_path, monkeypatch):
    """`verify` trusts no note: it reads every byte again."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    mirror = tmp_path / "mirror"
    shutil.copytree(minilm, mirror)
    preset = dataclasses.replace(find_preset("minilm_l6"), mirrors=(f"file://{mirror}",))
    monkeypatch.setattr(verification, "find_preset", lambda name: preset)
    monkeypatch.setattr(memo, "_COARSE_S", -1.0)
    monkeypatch.setattr(memo, "_state", lambda path: {"mtime_ns": 0, "ctime_ns": 0})  # nothing ever changes
    assert set(verification.verify_files("minilm_l6").paths.values()) <= set(mirror.rglob("*"))
    config = mirror / "config.json"
    config.write_bytes(config.read_bytes().replace(b"6", b"5"))
    assert difference(config, read_lock(preset).files["config.json"]) == ""
    with pytest.raises(ZooError) as caught:
        verification.verify_files("minilm_l6")
    assert "config.json: its sha256 is" in caught.value.why[0]
