"""zoo.train.directory: one process at a time, nothing that stays of what could not begin, errors that are told."""

from __future__ import annotations

import errno
import fcntl
import os

import pytest

from zoo.errors import RunError, ZooError
from zoo.train import directory as module
from zoo.train.checkpoints import SEAL
from zoo.train.directory import Directory, resumable
from zoo.train.recipe import OutputKeys, Recipe
from zoo.weights.staging import staged


@pytest.fixture
def recipe(tmp_path):
    return Recipe(name="some", output=OutputKeys(dir=str(tmp_path / "runs" / "some")))


@pytest.fixture
def run(recipe, tmp_path):
    """A run's directory in which no process works."""
    with Directory.new(recipe) as held:
        held.write(recipe, {})
        held.begin()
    return held.folder


def full(*args, **kwargs) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told_and_nothing_stays(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="The run could not be written to") as caught, Directory.new(recipe) as held:
        held.write(recipe, {})
    assert caught.value.why == ["[Errno 28] No space left on device"]
    assert list(tmp_path.iterdir()) == []


def test_what_a_disk_refuses_a_run_that_can_go_on_is_told_with_how(run, monkeypatch):
    with pytest.raises(RunError) as early, resumable(run):
        full()
    assert early.value.fix == ""  # nothing was saved yet
    (run / "checkpoints" / "7").mkdir(parents=True)
    (run / "checkpoints" / "7" / SEAL).write_text("{}")
    with pytest.raises(RunError, match="The run could not be written to") as late, resumable(run):
        full()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="The model could not be written to") as saving, resumable(run):  # noqa: SIM117
        with staged(run / "model") as folder:
            (folder / "config.json").write_text("{}")
    assert {late.value.fix, saving.value.fix} == {
        f"Make room or let it be written, then go on: zoo finetune --resume {run}"
    }
    with pytest.raises(ZooError) as other, resumable(run):
        raise ZooError("something else")
    assert other.value.fix == ""


def test_a_disk_that_refuses_to_remove_hides_no_error(recipe, monkeypatch):
    def fail(held: Directory) -> None:
        held.write(recipe, {})
        monkeypatch.setattr(type(held.folder), "unlink", full)
        raise ZooError("the first")

    with pytest.raises(ZooError, match="the first"), Directory.new(recipe) as held:
        fail(held)


def test_a_run_that_cannot_be_written_to_is_told(run):
    (run / ".lock").mkdir()  # as good as one that may not be opened, also for root
    with pytest.raises(RunError, match="The run could not be written to") as caught:
        Directory.existing(run)
    assert "Is a directory" in caught.value.why[0]


def test_a_directory_is_held_by_one_at_a_time(run):
    with Directory.existing(run), pytest.raises(ZooError, match=f"in use: .*process {os.getpid()}"):
        Directory.existing(run)
    with Directory.existing(run):
        assert (run / ".lock").read_text() == str(os.getpid())
    assert not (run / ".lock").exists()


def test_a_lock_that_was_removed_before_it_was_locked_holds_nothing(run, monkeypatch):
    """One has opened the lock, and its holder removes it and ends; another makes a new one and locks that."""
    locked, theirs = module._locked, []

    def overtaken(descriptor: int) -> bool:
        if not theirs:
            (run / ".lock").unlink()
            theirs.append(os.open(run / ".lock", os.O_RDWR | os.O_CREAT))
            os.write(theirs[0], b"123")
            fcntl.flock(theirs[0], fcntl.LOCK_EX)
        return locked(descriptor)

    monkeypatch.setattr(module, "_locked", overtaken)
    with pytest.raises(ZooError, match=r"in use: .*process 123"):
        Directory.existing(run)
    os.close(theirs[0])
    with Directory.existing(run):
        assert (run / ".lock").read_text() == str(os.getpid())
