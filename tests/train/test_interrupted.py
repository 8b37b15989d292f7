"""A run that is killed or stopped at any moment, in a process of its own, ends at the weights it would have."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import zoo
from tests.train.same_run import STEPS, check_same, weights
from zoo.errors import ZooError
from zoo.train.checkpoints import saved_steps
from zoo.train.recipe import Recipe
from zoo.train.recipe_file import recipe_text

# Tells of every stage and step, slowly enough to be killed between any two of them.
CHILD = """
import sys, time
from zoo.backend import use_jax
use_jax(lean=True)
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
