"""A loss that explodes and stays a number stops a run; one that is high for a while does not."""

from __future__ import annotations

import re
from pathlib import Path

import jax.numpy as jnp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import RunError
from zoo.train.checkpoints import saved_steps
from zoo.train.finetune import finetune
from zoo.train.optimizer import Schedule
from zoo.train.watch import FIRST, LASTING, Watch


def stopped_at(losses) -> int:
    """The step at which a watch calls these losses exploded; 0 for never."""
    watch = Watch()
    return next((step for step, loss in enumerate(losses, 1) if watch.exploded(step, loss)), 0)


def test_a_loss_that_stays_far_above_where_it_began_stops_the_run():
    assert stopped_at([2.0] * FIRST + [25.0] * 100) == FIRST + LASTING
    assert stopped_at([2.0] * FIRST + [20.9] * 100) == 0
    assert stopped_at([2.0] * FIRST + ([25.0] * (LASTING - 1) + [2.0]) * 9) == 0
    assert stopped_at([1e-6] * FIRST + [0.7] * 100) == 0  # a guess between two classes
    assert stopped_at([2.0] * 9 + [1e9] * 100) == 0  # nothing to compare it with


@given(st.lists(st.floats(0, 10), min_size=1, max_size=60), st.lists(st.floats(0, 1e6), max_size=LASTING - 1))
def test_losses_no_higher_than_the_first_and_short_peaks_never_do(losses, peak):
    top = max(losses[:FIRST])
    assert stopped_at([min(loss, top) for loss in losses] + peak + [top] * 30) == 0


def test_a_run_whose_loss_explodes_names_step_rows_and_checkpoint(recipe, output, monkeypatch):
    """The rate explodes at step 24, so far that the logits are large, and no further than they stay numbers."""
    recipe = recipe.replace("output", dir=output.dir)
    recipe = recipe.replace("train", epochs=40, optimizer="sgd", momentum=0.0, learning_rate=1e-3, clip_norm=0.0)
    recipe = recipe.replace("train", steps=120, checkpoint_steps=4, warmup=0, schedule="constant")
    calm = Schedule.__call__
    monkeypatch.setattr(Schedule, "__call__", lambda self, step: jnp.where(step < 24, calm(self, step), 100.0))
    with pytest.raises(
        RunError, match=r"Training diverged: each loss since step \d+ is more than ten times"
    ) as caught:
        finetune(recipe)
    seen, last = caught.value.why
    assert re.fullmatch(rf"step 25 saw rows .* of '{re.escape(recipe.data.train)}'", seen)
    good = re.fullmatch(r"the last good checkpoint is that of step (\d+)", last)
    assert good
    assert int(good[1]) <= 24
    assert saved_steps(Path(output.dir) / "checkpoints")[0] <= 24
