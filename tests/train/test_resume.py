"""Resuming: from what a cut-off run has left, it ends at the very weights it would have, or says why not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import zoo
from tests.train.listeners import CutError, Cutting, Heard
from tests.train.same_run import STEPS, check_same, weights
from zoo.errors import RunError, ZooError
from zoo.train.checkpoints import SEAL, saved_steps
from zoo.train.finetune import finetune
from zoo.train.listener import Silent
from zoo.train.recipe import Recipe
from zoo.train.run import Run


@pytest.fixture(scope="module")
def cut(interruptible: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that got as far as step 13 of 27, with two checkpoints."""
    folder = tmp_path_factory.mktemp("cut") / "run"
    with pytest.raises(CutError):
        finetune(
            interruptible.replace("output", dir=str(folder)), listener=Cutting(folder, {7: 4, 9: 8, 11: 9, 13: 12})
        )
    return folder


@pytest.fixture
def cut_off(cut: Path, tmp_path: Path) -> Path:
    """A copy of the run that was cut off."""
    return Path(shutil.copytree(cut, tmp_path / "run"))


def altered(folder: Path) -> None:
    """Flip one bit in the middle of a checkpoint's largest file."""
    file = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def truncated(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and path.name != SEAL:
            path.write_bytes(path.read_bytes()[:-1])


def emptied(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path.name != SEAL:
            path.unlink()


@pytest.mark.parametrize("damage", [altered, truncated, emptied])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(cut_off, whole, damage):
    newest, previous = saved_steps(cut_off / "checkpoints")
    damage(cut_off / "checkpoints" / str(newest))
    heard = Heard()
    run = zoo.finetune(resume=cut_off, listener=heard)
    assert heard.facts["resumed"] == [f"from step {previous} of {STEPS}"]
    assert [value.split(":")[0] for value in heard.facts["damaged"]] == [f"checkpoint {newest}"]
    check_same(run, whole)


def test_checkpoints_that_are_all_damaged_are_no_reason_to_start_over_unasked(cut_off):
    steps = saved_steps(cut_off / "checkpoints")
    for step in steps:
        altered(cut_off / "checkpoints" / str(step))
    with pytest.raises(RunError, match="none of them can be used") as caught:
        zoo.finetune(resume=cut_off)
    assert [fault.split(":")[0] for fault in caught.value.why] == [f"checkpoint {step}" for step in steps]
    assert saved_steps(cut_off / "checkpoints") == steps


def refused(run: Path) -> list[str]:
    with pytest.raises(ZooError, match="cannot be resumed: what it was made from has changed") as caught:
        zoo.finetune(resume=run)
    assert caught.value.exit_code == 2
    return caught.value.why


def test_a_changed_recipe_is_named(cut_off):
    file = cut_off / "recipe.toml"
    file.write_text(file.read_text().replace("epochs = 3", "epochs = 4").replace("seed = 0", "seed = 1"))
    assert refused(cut_off) == ["recipe.train.epochs: 3 -> 4", "recipe.train.seed: 0 -> 1"]


@pytest.mark.parametrize("what", ["a text", "a label", "a row", "the tokenizer", "the weights"])
def test_a_change_of_what_it_was_made_from_is_named(cut_off, csv, what):
    recipe = Run(cut_off).recipe
    file = {
        "the tokenizer": Path(recipe.model.preset) / "tokenizer.json",
        "the weights": Path(recipe.model.preset) / "model.safetensors",
    }.get(what, csv)
    before = file.read_bytes()
    lines = before.splitlines(keepends=True)
    changed = {
        "a text": lambda: before.replace(b"film", b"movie", 1),
        "a label": lambda: before.replace(b",good\n", b",bad\n", 1),
        "a row": lambda: b"".join(lines[:-1]),
        "the tokenizer": lambda: before.replace(b'"superb"', b'"superp"'),
        "the weights": lambda: before[:-1] + bytes([before[-1] ^ 1]),
    }[what]()
    assert changed != before
    try:
        file.write_bytes(changed)
        told = refused(cut_off)
    finally:
        file.write_bytes(before)
    keys = {line.split(":")[0].rpartition(".")[0] if "weights" not in line else line.split(":")[0] for line in told}
    if file == csv:
        assert keys <= {"data.train", "data.validation"}
        assert any("sha256" in line for line in told)
        assert any("rows" in line for line in told) == (what == "a row")
    else:
        assert keys == {f"weights.files.{file.name}"}


def test_other_packages_and_devices_are_told(cut_off, whole):
    lock = json.loads((cut_off / "run.lock").read_text())
    lock["versions"]["jax"], lock["device"]["cpus"] = "0.0.1", 640
    (cut_off / "run.lock").write_text(json.dumps(lock))
    heard = Heard()
    assert weights(zoo.finetune(resume=cut_off, listener=heard)) == weights(whole)
    jax, cpus = heard.facts["changed"]
    assert jax.startswith('versions.jax: "0.0.1" -> ')
    assert cpus.startswith("device.cpus: 640 -> ")


def test_a_run_that_was_moved_goes_on_where_it_is(cut_off, whole, tmp_path):
    moved = cut_off.rename(tmp_path / "moved")
    run = zoo.finetune(resume=moved)
    check_same(run, whole)
    assert run.recipe.output.dir == str(moved)


def test_what_cannot_be_resumed(whole, interruptible, tmp_path):
    with pytest.raises(ZooError, match="has finished; there is nothing to resume"):
        zoo.finetune(resume=whole)
    with pytest.raises(ZooError, match="is not a run"):
        zoo.finetune(resume=tmp_path / "nowhere")
    with pytest.raises(ZooError, match="resumed as it was begun, and a recipe, set was given, too"):
        zoo.finetune(interruptible, resume=whole, overrides=["train.epochs=9"])
    with pytest.raises(ZooError, match="nothing to train"):
        zoo.finetune()


def test_a_checkpoint_that_cannot_fit_is_not_begun(cut_off, whole, monkeypatch):
    saved = saved_steps(cut_off / "checkpoints")
    usage = shutil.disk_usage(cut_off)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
        with pytest.raises(RunError, match="A checkpoint could not be saved") as caught:
            zoo.finetune(resume=cut_off)
    assert caught.value.why[0].endswith("and 1,000 are free")
    assert caught.value.why[1] == f"the last good checkpoint is that of step {saved[0]}"
    assert saved_steps(cut_off / "checkpoints") == saved
    check_same(zoo.finetune(resume=cut_off), whole)


def test_frozen_weights_are_not_saved_and_not_lost(interruptible, tmp_path):
    class Listener(Silent):
        def stage(self, what):
            if what == "evaluating":
                raise CutError

    frozen = interruptible.replace("train", freeze="all but 1", epochs=2)
    whole = finetune(frozen, output=tmp_path / "whole")
    with pytest.raises(CutError):
        finetune(frozen, output=tmp_path / "run", listener=Listener())
    assert weights(zoo.finetune(resume=tmp_path / "run")) == weights(whole)
