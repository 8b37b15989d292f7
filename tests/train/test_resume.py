"""Resuming: a run that is killed at any moment, in a process of its own, ends at the very weights it would have."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import zoo
from zoo.errors import RunError, ZooError
from zoo.train.checkpoints import SAVING, SEAL, saved_steps
from zoo.train.finetune import finetune
from zoo.train.listener import Silent
from zoo.train.recipe import Recipe
from zoo.train.recipe_file import recipe_text
from zoo.train.run import Run

# Tells of every stage and step, slowly enough to be killed between any two of them.
CHILD = """
import sys, time
import zoo
from zoo.errors import ZooError
from zoo.train.listener import Silent

class Telling(Silent):
    def stage(self, what):
        print(what, flush=True)
        time.sleep(0.2)
    def step(self, step, loss, examples_per_second):
        print("step", step, flush=True)
        time.sleep(0.05)
    def stopping(self):
        print("stopping", flush=True)

how, what = sys.argv[1:]
try:
    zoo.finetune(**{how: what}, listener=Telling())
except ZooError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""
STEPS = 27  # three epochs of nine


@pytest.fixture(scope="module")
def interruptible(tiny_bert: Path, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Three epochs with dropout, two batches a step, an average of the weights, a checkpoint every fourth step."""
    folder = tmp_path_factory.mktemp("dropout") / "tiny_bert"
    folder.mkdir()
    for path in tiny_bert.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    dropout = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.1}
    (folder / "config.json").write_text(json.dumps(config | dropout))
    changed = recipe.replace("model", preset=str(folder))
    return changed.replace(
        "train", epochs=3, batch_size=4, accumulate=2, ema=0.5, checkpoint_steps=4, learning_rate=2e-3
    )


@pytest.fixture(scope="module")
def whole(interruptible: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run that nothing interrupts."""
    return finetune(interruptible.replace("output", dir=str(tmp_path_factory.mktemp("whole") / "run")))


class Child:
    """A run in a process of its own."""

    def __init__(self, how: str, what: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, how, str(what)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until(self, line: str) -> None:
        """Wait until the run has told this."""
        assert self.process.stdout is not None
        for told in self.process.stdout:
            if told.strip() == line:
                return
        raise AssertionError(f"it never told {line!r}: {self.ended()}")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def ended(self) -> tuple[int, str]:
        """The exit code and what stderr says, once it has ended."""
        _, told = self.process.communicate(timeout=100)
        return self.process.returncode, told


@pytest.fixture
def begun(interruptible: Recipe, tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """`begun()` starts the run into `tmp_path / "run"`; `begun("resume")` goes on with it."""
    children: list[Child] = []

    def begin(how: str = "recipe", **train: object) -> Child:
        file = tmp_path / "recipe.toml"
        target = tmp_path / "run"
        file.write_text(recipe_text(interruptible.replace("output", dir=str(target)).replace("train", **train)))
        children.append(Child(how, file if how == "recipe" else target))
        return children[-1]

    yield begin
    for child in children:
        child.process.kill()
        child.process.communicate()


def weights(run: Run) -> str:
    return hashlib.sha256((run.path / "model" / "model.safetensors").read_bytes()).hexdigest()


def without_times(run: Run) -> list[dict]:
    return [{k: v for k, v in record.items() if k != "examples_per_second"} for record in run.history]


def check_same(run: Run, whole: Run) -> None:
    assert weights(run) == weights(whole)
    assert without_times(run) == without_times(whole)
    assert run.recipe.train == whole.recipe.train
    assert {path.name for path in run.path.iterdir()} == {path.name for path in whole.path.iterdir()}
    assert saved_steps(run.path / "checkpoints") == [STEPS]


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("loading the model", marks=pytest.mark.slow),  # nothing is there yet but the recipe
        pytest.param("step 2", marks=pytest.mark.slow),  # before the first checkpoint
        "step 6",  # after one, between two epochs
        pytest.param("step 20", marks=pytest.mark.slow),  # the best weights so far are of an earlier epoch
        "evaluating",  # all steps are done
        "writing the run",  # the model may be half-written
    ],
)
def test_a_run_that_is_killed_ends_at_the_same_weights(begun, whole, tmp_path, moment):
    child = begun()
    child.until(moment)
    if moment == "loading the model":
        while not (tmp_path / "run" / "recipe.toml").exists():
            time.sleep(0.001)
    child.kill()
    assert (tmp_path / "run" / "run.lock").is_file()
    check_same(zoo.finetune(resume=tmp_path / "run"), whole)


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_while_it_saves(begun, whole, tmp_path):
    checkpoints = tmp_path / "run" / "checkpoints"
    for how in ("recipe", "resume", "resume"):
        child = begun(how)
        child.until("training")
        before = saved_steps(checkpoints)
        while not any("tmp" in path.name for path in checkpoints.glob("*")):
            assert child.process.poll() is None
        child.kill()
        assert saved_steps(checkpoints)[: len(before)] == before or not before
    check_same(zoo.finetune(resume=tmp_path / "run"), whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_stops(begun, whole, tmp_path, number):
    child = begun(checkpoint_steps=0)
    child.until("step 5")
    child.signal(number)
    code, told = child.ended()
    assert code == 128 + number
    (step,) = saved_steps(tmp_path / "run" / "checkpoints")
    assert 5 <= step <= 7
    assert f"Stopped at step {step} of {STEPS}" in told
    assert f"zoo finetune --resume {tmp_path / 'run'}" in told
    run = zoo.finetune(resume=tmp_path / "run")
    assert weights(run) == weights(whole)


def test_a_second_signal_ends_at_once_and_loses_no_checkpoint(begun, tmp_path):
    child = begun()
    child.until("step 14")
    saved = saved_steps(tmp_path / "run" / "checkpoints")
    child.signal(signal.SIGINT)
    child.until("stopping")
    child.signal(signal.SIGTERM)
    code, _ = child.ended()
    assert code == -signal.SIGTERM
    assert set(saved) & set(saved_steps(tmp_path / "run" / "checkpoints"))


def test_one_process_at_a_time(begun, interruptible, tmp_path):
    child = begun()
    child.until("step 1")
    with pytest.raises(ZooError, match=rf"in use: a run is going on in it \(process {child.process.pid}\)"):
        zoo.finetune(resume=tmp_path / "run")
    with pytest.raises(ZooError, match="not valid") as caught:
        zoo.finetune(interruptible, output=tmp_path / "run")
    assert f"in use: a run is going on in it (process {child.process.pid})" in str(caught.value)
    child.until("step 2")  # it has noticed nothing


# In this process


def until_saved(run: Path, step: int) -> None:
    """Wait until the checkpoint of a step is whole, the older ones are gone, and the next can be saved."""
    for thread in threading.enumerate():
        if thread.name == SAVING:
            thread.join()
    assert step in saved_steps(run / "checkpoints")


class CutError(Exception):
    """Ends a run as a fault of zoo's own would."""


@pytest.fixture(scope="module")
def cut(interruptible: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that got as far as step 13 of 27, with two checkpoints."""

    class Listener(Silent):
        def step(self, step, loss, examples_per_second):
            if step in (7, 9, 11, 13):
                until_saved(folder, {7: 4, 9: 8, 11: 9, 13: 12}[step])
            if step == 13:
                raise CutError

    folder = tmp_path_factory.mktemp("cut") / "run"
    with pytest.raises(CutError):
        finetune(interruptible.replace("output", dir=str(folder)), listener=Listener())
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
    facts = []

    class Listener(Silent):
        def fact(self, name, value):
            facts.append((name, value))

    run = zoo.finetune(resume=cut_off, listener=Listener())
    assert ("resumed", f"from step {previous} of {STEPS}") in facts
    assert [value.split(":")[0] for name, value in facts if name == "damaged"] == [f"checkpoint {newest}"]
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
    facts = []

    class Listener(Silent):
        def fact(self, name, value):
            facts.extend([value] if name == "changed" else [])

    assert weights(zoo.finetune(resume=cut_off, listener=Listener())) == weights(whole)
    assert len(facts) == 2
    assert facts[0].startswith('versions.jax: "0.0.1" -> ')
    assert facts[1].startswith("device.cpus: 640 -> ")


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


FULL = """
import resource, sys, time
from pathlib import Path
import zoo
from zoo.errors import ZooError
from zoo.train.listener import Silent

folder = Path(sys.argv[2])

class Filling(Silent):
    def step(self, step, loss, examples_per_second):
        while step == 13 and not list(folder.glob("checkpoints/*/sha256.json")):
            time.sleep(0.01)
        if step == 14:  # from now on no file grows beyond 20 kB, as on a disk that is full
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, resource.RLIM_INFINITY))

import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    zoo.finetune(sys.argv[1], listener=Filling())
except ZooError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def test_a_disk_that_is_full_never_costs_the_checkpoint_before(interruptible, whole, tmp_path):
    target = tmp_path / "run"
    file = tmp_path / "recipe.toml"
    file.write_text(recipe_text(interruptible.replace("output", dir=str(target))))
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(file), str(target)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "A checkpoint could not be saved" in done.stderr
    saved = saved_steps(target / "checkpoints")
    assert saved
    assert saved[0] <= 14
    assert f"the last good checkpoint is that of step {saved[0]}" in done.stderr
    # A writer of the library may outlive the save that failed, and leave a file in the folder it wrote in.
    left = {path.name for path in (target / "checkpoints").iterdir()}
    assert {name for name in left if not name.endswith("-tmp")} == {str(step) for step in saved}
    check_same(zoo.finetune(resume=target), whole)
    assert [path.name for path in (target / "checkpoints").iterdir()] == [str(STEPS)]


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
