"""What it means that a run that was interrupted is the run that nothing interrupted."""

from __future__ import annotations

import hashlib

from zoo.train.checkpoints import saved_steps
from zoo.train.run import Run

STEPS = 27  # of the interruptible run: three epochs of nine


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
